"""Staff requests as messages."""

from typing import Any
from uuid import UUID

from mizan.identity.v1 import account_pb2, staff_request_pb2
from servicekit.identity import Principal
from services.identity.commands.profiles import RECORDS
from services.identity.filing import Filing
from services.identity.queries.staff_requests import Timeline
from services.identity.service.convert import user_slim


def request_message(row: Any, timeline: Timeline, filing: Filing, viewer: Principal) -> staff_request_pb2.StaffRequest:
    """A request with its timeline; of other people it shows no records to those who may not see them."""

    def person(user_id: UUID | None) -> account_pb2.UserSlim | None:
        found = timeline.people.get(user_id) if user_id else None
        if found is None:
            return None
        return user_slim(found, with_records=viewer.may(RECORDS) or str(user_id) == viewer.subject)

    message = staff_request_pb2.StaffRequest(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        staff=_text(row.staff_id),
        staff_details=person(row.staff_id),
        staff_name=row.staff_name,
        staff_phone=row.staff_phone,
        category=row.category,
        priority=row.priority,
        status=row.status,
        subject=row.subject,
        description=row.description,
        source=row.source,
        external_id=row.external_id,
        metadata=row.details,
        reviewed_by=_text(row.reviewed_by),
        comments=[_comment(comment, person(comment.author_id)) for comment in timeline.comments.get(row.id, ())],
        assigned_to=_text(row.assigned_to),
        assigned_to_details=person(row.assigned_to),
        attachments=[attachment_message(attachment, filing) for attachment in timeline.attachments.get(row.id, ())],
        version=row.version,
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    if row.reviewed_at is not None:
        message.reviewed_at.FromDatetime(row.reviewed_at)
    return message


def _comment(row: Any, author: account_pb2.UserSlim | None) -> staff_request_pb2.StaffRequestComment:
    message = staff_request_pb2.StaffRequestComment(
        id=str(row.id),
        kind=row.kind,
        body=row.body,
        metadata=row.details,
        author=_text(row.author_id),
        author_details=author,
    )
    message.created_at.FromDatetime(row.created_at)
    return message


def attachment_message(row: Any, filing: Filing) -> staff_request_pb2.StaffRequestAttachment:
    """A file of a request, with a link to its content."""
    message = staff_request_pb2.StaffRequestAttachment(
        id=str(row.id),
        name=row.name,
        file=filing.link(attachment_path(row.request_id, row.id), row.file_key),
        content_type=row.content_type,
        size=row.size,
        uploaded_by=_text(row.uploaded_by),
    )
    message.uploaded_at.FromDatetime(row.uploaded_at)
    return message


def attachment_path(request_id: UUID, attachment_id: UUID) -> str:
    """Where the content of a request's file is fetched."""
    return f"/api/staff/requests/{request_id}/attachments/{attachment_id}/file/"


def _text(identifier: UUID | None) -> str | None:
    return str(identifier) if identifier else None
