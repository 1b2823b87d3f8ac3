"""Notifications of shifts for the staff pages: `mizan.gateway.v1.ScheduleNotificationService`."""

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


class ScheduleNotifications:
    """Answers the operation of ScheduleNotificationService."""

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


def _row(found: notification_pb2.Notification) -> pb.ScheduleNotification:
    return pb.ScheduleNotification(
        id=found.id,
        message=found.message,
        is_read=found.is_read,
        created_at=found.created_at,
        schedule=found.related_shift_id or None,
        recipient=found.recipient,
    )
