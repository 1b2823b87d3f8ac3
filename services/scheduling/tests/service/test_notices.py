"""What shifts keep of people having been told of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from mizan.notify.events.v1 import events_pb2 as notify
from mizan.scheduling.v1 import shift_pb2, week_pb2
from servicekit.clock import timestamp_of
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.team import Team, team

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def created(us: Team, kind: str, people: list[UUID], **about: Any) -> notify.NotificationCreated:
    return notify.NotificationCreated(
        restaurant_id=str(us.restaurant_id),
        recipients=[notify.NotificationRecipient(user_id=str(one), notification_id=str(uuid4())) for one in people],
        notification_type=kind,
        created_at=timestamp_of(AT),
        **{"data_json": "{}", **about},
    )


def settled(us: Team, shift_id: str, channel: str, status: str, kind: str) -> notify.NotificationDeliverySettled:
    return notify.NotificationDeliverySettled(
        notification_id=str(uuid4()),
        restaurant_id=str(us.restaurant_id),
        user_id=str(us.people[0]),
        notification_type=kind,
        channel=channel,
        status=status,
        related_shift_id=shift_id,
    )


async def test_a_shift_keeps_that_somebody_was_told_of_it(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling)
    made = await plan(api, us, 0)
    assert (made.notification_sent, made.HasField("notification_sent_at")) == (False, False)
    heard = [
        created(us, "SHIFT_ASSIGNED", us.people[:1], related_shift_id=made.id),
        settled(us, made.id, "whatsapp", "SENT", "SHIFT_ASSIGNED"),
        settled(us, made.id, "whatsapp", "READ", "SHIFT_ASSIGNED"),
        settled(us, made.id, "push", "FAILED", "SHIFT_ASSIGNED"),
        settled(us, made.id, "email", "SENT", "SHIFT_REMINDER"),
        settled(us, str(uuid4()), "email", "SENT", "SHIFT_ASSIGNED"),
        created(us, "CHAT_MESSAGE", us.people, data_json="{}"),
    ]
    for event in [await bus.publish(message, restaurant_id=us.restaurant_id) for message in heard]:
        await handled(scheduling, "scheduling-notices", event)
    get = shift_pb2.GetShiftRequest(id=made.id)
    told = await api.ShiftService.GetShift(get, principal=us.manager)
    assert (told.notification_sent, sorted(told.notification_channels)) == (True, ["app", "whatsapp"])
    assert told.notification_sent_at.ToDatetime(tzinfo=UTC) > AT
    assert (told.version, told.updated_at) == (made.version, made.updated_at)


async def test_a_published_week_tells_of_the_shifts_of_whom_it_reached(
    api: Api, scheduling: RunningService, bus: Bus
) -> None:
    us = team(scheduling)
    his = await plan(api, us, 0)
    hers = await plan(api, us, 1)
    about = orjson.dumps({"schedule_id": his.schedule}).decode()
    event = created(us, "SCHEDULE_PUBLISHED", us.people[:1], data_json=about)
    await handled(scheduling, "scheduling-notices", await bus.publish(event, restaurant_id=us.restaurant_id))
    week = await api.WeekService.GetWeek(week_pb2.GetWeekRequest(id=his.schedule), principal=us.manager)
    told = {shift.id: (shift.notification_sent, list(shift.notification_channels)) for shift in week.assigned_shifts}
    assert told == {his.id: (True, ["app"]), hers.id: (False, [])}
