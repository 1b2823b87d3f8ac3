"""The caller's own notifications, and what screens report."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from mizan.notify.v1 import notification_pb2 as pb
from refdata import time_zone
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SessionReader
from servicekit.errors import Invalid, NotFound
from servicekit.links import FileLinks
from servicekit.paging import page_of
from servicekit.zones import beginning_of
from services.notify.commands import notifications as commands
from services.notify.commands.telling import News, tell
from services.notify.domain.channels import APP, channels_of
from services.notify.domain.routing import Urgency
from services.notify.queries import notifications as queries
from services.notify.queries.people import MANAGERS, in_roles, name_of
from services.notify.service.convert import notification_message

UNTRACKED = frozenset({"AUTO_SAVE"})
"""Activities that happen by themselves."""


class NotificationService:
    """Implements mizan.notify.v1.NotificationService."""

    def __init__(self, clock: Clock, links: FileLinks) -> None:
        self._clock = clock
        self._links = links

    async def ListNotifications(self, request: pb.ListNotificationsRequest, call: Call) -> pb.ListNotificationsResponse:
        tenant, user_id = call.principal.tenant, call.principal.user_id
        since = until = None
        if request.date_from or request.date_to:
            zone = await time_zone(call.read(), tenant)
            since = _begin(request.date_from, zone, days=0)
            until = _begin(request.date_to, zone, days=1)
        count, rows = await queries.notifications(
            call.read(),
            tenant,
            user_id,
            page_of(request),
            kind=request.type,
            priority=request.priority,
            is_read=request.is_read if request.HasField("is_read") else None,
            since=since,
            until=until,
        )
        now = self._clock.now()
        return pb.ListNotificationsResponse(
            count=count, results=[notification_message(row, self._links, now) for row in rows]
        )

    async def GetNotificationStats(self, _request: pb.GetNotificationStatsRequest, call: Call) -> pb.NotificationStats:
        message = pb.NotificationStats()
        for row in await queries.stats(call.read(), call.principal.tenant, call.principal.user_id):
            message.total_count += row.total
            message.unread_count += row.unread
            message.type_counts[row.kind] += row.total
            message.priority_counts[row.priority] += row.total
        return message

    async def MarkNotificationRead(
        self, request: pb.MarkNotificationReadRequest, call: Call
    ) -> pb.MarkNotificationReadResponse:
        read_at = await commands.mark_read(
            await call.session(),
            call.principal.tenant,
            call.principal.user_id,
            UUID(request.id),
            self._clock.now(),
        )
        return pb.MarkNotificationReadResponse(
            success=True, message="Notification marked as read", read_at=timestamp_of(read_at)
        )

    async def DeleteNotification(self, request: pb.DeleteNotificationRequest, call: Call) -> pb.NotificationDone:
        if not await self._delete(call, [UUID(request.id)]):
            raise NotFound(queries.NO_NOTIFICATION)
        return pb.NotificationDone(success=True, message="Notification deleted successfully")

    async def MarkAllNotificationsRead(
        self, _request: pb.MarkAllNotificationsReadRequest, call: Call
    ) -> pb.NotificationsChanged:
        return _changed(await self._mark_read(call, None), "marked as read")

    async def ChangeNotifications(self, request: pb.ChangeNotificationsRequest, call: Call) -> pb.NotificationsChanged:
        ids = [UUID(one) for one in request.notification_ids]
        if not request.action or not ids:
            raise Invalid("Action and notification_ids are required", code="required")
        match request.action:
            case "mark_read":
                return _changed(await self._mark_read(call, ids), "marked as read")
            case "delete":
                return _changed(await self._delete(call, ids), "deleted")
        raise Invalid("Invalid action", code="invalid_action")

    async def SendTestNotification(self, request: pb.SendTestNotificationRequest, call: Call) -> pb.NotificationDone:
        tenant, user_id = call.principal.tenant, call.principal.user_id
        news = News(
            key=f"test {uuid4()}",
            kind="SYSTEM_ALERT",
            text="test",
            words={"message": request.message.strip() or "This is a test notification"},
            channels=channels_of(request.channels) or (APP,),
            priority="LOW",
            # Whoever asks for it wants it now, on the channels they name.
            urgency=Urgency(overrides=False),
            sender_id=user_id,
            data={"test": True},
        )
        told = await tell(await call.session(), tenant, [user_id], news, self._clock.now())
        if not told:
            raise Invalid("Your notifications are switched off, or you are not known here yet.", code="not_sent")
        return pb.NotificationDone(success=True, message="Test notification sent successfully")

    async def ReportActivity(self, request: pb.ReportActivityRequest, call: Call) -> pb.Acknowledged:
        await call.session()
        call.notes.skip = request.event_type in UNTRACKED
        call.notes.entity_id = request.execution_id
        call.notes.description = request.message or request.event_type
        return pb.Acknowledged(success=True)

    async def ReportChecklistSubmission(
        self, request: pb.ReportChecklistSubmissionRequest, call: Call
    ) -> pb.Acknowledged:
        if not request.execution_id.strip():
            raise Invalid.field("execution_id", "This field is required.", code="required")
        tenant, user_id = call.principal.tenant, call.principal.user_id
        session = await call.session()
        reading = SessionReader(session)
        managers = [one for one in await in_roles(reading, tenant, MANAGERS) if one != user_id]
        news = News(
            key=f"checklist {request.execution_id} {user_id}",
            kind="TASK_COMPLETED",
            text="checklist_submitted",
            words={
                "name": await name_of(reading, tenant, user_id) or call.principal.name,
                "checklist": request.title.strip() or "…",
                "note": request.message.strip(),
            },
            channels=channels_of(request.channels) or (APP,),
            priority="MEDIUM",
            sender_id=user_id,
            data={"execution_id": request.execution_id, "checklist_submission": True},
        )
        await tell(session, tenant, managers, news, self._clock.now())
        return pb.Acknowledged(success=True)

    async def _mark_read(self, call: Call, ids: Sequence[UUID] | None) -> int:
        return await commands.mark_many_read(
            await call.session(), call.principal.tenant, call.principal.user_id, self._clock.now(), ids
        )

    async def _delete(self, call: Call, ids: Sequence[UUID]) -> int:
        return await commands.delete(
            await call.session(), call.principal.tenant, call.principal.user_id, ids, self._clock.now()
        )


def _changed(count: int, what: str) -> pb.NotificationsChanged:
    return pb.NotificationsChanged(success=True, message=f"{count} notifications {what}", count=count)


def _begin(day: str, zone: ZoneInfo, *, days: int) -> datetime | None:
    """When a day, or one of the next, begins in a zone."""
    if not day:
        return None
    try:
        wanted = date.fromisoformat(day) + timedelta(days=days)
    except OverflowError:
        return None
    return beginning_of(wanted, zone)
