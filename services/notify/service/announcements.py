"""Announcements, and their files."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any, Final
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf import any_pb2

from mizan.notify.v1 import announcement_pb2 as pb
from mizan.options.v1 import files_pb2
from servicekit import jobs
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SYSTEM, Database
from servicekit.errors import Invalid, Refusal
from servicekit.files import AUDIO, DOCUMENTS, IMAGES, MEBIBYTE, Accept, Files, StoredFile
from servicekit.links import FileLinks
from servicekit.paging import page_of
from services.notify.commands import announcements as commands
from services.notify.domain.announcements import Targeting, plain
from services.notify.domain.channels import APP, WHATSAPP, channels_of
from services.notify.models import Announcement
from services.notify.queries import announcements as queries
from services.notify.service.convert import announcement_message, attachment_path
from services.notify.tasks import REMOVE_FILE

ATTACHMENTS: Final = Accept(DOCUMENTS | IMAGES | AUDIO | {"text/plain", "text/csv"}, max_bytes=10 * MEBIBYTE)
# An upload whose transaction has not committed by then never will.
ABANDONED_AFTER: Final = timedelta(hours=1)


class AnnouncementService:
    """Implements mizan.notify.v1.AnnouncementService."""

    def __init__(self, database: Database, files: Files, clock: Clock, links: FileLinks) -> None:
        self._database = database
        self._files = files
        self._clock = clock
        self._links = links

    async def CreateAnnouncement(
        self, request: pb.CreateAnnouncementRequest, call: Call
    ) -> pb.CreateAnnouncementResponse:
        now = self._clock.now()
        scheduled = request.HasField("schedule_for")
        targeting = Targeting.of(
            request.recipients_staff_ids,
            request.recipients_departments,
            request.recipients_roles,
            request.recipients_shift_ids,
        )
        announcement = Announcement(
            restaurant_id=call.principal.tenant,
            sender_id=call.principal.user_id,
            title=_plain("title", request.title),
            message=_plain("message", request.message),
            priority=request.priority or "MEDIUM",
            tags=[tag for text in request.tags if (tag := plain(text))],
            targeting=targeting.to_json(),
            channels=list(channels_of(request.channels) or (APP, WHATSAPP)),
            override_preferences=request.override_preferences,
            status="SCHEDULED",
            scheduled_for=request.schedule_for.ToDatetime(tzinfo=UTC) if scheduled else now,
            is_scheduled=scheduled,
            expires_at=request.expires_at.ToDatetime(tzinfo=UTC) if request.HasField("expires_at") else None,
        )
        stored = await self._store(call.principal.tenant, request.attachments)
        count = await commands.create(await call.session(), announcement, stored, now)
        call.notes.entity_id = str(announcement.id)
        whom = f"{count} targeted recipients" if targeting.is_targeted else f"{count} staff members"
        return pb.CreateAnnouncementResponse(
            success=True,
            message=f"Announcement scheduled for {whom}" if scheduled else f"Announcement sent to {whom}",
            notification_count=count,
            title=announcement.title,
            targeted=targeting.is_targeted,
            announcement_id=str(announcement.id),
        )

    async def ListAnnouncements(self, request: pb.ListAnnouncementsRequest, call: Call) -> pb.ListAnnouncementsResponse:
        count, rows = await queries.announcements(call.read(), call.principal.tenant, request.status, page_of(request))
        return pb.ListAnnouncementsResponse(count=count, results=[announcement_message(row) for row in rows])

    async def CancelAnnouncement(self, request: pb.CancelAnnouncementRequest, call: Call) -> pb.Announcement:
        announcement = await commands.cancel(await call.session(), call.principal.tenant, UUID(request.id))
        return announcement_message(announcement)

    async def AcknowledgeAnnouncement(
        self, request: pb.AcknowledgeAnnouncementRequest, call: Call
    ) -> pb.AcknowledgeAnnouncementResponse:
        acknowledged_at = await commands.acknowledge(
            await call.session(),
            call.principal.tenant,
            call.principal.user_id,
            UUID(request.id),
            self._clock.now(),
        )
        return pb.AcknowledgeAnnouncementResponse(success=True, acknowledged_at=timestamp_of(acknowledged_at))

    async def ReportDeliveryIssue(
        self, request: pb.ReportDeliveryIssueRequest, call: Call
    ) -> pb.ReportDeliveryIssueResponse:
        description = request.description.strip()
        if not description:
            raise Invalid("description is required", code="required")
        issue_id = await commands.report_issue(
            await call.session(),
            call.principal.tenant,
            call.principal.user_id,
            description,
            UUID(request.notification_id) if request.notification_id else None,
        )
        call.notes.entity_id = str(issue_id)
        return pb.ReportDeliveryIssueResponse(success=True, issue_id=issue_id)

    async def GetAttachment(self, request: pb.GetAttachmentRequest, call: Call) -> httpbody_pb2.HttpBody:
        # Whoever has a link needs no account, and so has no restaurant.
        row = await queries.attachment(call.read(SYSTEM), UUID(request.id))
        key = row.key if row is not None else None
        self._links.check(attachment_path(request.id), key, request.expires, request.signature)
        return await self._body(row)

    async def _body(self, row: Any) -> httpbody_pb2.HttpBody:
        packed = any_pb2.Any()
        packed.Pack(files_pb2.Disposition(filename=row.original_name, inline=True))
        return httpbody_pb2.HttpBody(
            content_type=row.content_type, data=await self._files.read(row.key), extensions=[packed]
        )

    async def _store(self, restaurant_id: UUID, uploads: Sequence[files_pb2.Upload]) -> list[tuple[str, StoredFile]]:
        """Stores the files; those that no announcement names in an hour are removed again."""
        stored = []
        for upload in uploads:
            try:
                file = await self._files.put(restaurant_id, "announcements", upload.content, accept=ATTACHMENTS)
            except Refusal as refusal:
                if refusal.fields:
                    refusal.fields = {"attachments": [refusal.message]}
                raise
            async with self._database.write(SYSTEM) as session:
                await jobs.defer(session, REMOVE_FILE, at=self._clock.now() + ABANDONED_AFTER, key=file.key)
            stored.append((upload.filename or "file", file))
        return stored


def _plain(field: str, text: str) -> str:
    words = plain(text)
    if not words:
        raise Invalid.field(field, "This field may not be blank.", code="blank")
    return words
