"""Notifications of shifts for the staff pages: `mizan.gateway.v1.ScheduleNotificationService`."""

from typing import Any

from gateway.compose.parts import Handler, Metadata, Part, Parts, handlers_of
from mizan.gateway.v1 import schedule_notification_pb2 as pb
from mizan.notify.v1 import notification_pb2

KIND = "SHIFT_ASSIGNED"
NOTIFICATIONS = Part(
    "notify",
    "/mizan.notify.v1.NotificationService/ListNotifications",
    notification_pb2.ListNotificationsResponse,
    "Notifications",
)
MARK = Part(
    "notify",
    "/mizan.notify.v1.NotificationService/MarkNotificationRead",
    notification_pb2.MarkNotificationReadResponse,
    "Notifications",
)
MARK_ALL = Part(
    "notify",
    "/mizan.notify.v1.NotificationService/MarkAllNotificationsRead",
    notification_pb2.NotificationsChanged,
    "Notifications",
)


class ScheduleNotifications:
    """Answers the operations of ScheduleNotificationService."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def handlers(self) -> dict[str, Handler]:
        """The handlers by gRPC path."""
        return handlers_of(pb.DESCRIPTOR.services_by_name["ScheduleNotificationService"], self)

    async def ListScheduleNotifications(
        self, request: pb.ListScheduleNotificationsRequest, *, metadata: Metadata, timeout: float
    ) -> pb.ListScheduleNotificationsResponse:
        wanted = notification_pb2.ListNotificationsRequest(
            type=KIND, page=request.page or None, page_size=request.page_size or None
        )
        answer = await self._parts.need(NOTIFICATIONS, wanted, metadata, timeout)
        return pb.ListScheduleNotificationsResponse(count=answer.count, results=map(_row, answer.results))

    async def MarkScheduleNotificationRead(
        self, request: pb.MarkScheduleNotificationReadRequest, *, metadata: Metadata, timeout: float
    ) -> pb.ScheduleNotificationsRead:
        wanted = notification_pb2.MarkNotificationReadRequest(id=request.id)
        await self._parts.need(MARK, wanted, metadata, timeout)
        return pb.ScheduleNotificationsRead(status="Notification marked as read")

    async def MarkAllScheduleNotificationsRead(
        self, _request: Any, *, metadata: Metadata, timeout: float
    ) -> pb.ScheduleNotificationsRead:
        await self._parts.need(MARK_ALL, None, metadata, timeout)
        return pb.ScheduleNotificationsRead(status="All notifications marked as read")


def _row(found: notification_pb2.Notification) -> pb.ScheduleNotification:
    return pb.ScheduleNotification(
        id=found.id,
        message=found.message,
        is_read=found.is_read,
        created_at=found.created_at,
        schedule=found.related_shift_id or None,
        recipient=found.recipient,
    )
