"""Killed at every step: nothing is sent twice, and what is critical stays in the list whatever happens to the rest."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SYSTEM, Database, Scope
from servicekit.jobs import Job
from servicekit.testing.clock import MovableClock
from services.notify import tasks
from services.notify.commands import announcements
from services.notify.commands.deliveries import record
from services.notify.commands.telling import queue
from services.notify.commands.whatsapp import store
from services.notify.domain.announcements import Targeting
from services.notify.domain.whatsapp import read_webhook
from services.notify.jobs import Announcing, Sending
from services.notify.models import Announcement, Delivery, Notification
from services.notify.sending import Sender
from services.notify.tests.town import Someone, Town

RUN = Job(id=0, task=tasks.DELIVER.name, attempt=1, last_attempt=False)


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A database that the process does not survive: at the n-th transaction, before or after its commit."""

    def __init__(self, database: Database, at: int, *, committed: bool) -> None:
        self._database = database
        self._at = at
        self._committed = committed
        self._count = 0

    def read(self, scope: Scope) -> Any:
        return self._database.read(scope)

    @asynccontextmanager
    async def write(self, scope: Scope) -> AsyncIterator[AsyncSession]:
        self._count += 1
        dies = self._count == self._at
        async with self._database.write(scope) as session:
            yield session
            if dies and not self._committed:
                raise Killed
        if dies:
            raise Killed


