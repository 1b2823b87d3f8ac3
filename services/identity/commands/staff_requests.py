"""Filing staff requests and deciding them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from servicekit.files import StoredFile
from servicekit.identity import Principal
from services.identity import events
from services.identity.domain import staff_requests as rules
from services.identity.domain.contact import phone_digits
from services.identity.domain.staff_requests import Entry
from services.identity.filing import discard
from services.identity.models import StaffRequest, StaffRequestAttachment, StaffRequestComment

REVIEW = "request.review"
MAX_ATTACHMENTS = 20
WORDING = ("subject", "description", "category", "priority")
"""What can be changed about a request beside its status."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that is not filed yet."""

    restaurant_id: UUID
    staff_id: UUID | None
    staff_name: str = ""
    staff_phone: str = ""
    category: str = "OTHER"
    priority: str = "MEDIUM"
    subject: str = ""
    description: str = ""
    source: str = "web"
    external_id: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


async def file(session: AsyncSession, wish: Wish, now: datetime) -> tuple[StaffRequest, bool]:
    """Files a request; one that was filed under the same external id before is returned instead, with False."""
    row = {
        "id": uuid4(),
        "restaurant_id": wish.restaurant_id,
        "staff_id": wish.staff_id,
        "staff_name": wish.staff_name[:255],
        "staff_phone": wish.staff_phone[:32],
        "staff_phone_digits": phone_digits(wish.staff_phone),
        "category": wish.category,
        "priority": wish.priority,
        "subject": wish.subject[:255],
        "description": wish.description,
        "source": wish.source[:30],
        "external_id": wish.external_id[:128],
        "details": dict(wish.details),
        "created_at": now,
        "updated_at": now,
    }
    filed = await session.scalar(insert(StaffRequest).values(row).on_conflict_do_nothing().returning(StaffRequest))
    if filed is not None:
        events.staff_request_created(session, filed)
        return filed, True
    earlier = await session.scalar(
        sa.select(StaffRequest).where(
            StaffRequest.restaurant_id == wish.restaurant_id,
            StaffRequest.source == row["source"],
            StaffRequest.external_id == row["external_id"],
        )
    )
    if earlier is None:
        raise Conflict("The request is being filed at this moment. Please try again.", code="concurrent_change")
    return earlier, False


def ensure_own(principal: Principal, request: StaffRequest) -> None:
    """Raises AlreadyExists when an external id turns out to be that of somebody else's request."""
    if request.staff_id != principal.user_id:
        raise AlreadyExists("This external id belongs to another request.", code="external_id_taken")


async def locked_request(
    session: AsyncSession, principal: Principal, request_id: UUID, seen_version: int | None = None
) -> StaffRequest:
    """A request for changing, held against others. Raises NotFound, and Conflict when it is not as it was seen."""
    request = await session.scalar(
        sa.select(StaffRequest)
        .where(StaffRequest.id == request_id, StaffRequest.restaurant_id == principal.tenant)
        .with_for_update()
    )
    if request is None:
        raise NotFound("No StaffRequest matches the given query.")
    if seen_version is not None and request.version != seen_version:
        raise Conflict(
            "Somebody else changed this request at the same time. Please look at it again.",
            code="stale_version",
            extra={"version": request.version, "status": request.status},
        )
    return request


def write(
    session: AsyncSession, request: StaffRequest, author_id: UUID | None, entry: Entry, now: datetime
) -> StaffRequestComment:
    """Adds an entry to a request's timeline."""
    comment = StaffRequestComment(
        id=uuid4(),
        restaurant_id=request.restaurant_id,
        request_id=request.id,
        author_id=author_id,
        kind=entry.kind,
        body=entry.body,
        details=dict(entry.details),
        created_at=now,
    )
    session.add(comment)
    return comment


def decide(
    session: AsyncSession, principal: Principal, request: StaffRequest, target: str, remark: str, now: datetime
) -> None:
    """Moves a request to another state. Raises Conflict when its state forbids that."""
    if problem := rules.move_problem(request.status, target):
        raise Conflict(problem, code="invalid_transition", extra={"status": request.status})
    previous = request.status
    write(session, request, principal.user_id, rules.decision_entry(previous, target, principal.name, remark), now)
    request.status = target
    request.reviewed_by = principal.user_id
    request.reviewed_at = now
    _changed(session, principal, request, previous, now)


