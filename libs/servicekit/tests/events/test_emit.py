"""What `emit` writes, and when it is there."""

import contextlib
from uuid import uuid4

import orjson
import pytest
import sqlalchemy as sa

from servicekit import context, events, postponed
from servicekit.db import SYSTEM, Database
from servicekit.tables import outbox
from servicekit.tests.events import sample
from servicekit.tests.events.conftest import count, rows

RESTAURANT = uuid4()


async def test_an_event_is_written_with_the_change_and_names_its_circumstances(database: Database) -> None:
    till = uuid4()
    token = context.current.set(context.RequestContext(request_id="r-1", trace_parent=f"00-{'a' * 32}-{'b' * 16}-00"))
    async with database.write(SYSTEM) as session:
        event_id = events.emit(
            session, sample.TillCounted(note="n", amount=3), restaurant_id=RESTAURANT, aggregate_id=till, version=7
        )
    context.current.reset(token)
    (row,) = await rows(database, sa.select(outbox))
    assert (row.id, row.subject) == (event_id, "evt.sample.till.counted.v1")
    assert sample.TillCounted.FromString(row.payload) == sample.TillCounted(note="n", amount=3)
    envelope = events.Envelope.from_headers(row.subject, {**row.headers, events.MESSAGE_ID: str(row.id)})
    assert (envelope.restaurant_id, envelope.aggregate_id, envelope.version) == (RESTAURANT, str(till), 7)
    assert (envelope.request_id, envelope.trace_parent[3:35]) == ("r-1", "a" * 32)
    assert envelope.type == "mizan.sample.events.v1.TillCounted"


async def test_a_rolled_back_transaction_leaves_no_event(database: Database) -> None:
    session = database.open_session(SYSTEM)
    events.emit(session, sample.TillCounted(), restaurant_id=RESTAURANT, aggregate_id="1")
    await session.flush()
    await session.close()
    assert await count(database, outbox) == 0


async def test_an_event_inside_a_savepoint_goes_with_the_savepoint(database: Database) -> None:
    async with database.write(SYSTEM) as session:
        events.emit(session, sample.TillCounted(note="kept"), restaurant_id=RESTAURANT, aggregate_id="1")
        savepoint = await session.begin_nested()
        events.emit(session, sample.TillCounted(note="undone"), restaurant_id=RESTAURANT, aggregate_id="1")
        await savepoint.rollback()
        async with session.begin_nested():
            events.emit(session, sample.TillCounted(note="kept too"), restaurant_id=RESTAURANT, aggregate_id="1")
    payloads = [sample.TillCounted.FromString(row.payload).note for row in await rows(database, sa.select(outbox))]
    assert sorted(payloads) == ["kept", "kept too"]


async def test_events_keep_the_order_in_which_they_were_emitted(database: Database) -> None:
    async with database.write(SYSTEM) as session:
        for number in range(50):
            events.emit(session, sample.TillCounted(amount=number), restaurant_id=RESTAURANT, aggregate_id="1")
    written = await rows(database, sa.select(outbox).order_by(outbox.c.seq))
    assert [sample.TillCounted.FromString(row.payload).amount for row in written] == list(range(50))


async def test_a_public_event_is_also_a_cloud_event_of_its_restaurant(database: Database) -> None:
    async with database.write(SYSTEM) as session:
        event_id = events.emit(
            session, sample.TicketPrinted(note="x"), restaurant_id=RESTAURANT, aggregate_id="t-1", version=2
        )
    inside, public = await rows(database, sa.select(outbox).order_by(outbox.c.seq))
    assert inside.subject == "evt.sample.ticket.printed.v1"
    assert public.subject == f"evt.public.{RESTAURANT}.sample.ticket.printed.v1"
    body = orjson.loads(public.payload)
    assert public.headers["content-type"] == "application/cloudevents+json"
    assert body["specversion"] == "1.0"
    assert body["id"] == str(event_id)
    assert body["type"] == "mizan.sample.ticket.printed.v1"
    assert (body["source"], body["subject"], body["restaurantid"]) == ("/services/sample", "t-1", str(RESTAURANT))
    assert body["data"]["note"] == "x"


async def test_a_public_event_of_no_restaurant_stays_inside(database: Database) -> None:
    async with database.write(SYSTEM) as session:
        events.emit(session, sample.TicketPrinted(), restaurant_id=None, aggregate_id="t-1")
    (row,) = await rows(database, sa.select(outbox))
    assert row.subject == "evt.sample.ticket.printed.v1"
    assert events.RESTAURANT not in row.headers


@pytest.mark.parametrize("message", [sample.Undeclared(), sample.TillMisnamed(), sample.PinTold()])
async def test_what_is_not_declared_as_an_event_is_refused(database: Database, message: object) -> None:
    with pytest.raises(events.NotAnEvent):
        async with database.write(SYSTEM) as session:
            events.emit(session, message, restaurant_id=RESTAURANT, aggregate_id="1")  # type: ignore[arg-type] # made at run time


async def test_an_event_too_large_for_nats_fails_the_change_and_not_the_relay(database: Database) -> None:
    with pytest.raises(ValueError, match="too large"):
        async with database.write(SYSTEM) as session:
            events.emit(session, sample.TillCounted(note="x" * 600_000), restaurant_id=None, aggregate_id="1")
    assert await count(database, outbox) == 0


async def test_savepoints_within_savepoints(database: Database) -> None:
    def emit(note: str) -> None:
        events.emit(session, sample.TillCounted(note=note), restaurant_id=None, aggregate_id="1")

    async with database.write(SYSTEM) as session:
        outer = await session.begin_nested()
        emit("in the outer one")
        async with session.begin_nested():
            emit("released, then undone with the outer one")
        await outer.rollback()
        emit("between")
        with contextlib.suppress(sa.exc.DBAPIError):
            async with session.begin_nested():
                emit("undone by an error")
                await session.execute(sa.text("SELECT 1 / 0"))
        await postponed.send(session)
        later = await session.begin_nested()
        emit("after writing")
        await later.rollback()
        emit("last")
    written = await rows(database, sa.select(outbox).order_by(outbox.c.seq))
    assert [sample.TillCounted.FromString(row.payload).note for row in written] == ["between", "last"]


@pytest.mark.parametrize("had_begun", [True, False])
@pytest.mark.parametrize("ending", ["rollback", "close"])
async def test_a_session_forgets_what_was_not_committed(database: Database, had_begun: bool, ending: str) -> None:
    session = database.open_session(SYSTEM)
    if had_begun:
        await session.execute(sa.text("SELECT 1"))
    events.emit(session, sample.TillCounted(note="forgotten"), restaurant_id=None, aggregate_id="1")
    await getattr(session, ending)()
    await session.execute(sa.text("SELECT 1"))
    await session.commit()
    await session.close()
    assert await count(database, outbox) == 0


async def test_only_a_commit_that_emitted_wakes_the_relay(database: Database) -> None:
    woken: list[str] = []
    forget = events.on_commit(database.engine, lambda: woken.append("woken"))
    async with database.write(SYSTEM) as session:
        await session.execute(sa.text("SELECT 1"))
        async with session.begin_nested():
            pass
    assert woken == []
    async with database.write(SYSTEM) as session:
        async with session.begin_nested():
            events.emit(session, sample.TillCounted(), restaurant_id=None, aggregate_id="1")
        assert woken == []
    assert woken == ["woken"]
    forget()
    async with database.write(SYSTEM) as session:
        events.emit(session, sample.TillCounted(), restaurant_id=None, aggregate_id="1")
    assert woken == ["woken"]