class DyingSender:
    """Asks the provider and does not live to see the answer."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def send(self, row: Any, now: datetime) -> Any:
        await self._sender.send(row, now)
        raise Killed


def sending_of(town: Town) -> Sending:
    handler: Any = town.notify.service.jobs._handlers[tasks.DELIVER]
    sending: Sending = handler.__self__
    return sending


def copy(sending: Sending, *, database: Any = None, sender: Any = None) -> Sending:
    return Sending(database or sending._database, sender or sending._sender, sending._clock, sending._rates)


def waiting_delivery(town: Town, someone: Someone, channel: str) -> UUID:
    """A critical notification with a delivery for which no job is queued."""
    delivery_id, notification_id = uuid4(), uuid4()

    async def work() -> None:
        async with town.notify.database.write(Scope(someone.restaurant_id)) as session:
            session.add(
                Notification(
                    id=notification_id,
                    restaurant_id=someone.restaurant_id,
                    recipient_id=someone.id,
                    key=str(notification_id),
                    kind="EMERGENCY",
                    priority="URGENT",
                    title="Fire",
                    message="Leave the building.",
                    language="en",
                    words={"text": "test"},
                    data={},
                )
            )
            await session.flush()
            session.add(
                Delivery(
                    id=delivery_id,
                    restaurant_id=someone.restaurant_id,
                    addressee=str(someone.id),
                    channel=channel,
                    key=str(notification_id),
                    notification_id=notification_id,
                    state="PENDING",
                    payload={},
                    is_critical=True,
                )
            )

    town.notify.run(work())
    return delivery_id


async def outlive(work: Awaitable[None]) -> None:
    try:
        await work
    except Killed:
        return
    raise AssertionError("it was not killed")


STEPS: dict[str, tuple[Callable[[Sending], Sending], str]] = {
    "before the claim is committed": (
        lambda whole: copy(whole, database=Dying(whole._database, 1, committed=False)),
        "SENT",
    ),
    "after the claim": (lambda whole: copy(whole, database=Dying(whole._database, 1, committed=True)), "UNCERTAIN"),
    "while the provider answers": (lambda whole: copy(whole, sender=DyingSender(whole._sender)), "UNCERTAIN"),
    "before the answer is committed": (
        lambda whole: copy(whole, database=Dying(whole._database, 2, committed=False)),
        "UNCERTAIN",
    ),
    "after the answer": (lambda whole: copy(whole, database=Dying(whole._database, 2, committed=True)), "SENT"),
}


@pytest.mark.parametrize("channel", ["whatsapp", "push", "email"])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_it_is_sent_at_most_once(town: Town, step: str, channel: str) -> None:
    place = await town.restaurant()
    someone = await town.person(place)
    delivery_id = waiting_delivery(town, someone, channel)
    whole = sending_of(town)
    make, state = STEPS[step]

    async def live_and_live_again() -> None:
        await outlive(make(whole).deliver(RUN, delivery_id=str(delivery_id)))
        for _ in range(3):
            await whole.deliver(RUN, delivery_id=str(delivery_id))

    town.notify.run(live_and_live_again())
    assert town.deliveries(someone)[channel].state == state
    sent = town.received(someone)
    assert sent[channel] == (0 if step == "after the claim" else 1)
    assert sum(sent.values()) == sent[channel]
    # In the list it is from the beginning.
    assert [row.title for row in town.notifications(someone)] == ["Fire"]


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_the_agent_hears_of_an_incident_at_most_once(town: Town, step: str) -> None:
    place = await town.restaurant()
    delivery_id, incident_id = uuid4(), str(uuid4())
    about = {"event": "incident_reported", "at": "2026-11-22T19:00:00+00:00", "incident_id": incident_id}
    row = {
        "id": delivery_id,
        "restaurant_id": place,
        "addressee": "agent",
        "channel": "agent",
        "key": f"incident {incident_id}",
        "state": "PENDING",
        "payload": {**about, "type": "Safety", "title": "Slip", "severity": "LOW", "reporter_id": ""},
    }
    whole = sending_of(town)
    make, state = STEPS[step]

    async def live_and_live_again() -> None:
        async with town.notify.database.write(Scope(place)) as session:
            await record(session, [row])
        await outlive(make(whole).deliver(RUN, delivery_id=str(delivery_id)))
        for _ in range(3):
            await whole.deliver(RUN, delivery_id=str(delivery_id))

    town.notify.run(live_and_live_again())
    (kept,) = [one for one in town.addressed("agent") if one.id == delivery_id]
    assert kept.state == state
    assert len(town.world.agent.heard("incident_reported", incident_id)) == (0 if step == "after the claim" else 1)


async def test_whatsapps_report_says_what_became_of_an_uncertain_message(town: Town, clock: MovableClock) -> None:
    place = await town.restaurant()
    someone = await town.person(place)
    delivery_id = waiting_delivery(town, someone, "whatsapp")
    whole = sending_of(town)

    async def die() -> None:
        await outlive(copy(whole, sender=DyingSender(whole._sender)).deliver(RUN, delivery_id=str(delivery_id)))
        await whole.deliver(RUN, delivery_id=str(delivery_id))

    town.notify.run(die())
    assert town.deliveries(someone)["whatsapp"].state == "UNCERTAIN"
    (sent,) = town.world.whatsapp.to(someone.phone)

    async def report(state: str) -> None:
        webhook = town.world.whatsapp.status(sent, state)
        async with town.notify.database.write(SYSTEM) as session:
            now = clock.now()
            await store(session, *read_webhook(webhook, "", now), now)

    for state in ("delivered", "sent", "read", "delivered"):
        town.notify.run(report(state))
    row = town.deliveries(someone)["whatsapp"]
    assert (row.state, row.provider_id) == ("READ", sent["id"])
    assert town.notifications(someone)[0].read_at is not None


async def test_two_workers_with_the_same_delivery_send_it_once(town: Town) -> None:
    place = await town.restaurant()
    someone = await town.person(place)
    delivery_id = waiting_delivery(town, someone, "push")

    async def race() -> None:
        whole = sending_of(town)
        async with town.notify.database.write(SYSTEM) as session:
            for _ in range(3):
                await queue(session, delivery_id)
        await asyncio.gather(*(whole.deliver(RUN, delivery_id=str(delivery_id)) for _ in range(4)))

    town.notify.run(race())
    await town.settle()
    assert town.received(someone)["push"] == 1


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_an_announcement_that_is_killed_between_its_people_reaches_each_once(
    town: Town, monkeypatch: pytest.MonkeyPatch, clock: MovableClock, at: int, committed: bool
) -> None:
    monkeypatch.setattr(announcements, "PEOPLE_AT_ONCE", 2)
    place, announcement_id = await town.restaurant(), uuid4()
    people = [await town.person(place, device=False) for _ in range(5)]
    announcement = Announcement(
        id=announcement_id,
        restaurant_id=place,
        sender_id=uuid4(),
        title="Fire drill",
        message="At six.",
        priority="URGENT",
        tags=[],
        targeting=Targeting().to_json(),
        channels=["app", "whatsapp"],
        override_preferences=True,
        status="SCHEDULED",
        scheduled_for=clock.now(),
        is_scheduled=False,
    )

    async def live_and_live_again() -> None:
        async with town.notify.database.write(Scope(place)) as session:
            session.add(announcement)
        dying: Any = Dying(town.notify.database, at, committed=committed)
        await outlive(Announcing(dying, clock).release(RUN, announcement_id=str(announcement_id)))
        for _ in range(2):
            await Announcing(town.notify.database, clock).release(RUN, announcement_id=str(announcement_id))

    town.notify.run(live_and_live_again())
    await town.settle()
    assert [[row.title for row in town.notifications(one)] for one in people] == [["Fire drill"]] * 5
    assert [town.received(one)["whatsapp"] for one in people] == [1] * 5
