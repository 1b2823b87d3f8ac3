"""Events that share a transaction: each handler sees its own restaurant, and one's failure is nobody else's."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import context, deadletters, events
from servicekit.broker import Broker
from servicekit.db import Database, Query, SessionReader
from servicekit.inbox import Event, Inbox, Subscription
from servicekit.tables import outbox
from servicekit.tests.events import sample
from servicekit.tests.events.conftest import count, effect, rows
from servicekit.tests.events.test_inbox import QUICK, Failing, consuming, counted, has_effects, publish, settled

HERE, THERE = UUID(int=1), UUID(int=2)
_SEEN = Query(
    sa.text(
        "SELECT current_setting('mizan.restaurant_id') AS restaurant, current_setting('mizan.scope') AS scope,"
        " pg_current_xact_id()::text AS transaction, (SELECT count(*) FROM effect) AS effects,"
        " (SELECT count(*) FROM outbox) AS emitted"
    )
)


def together(handler: Any, **changes: Any) -> Subscription:
    settings: dict[str, Any] = {"size": 50, "linger": 0.2, "concurrency": 1, "backoff": QUICK, "max_attempts": 3}
    return Subscription("books", {sample.TillCounted: handler}, **settings | changes)


def event_of(number: int, restaurant_id: UUID) -> Event:
    headers = {
        events.MESSAGE_ID: str(UUID(int=number)),
        events.TYPE: "mizan.sample.events.v1.TillCounted",
        events.AGGREGATE: "1",
        events.VERSION: "0",
        events.TIME: "2026-01-01T00:00:00+00:00",
        events.RESTAURANT: str(restaurant_id),
        context.REQUEST_ID: f"r-{number}",
    }
    return Event(sample.TillCounted(note=str(number)), events.Envelope.from_headers("s", headers))


class Looking:
    """A handler that notes what it sees before it writes a row and emits a fact."""

    def __init__(self, *, with_sqlalchemy: bool = False) -> None:
        self.seen: list[Any] = []
        self.requests: list[str] = []
        self._with_sqlalchemy = with_sqlalchemy

    async def __call__(self, session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
        self.requests.append(context.current.get().request_id)
        if self._with_sqlalchemy:
            self.seen.append((await session.execute(sa.text(_SEEN.text))).one())
        else:
            self.seen.append(await SessionReader(session).first(_SEEN))
        await session.execute(sa.insert(effect), {"event_id": envelope.id, "note": event.note, "amount": 1})
        events.emit(session, sample.TillOpened(note=event.note), restaurant_id=None, aggregate_id="1")


@pytest.mark.parametrize("with_sqlalchemy", [False, True])
async def test_each_handler_sees_its_own_restaurant_and_what_was_done_before_it(
    database: Database, with_sqlalchemy: bool
) -> None:
    look = Looking(with_sqlalchemy=with_sqlalchemy)
    batch = [event_of(1, HERE), event_of(2, THERE), event_of(3, THERE), event_of(4, HERE)]
    assert await Inbox(together(look), database).apply_batch(batch) == {UUID(int=number) for number in (1, 2, 3, 4)}
    assert [UUID(row.restaurant) for row in look.seen] == [HERE, THERE, THERE, HERE]
    assert {row.scope for row in look.seen} == {""}
    assert [(row.effects, row.emitted) for row in look.seen] == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert len({row.transaction for row in look.seen}) == 1
    assert look.requests == ["r-1", "r-2", "r-3", "r-4"]
    requests = [row.headers[context.REQUEST_ID] for row in await rows(database, sa.select(outbox))]
    assert sorted(requests) == look.requests


async def test_a_handler_that_runs_nothing_leaves_its_scope_to_nobody(database: Database) -> None:
    look = Looking()

    async def idle_there(session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
        if envelope.restaurant_id == HERE:
            await look(session, event, envelope)

    batch = [event_of(1, HERE), event_of(2, THERE), event_of(3, HERE), event_of(4, THERE)]
    await Inbox(together(idle_there), database).apply_batch(batch)
    assert [UUID(row.restaurant) for row in look.seen] == [HERE, HERE]
    for _ in range(8):
        async with database.write(event_of(5, THERE).scope) as session:
            assert UUID((await session.execute(sa.text(_SEEN.text))).one().restaurant) == THERE


async def test_a_poison_event_stops_nobody_else(database: Database, broker: Broker) -> None:
    names = [f"{number:03}" for number in range(40)]
    handler = Failing()
    await publish(broker, *counted(*names[:20], "bad", *names[20:]))
    async with consuming(database, broker, together(handler)):
        await has_effects(database, *names)
        await settled(broker)
    (letter,) = await deadletters.listing(database)
    assert (letter.reason, letter.attempts) == ("failed", 3)
    assert await count(database, effect) == 40


async def test_what_was_handled_before_is_left_out(database: Database) -> None:
    look = Looking()
    inbox = Inbox(together(look), database)
    assert await inbox.apply(event_of(2, THERE))
    assert await inbox.apply_batch([event_of(1, HERE), event_of(2, THERE), event_of(1, HERE)]) == {UUID(int=1)}
    assert await inbox.apply_batch([event_of(1, HERE)]) == set()
    assert look.requests == ["r-2", "r-1"]