def assign(
    session: AsyncSession,
    principal: Principal,
    request: StaffRequest,
    assignee_id: UUID | None,
    assignee: str | None,
    now: datetime,
) -> None:
    """Makes somebody responsible, or nobody. Raises Conflict when that is so already or the request is closed."""
    if request.status == rules.CLOSED:
        raise Conflict("The request is closed.", code="invalid_transition", extra={"status": request.status})
    if request.assigned_to == assignee_id:
        raise Conflict("The request is assigned like that already.", code="already_assigned")
    entry = rules.assignment_entry(principal.name, assignee, str(assignee_id) if assignee_id else None)
    write(session, request, principal.user_id, entry, now)
    request.assigned_to = assignee_id
    _changed(session, principal, request, request.status, now)


def reword(
    session: AsyncSession, principal: Principal, request: StaffRequest, changes: Mapping[str, Any], now: datetime
) -> None:
    """Changes subject, description, category or priority.

    Raises Forbidden for somebody who neither wrote nor reviews it, Conflict when its state forbids it, Invalid when the
    status is among the changes.
    """
    is_reviewer = principal.may(REVIEW)
    if changes.get("status", request.status) != request.status:
        if not is_reviewer:
            raise Forbidden
        raise Invalid.field("status", "The status changes by approving, rejecting, escalating or closing.")
    if problem := rules.edit_problem(request.status, is_reviewer=is_reviewer):
        raise Conflict(problem, code="not_editable", extra={"status": request.status})
    for name in WORDING:
        if name in changes:
            setattr(request, name, changes[name])
    _changed(session, principal, request, request.status, now)


def _changed(
    session: AsyncSession, principal: Principal, request: StaffRequest, previous_status: str, now: datetime
) -> None:
    request.version += 1
    request.updated_at = now
    events.staff_request_updated(session, request, previous_status, principal.user_id)


def remark(
    session: AsyncSession, principal: Principal, request: StaffRequest, body: str, now: datetime
) -> StaffRequestComment:
    """Adds somebody's remark to the timeline."""
    comment = write(session, request, principal.user_id, Entry(rules.COMMENT, body), now)
    events.staff_request_commented(session, request, comment)
    return comment


async def ensure_room(session: AsyncSession, request: StaffRequest) -> None:
    """Raises Conflict when a request takes no more files."""
    if request.status == rules.CLOSED:
        raise Conflict("The request is closed.", code="not_editable", extra={"status": request.status})
    count = await session.scalar(
        sa.select(sa.func.count())
        .select_from(StaffRequestAttachment)
        .where(StaffRequestAttachment.request_id == request.id)
    )
    if (count or 0) >= MAX_ATTACHMENTS:
        raise Conflict(f"A request holds at most {MAX_ATTACHMENTS} files.", code="too_many_attachments")


def attach(
    session: AsyncSession, principal: Principal, request: StaffRequest, name: str, file: StoredFile, now: datetime
) -> StaffRequestAttachment:
    """Adds a stored file to a request."""
    attachment = StaffRequestAttachment(
        id=uuid4(),
        restaurant_id=request.restaurant_id,
        request_id=request.id,
        name=name[:255],
        file_key=file.key,
        content_type=file.content_type,
        size=file.size,
        uploaded_by=principal.user_id,
        uploaded_at=now,
    )
    session.add(attachment)
    return attachment


async def remove(session: AsyncSession, principal: Principal, request: StaffRequest) -> None:
    """Deletes a request with its timeline; its files go once that is committed. Raises Conflict."""
    if problem := rules.deletion_problem(request.status, is_reviewer=principal.may(REVIEW)):
        raise Conflict(problem, code="not_editable", extra={"status": request.status})
    keys = await session.scalars(
        sa.select(StaffRequestAttachment.file_key).where(StaffRequestAttachment.request_id == request.id)
    )
    for key in keys.all():
        await discard(session, request.restaurant_id, key)
    await session.delete(request)
    await session.flush()
