"""What scheduling keeps of other services' events, and does about them."""

from datetime import UTC
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.identity.events.v1 import events_pb2 as identity
from mizan.notify.events.v1 import events_pb2 as notify
from mizan.timeclock.events.v1 import events_pb2 as timeclock
from servicekit.events import Envelope
from servicekit.inbox import Subscription
from services.scheduling import sales
from services.scheduling.commands import attendance, library, notices

TELLING_OF_SHIFTS = ("SHIFT_ASSIGNED", "SHIFT_UPDATED")
SENT = ("SENT", "DELIVERED", "READ")


def subscriptions() -> list[Subscription]:
    """The consumers of this service."""
    return [
        refdata.subscription("scheduling"),
        sales.subscription(),
        Subscription(
            name="scheduling-clock",
            handlers={
                timeclock.SessionOpened: session_opened,
                timeclock.SessionClosed: session_closed,
                timeclock.AttendanceAbsent: absent,
            },
            # Nobody looks whether a shift goes on within the blink of an eye, and all come and go at the same time.
            size=100,
            linger=0.25,
            concurrency=1,
        ),
        Subscription(
            name="scheduling-notices",
            handlers={
                notify.NotificationCreated: notification_created,
                notify.NotificationDeliverySettled: notification_settled,
            },
            # A published week tells many at once, and nobody waits for this.
            size=100,
            linger=0.25,
            concurrency=1,
        ),
        Subscription(name="scheduling-library", handlers={identity.RestaurantCreated: restaurant_created}),
    ]


async def restaurant_created(session: AsyncSession, event: identity.RestaurantCreated, _envelope: Envelope) -> None:
    """Gives a new restaurant the built-in checklists of its kind."""
    await library.seed(session, UUID(event.restaurant.id), event.restaurant.restaurant_type)


async def session_opened(session: AsyncSession, event: timeclock.SessionOpened, _envelope: Envelope) -> None:
    """A shift goes on as soon as somebody has clocked in for it."""
    about = event.session
    if about.shift_id:
        await attendance.begun(session, UUID(about.restaurant_id), UUID(about.shift_id))


async def session_closed(session: AsyncSession, event: timeclock.SessionClosed, _envelope: Envelope) -> None:
    """A shift is over when whoever worked it has clocked out."""
    about = event.session
    if about.shift_id and about.status == "CLOSED":
        ended = about.ended_at.ToDatetime(tzinfo=UTC)
        await attendance.over(session, UUID(about.restaurant_id), UUID(about.shift_id), ended)


async def absent(session: AsyncSession, event: timeclock.AttendanceAbsent, envelope: Envelope) -> None:
    """Somebody has not come."""
    about = event.attendance
    if about.shift_id:
        await attendance.missed(
            session, UUID(about.restaurant_id), UUID(about.shift_id), UUID(about.staff_id), envelope.occurred_at
        )


async def notification_created(session: AsyncSession, event: notify.NotificationCreated, _envelope: Envelope) -> None:
    """People find a shift or their week in their list."""
    place, at = UUID(event.restaurant_id), event.created_at.ToDatetime(tzinfo=UTC)
    if event.notification_type in TELLING_OF_SHIFTS and event.related_shift_id:
        await notices.told(session, place, UUID(event.related_shift_id), "app", at)
    elif event.notification_type == "SCHEDULE_PUBLISHED":
        week = UUID(orjson.loads(event.data_json)["schedule_id"])
        people = [UUID(one.user_id) for one in event.recipients]
        await notices.told_of_week(session, place, week, people, "app", at)


async def notification_settled(
    session: AsyncSession, event: notify.NotificationDeliverySettled, envelope: Envelope
) -> None:
    """Somebody was told of a shift over another channel."""
    if event.notification_type in TELLING_OF_SHIFTS and event.status in SENT and event.related_shift_id:
        await notices.told(
            session, UUID(event.restaurant_id), UUID(event.related_shift_id), event.channel, envelope.occurred_at
        )
