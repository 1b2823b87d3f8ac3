"""From a fact to phones and mailboxes: the right people, once, on the channels that they chose."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from mizan.notify.events.v1 import events_pb2 as facts
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from servicekit.db import SYSTEM
from servicekit.testing.events import Bus
from services.notify.commands.whatsapp import store
from services.notify.domain.whatsapp import read_webhook
from services.notify.tests.facts import published_week, shift
from services.notify.tests.town import Town
from tools.phone_server.faults import Fault

RATE_LIMITED = {"error": {"code": 130429, "message": "(#130429) Rate limit hit"}}
QUOTA_EXCEEDED = {
    "error": {
        "status": "RESOURCE_EXHAUSTED",
        "message": "Quota exceeded",
        "details": [
            {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "QUOTA_EXCEEDED"},
        ],
    }
}


async def test_a_published_week_reaches_a_person_once_on_every_channel(town: Town, bus: Bus) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    week = published_week(place, amina.id)
    await town.happens(week, place)
    await town.happens(week, place)
    assert town.received(amina) == {"whatsapp": 1, "push": 1, "email": 1}
    assert {channel: row.state for channel, row in town.deliveries(amina).items()} == dict.fromkeys(
        ("app", "push", "whatsapp", "email"), "SENT"
    )
    (notification,) = town.notifications(amina)
    assert (notification.kind, notification.title) == ("SCHEDULE_PUBLISHED", "Your schedule is out")
    told = await bus.first(facts.NotificationCreated, place)
    assert [one.user_id for one in told.message.recipients] == [str(amina.id)]
    (sent,) = town.world.whatsapp.to(amina.phone)
    assert sent["template"]["name"] == "mizan_notice"
    assert sent["biz_opaque_callback_data"] == str(town.deliveries(amina)["whatsapp"].id)


async def test_what_became_of_a_message_is_a_fact_for_everybody(town: Town, bus: Bus) -> None:
    place = await town.restaurant()
    amina = await town.person(place, push_enabled=False, email_enabled=False)
    given = shift(place, amina.id)
    town.world.whatsapp.faults.order(Fault(504, accepts=True))
    await town.happens(scheduling.ShiftCreated(shift=given), place, settle=False)
    waiting = await town.until(amina, "whatsapp", "UNCERTAIN")
    (sent,) = town.world.whatsapp.to(amina.phone)

    async def report(state: str) -> None:
        webhook = town.world.whatsapp.status(sent, state)
        async with town.notify.database.write(SYSTEM) as session:
            now = datetime.now(UTC)
            await store(session, *read_webhook(webhook, "", now), now)

    for state in ("sent", "read", "delivered"):
        town.notify.run(report(state))
    told = await bus.of_aggregate(facts.NotificationDeliverySettled, waiting.id, 3)
    assert [(one.message.status, one.envelope.version) for one in told] == [("UNCERTAIN", 1), ("SENT", 2), ("READ", 5)]
    assert {one.message.user_id for one in told} == {str(amina.id)}
    assert {one.message.related_shift_id for one in told} == {given.id}
    assert {(one.message.channel, one.message.notification_type) for one in told} == {("whatsapp", "SHIFT_ASSIGNED")}


async def test_people_choose_their_channels(town: Town) -> None:
    place = await town.restaurant()
    by_phone = await town.person(place, "Bahia", email_enabled=False, push_enabled=False)
    by_mail = await town.person(place, "Chama", push_enabled=False, whatsapp_enabled=False)
    by_exception = await town.person(
        place, "Dounia", email_enabled=False, channel_exceptions={"shift": {"email": True, "whatsapp": False}}
    )
    uninterested = await town.person(place, "Emna", shift_notifications=False)
    silent = await town.person(place, "Farah", notifications_enabled=False)
    for someone in (by_phone, by_mail, by_exception, uninterested, silent):
        await town.happens(published_week(place, someone.id), place, settle=False)
    await town.settle()
    assert town.received(by_phone) == {"whatsapp": 1, "push": 0, "email": 0}
    assert town.received(by_mail) == {"whatsapp": 0, "push": 0, "email": 1}
    assert town.received(by_exception) == {"whatsapp": 0, "push": 1, "email": 1}
    for nobody in (uninterested, silent):
        assert town.received(nobody) == {"whatsapp": 0, "push": 0, "email": 0}
        assert town.notifications(nobody) == []


async def test_what_is_critical_passes_over_every_wish(town: Town) -> None:
    place = await town.restaurant()
    boss = await town.person(
        place,
        role="MANAGER",
        notifications_enabled=False,
        whatsapp_enabled=False,
        quiet_hours_start=time(0, 0),
        quiet_hours_end=time(23, 59, 59),
    )
    incident = scheduling.IncidentFacts(
        id=str(uuid4()), restaurant_id=str(place), title="Gas leak", severity="CRITICAL", status="REPORTED"
    )
    await town.happens(scheduling.IncidentReported(incident=incident), place)
    assert town.received(boss) == {"whatsapp": 1, "push": 1, "email": 1}
    assert town.notifications(boss)[0].kind == "EMERGENCY"


async def test_quiet_hours_hold_back_what_is_not_in_the_list(town: Town) -> None:
    place = await town.restaurant(timezone="Asia/Tokyo")
    now = datetime.now(UTC)
    began, ends = (now - timedelta(hours=1)).time(), (now + timedelta(hours=2)).time()
    asleep = await town.person(place, timezone="UTC", quiet_hours_start=began, quiet_hours_end=ends)
    await town.happens(published_week(place, asleep.id), place)
    assert town.received(asleep) == {"whatsapp": 0, "push": 0, "email": 0}
    rows = town.deliveries(asleep)
    assert rows["app"].state == "SENT"
    for channel in ("push", "whatsapp", "email"):
        assert rows[channel].state == "PENDING"
        assert timedelta(hours=1, minutes=59) < rows[channel].not_before - now < timedelta(hours=2, minutes=1)


async def test_a_change_that_was_told_is_not_told_again_with_the_week(town: Town) -> None:
    place = await town.restaurant()
    amina = await town.person(place)
    told, untold = shift(place, amina.id), shift(place, amina.id)
    await town.happens(scheduling.ShiftCreated(shift=told), place)
    await town.happens(published_week(place, amina.id, 2, added=[told, untold]), place)
    first, second = town.notifications(amina)
    assert (first.kind, second.kind) == ("SHIFT_ASSIGNED", "SCHEDULE_PUBLISHED")
    assert second.message.count("New:") == 1
    await town.happens(published_week(place, amina.id, 3, changed=[told]), place)
    assert len(town.notifications(amina)) == 2


async def reached(town: Town, channel: str, state: str) -> int:
    """How often a week reached somebody who has this channel alone, once the delivery ended in the state."""
    place = await town.restaurant()
    others: dict[str, Any] = {f"{other}_enabled": False for other in ("whatsapp", "push", "email") if other != channel}
    amina = await town.person(place, **others)
    await town.happens(published_week(place, amina.id), place, settle=False)
    await town.until(amina, channel, state)
    return town.received(amina)[channel]


@pytest.mark.parametrize(
    ("fault", "state", "sent"),
    [
        (Fault(429, RATE_LIMITED, {"Retry-After": "1"}), "SENT", 1),
        (Fault(500, {"error": {"code": 131016, "message": "Service unavailable"}}), "SENT", 1),
        (Fault(400, {"error": {"code": 131026, "message": "Message undeliverable"}}), "FAILED", 0),
        (Fault(504), "UNCERTAIN", 0),
        (Fault(504, accepts=True), "UNCERTAIN", 1),
        (Fault(delay=4, accepts=True), "UNCERTAIN", 1),
    ],
    ids=["rate limit", "away", "refused", "gateway", "answer lost", "timeout"],
)
async def test_whatsapp_fails(town: Town, fault: Fault, state: str, sent: int) -> None:
    town.world.whatsapp.faults.order(fault)
    assert await reached(town, "whatsapp", state) == sent


@pytest.mark.parametrize(
    ("fault", "state", "sent"),
    [
        (Fault(429, QUOTA_EXCEEDED), "SENT", 1),
        (Fault(400, {"error": {"status": "INVALID_ARGUMENT", "message": "Message is too big."}}), "FAILED", 0),
        (Fault(502, accepts=True), "UNCERTAIN", 1),
        (Fault(delay=4, accepts=True), "UNCERTAIN", 1),
    ],
    ids=["quota", "refused", "answer lost", "timeout"],
)
async def test_push_fails(town: Town, fault: Fault, state: str, sent: int) -> None:
    town.world.firebase.faults.order(fault)
    assert await reached(town, "push", state) == sent


@pytest.mark.parametrize(
    ("reply", "state", "sent"),
    [("451 Try again later", "SENT", 1), ("550 No such mailbox", "FAILED", 0)],
    ids=["for now", "for good"],
)
async def test_mail_is_refused(town: Town, reply: str, state: str, sent: int) -> None:
    town.world.mailbox.refuse(reply)
    assert await reached(town, "email", state) == sent
