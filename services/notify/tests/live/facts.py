"""Facts of the platform as their services publish them."""

from collections.abc import Mapping
from uuid import UUID, uuid4

from google.protobuf.timestamp_pb2 import Timestamp

from mizan.notify.events.v1 import events_pb2 as notify
from mizan.pos.events.v1 import events_pb2 as pos
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from mizan.timeclock.events.v1 import events_pb2 as timeclock

NOW = Timestamp(seconds=1_790_000_000)


def notification(restaurant_id: UUID, ids: Mapping[str, str], title: str = "Your week") -> notify.NotificationCreated:
    """A notification for some people, each with an id of their own."""
    return notify.NotificationCreated(
        restaurant_id=str(restaurant_id),
        recipients=[notify.NotificationRecipient(user_id=user, notification_id=own) for user, own in ids.items()],
        title=title,
        message="Your shifts are published.",
        notification_type="SCHEDULE_PUBLISHED",
        priority="HIGH",
        created_at=NOW,
        data_json='{"week_start": "2026-11-23"}',
    )


def order(restaurant_id: UUID, order_id: str | None = None) -> pos.OrderOpened:
    """An order that was just taken."""
    line = pos.OrderLineFacts(id=str(uuid4()), menu_item_id=str(uuid4()), name="Tajine", quantity=2, unit_price="90.00")
    return pos.OrderOpened(
        order=pos.OrderFacts(
            id=order_id or str(uuid4()),
            restaurant_id=str(restaurant_id),
            order_number="A-1",
            order_type="DINE_IN",
            status="PENDING",
            total_amount="180.00",
            guest_count=2,
            lines=[line],
            version=1,
        )
    )


def ticket(restaurant_id: UUID) -> pos.TicketOpened:
    """Something new for the kitchen."""
    facts = pos.TicketFacts(id=str(uuid4()), restaurant_id=str(restaurant_id), order_number="A-1", status="NEW")
    return pos.TicketOpened(ticket=facts)


def alert(restaurant_id: UUID) -> notify.AlertCreated:
    """Something that everybody should know."""
    facts = notify.AlertFacts(id=str(uuid4()), restaurant_id=str(restaurant_id), message="Oven", alert_type="ERROR")
    return notify.AlertCreated(alert=facts)


def task(restaurant_id: UUID) -> scheduling.TaskCreated:
    """A new task."""
    facts = scheduling.TaskFacts(id=str(uuid4()), restaurant_id=str(restaurant_id), title="Mop", status="TODO")
    return scheduling.TaskCreated(task=facts)


def shift(restaurant_id: UUID, *, is_published: bool) -> scheduling.ShiftCreated:
    """A new shift."""
    facts = scheduling.ShiftFacts(id=str(uuid4()), restaurant_id=str(restaurant_id), is_published=is_published)
    return scheduling.ShiftCreated(shift=facts)


def clocked_in(restaurant_id: UUID) -> timeclock.SessionOpened:
    """Somebody has clocked in."""
    facts = timeclock.SessionFacts(id=str(uuid4()), restaurant_id=str(restaurant_id), staff_id=str(uuid4()))
    return timeclock.SessionOpened(session=facts)
