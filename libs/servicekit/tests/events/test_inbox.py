"""Consuming on real servers: each event's effects are there once, whatever fails, repeats or comes in disorder."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import consumers, context, deadletters, events
from servicekit.backoff import Backoff
from servicekit.broker import EVENTS_STREAM, Broker
from servicekit.db import SYSTEM, Database
from servicekit.inbox import BatchSubscription, Event, Inbox, Subscription
from servicekit.outbox import Relay
from servicekit.subscriber import CRASH_MARGIN, Subscriber, is_database_away
from servicekit.tables import dead_letter, inbox
from servicekit.tests.events import sample
from servicekit.tests.events.conftest import count, effect, eventually, rows
from tools.stack.stack import Stack

QUICK = Backoff(first=0.02, cap=0.1)
COUNTED = events.type_of(sample.TillCounted).subject
OPENED = events.type_of(sample.TillOpened).subject


async def record(session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
    """The plainest handler: one row per time that it runs."""
    await session.execute(sa.insert(effect), {"event_id": envelope.id, "note": event.note, "amount": event.amount})


class Failing:
    """A handler that fails for one note, a number of times or for ever, after it wrote something."""

    def __init__(self, note: str = "bad", times: int | None = None) -> None:
        self.note = note
        self.left = times
        self.calls: list[str] = []

    async def __call__(self, session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
        self.calls.append(event.note)
        await record(session, event, envelope)
        if event.note == self.note and self.left != 0:
            self.left = None if self.left is None else self.left - 1
            raise RuntimeError(f"cannot take {event.note}")


def subscription(handler: Any = record, **changes: Any) -> Subscription:
    settings: dict[str, Any] = {"name": "books", "backoff": QUICK, "max_attempts": 3, **changes}
    return Subscription(handlers={sample.TillCounted: handler}, **settings)


@contextlib.asynccontextmanager
async def consuming(database: Database, broker: Broker, *wanted: Any) -> AsyncIterator[list[Subscriber]]:
    subscribers = [Subscriber(one, database, broker, drain=5) for one in wanted]
    for subscriber in subscribers:
        await subscriber.start()
    try:
        yield subscribers
    finally:
        for subscriber in subscribers:
            await subscriber.stop()


async def publish(broker: Broker, *messages: Any, aggregate: str = "1", **headers: str) -> list[UUID]:
    """Puts events into the stream as the relay would."""
    ids = []
    for message in messages:
        kind = events.type_of(type(message))
        ids.append(uuid4())
        sent = {
            events.MESSAGE_ID: str(ids[-1]),
            events.TYPE: kind.name,
            events.AGGREGATE: aggregate,
            events.VERSION: "0",
            events.TIME: "2026-01-01T00:00:00+00:00",
            **headers,
        }
        await broker.jetstream.publish(kind.subject, message.SerializeToString(), headers=sent)
    return ids


def counted(*notes: str) -> list[Any]:
    return [sample.TillCounted(note=note) for note in notes]


async def effects(database: Database) -> list[str]:
    return sorted(row.note for row in await rows(database, sa.select(effect)))


async def has_effects(database: Database, *expected: str) -> None:
    async def there() -> bool:
        return await effects(database) == sorted(expected)

    await eventually(there)


async def asks_for(broker: Broker, subject: str, consumer: str = "books") -> None:
    """The consumer is there and listens to a subject; what was published before it did is not for it."""

    async def listens() -> bool:
        try:
            info = await broker.jetstream.consumer_info(EVENTS_STREAM, consumer)
        except NotFoundError:
            return False
        return subject in (info.config.filter_subjects or ())

    await eventually(listens)


async def settled(broker: Broker, consumer: str = "books") -> None:
    """Nothing is waiting, being handled or to be repeated."""

    async def is_settled() -> bool:
        info = await broker.jetstream.consumer_info(EVENTS_STREAM, consumer)
        return info.num_pending == 0 and info.num_ack_pending == 0

    await eventually(is_settled)


async def test_an_event_travels_from_one_transaction_to_the_other(database: Database, broker: Broker) -> None:
    seen: list[tuple[events.Envelope, str]] = []

    async def look(session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
        seen.append((envelope, context.current.get().request_id))
        await record(session, event, envelope)

    restaurant, till = uuid4(), uuid4()
    relay = Relay("sample", database, broker)
    await relay.start()
    async with consuming(database, broker, subscription(look)):
        context.current.set(context.RequestContext(request_id="r-9"))
        async with database.write(SYSTEM) as session:
            events.emit(session, sample.TillCounted(note="x"), restaurant_id=restaurant, aggregate_id=till, version=4)
        await has_effects(database, "x")
        await settled(broker)
    await relay.stop()
    ((envelope, request_id),) = seen
    assert (envelope.restaurant_id, envelope.aggregate_id, envelope.version) == (restaurant, str(till), 4)
    assert request_id == "r-9"


async def test_a_handler_sees_only_the_restaurant_of_its_event(database: Database, broker: Broker) -> None:
    scopes: list[tuple[str, str]] = []

    async def look(session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
        settings = "SELECT current_setting('mizan.restaurant_id', true), current_setting('mizan.scope', true)"
        scopes.append(tuple((await session.execute(sa.text(settings))).one()))
        await record(session, event, envelope)

    restaurant = uuid4()
    async with consuming(database, broker, subscription(look)):
        await publish(broker, *counted("of one"), **{events.RESTAURANT: str(restaurant)})
        await has_effects(database, "of one")
        await publish(broker, *counted("of none"))
        await has_effects(database, "of one", "of none")
    assert scopes == [(str(restaurant), ""), ("", "system")]


async def test_a_delivery_that_is_repeated_has_no_second_effect(database: Database, broker: Broker) -> None:
    async with consuming(database, broker, subscription()):
        (event_id,) = await publish(broker, *counted("once"))
        await has_effects(database, "once")
        # The same event again in the stream, as after the duplicate window: another sequence number, the same id.
        await broker.jetstream.delete_stream(EVENTS_STREAM)
        await broker.ensure_streams()
        await publish(broker, *counted("once"), **{events.MESSAGE_ID: str(event_id)})
        await publish(broker, *counted("after"))
        await has_effects(database, "once", "after")


async def test_a_handler_that_fails_is_repeated_with_delay_and_leaves_nothing_of_its_failure(
    database: Database, broker: Broker
) -> None:
    handler = Failing(times=2)
    async with consuming(database, broker, subscription(handler)):
        await publish(broker, *counted("good", "bad"))
        await has_effects(database, "bad", "good")
        await settled(broker)
    assert handler.calls.count("bad") == 3
    assert await count(database, dead_letter) == 0


async def test_the_delay_grows_with_the_attempt() -> None:
    backoff = Backoff(first=1, cap=60)
    delays = [backoff.delay(attempt) for attempt in range(1, 12)]
    assert all(0.75 * min(60, 2**n) <= delay <= min(60, 2**n) for n, delay in enumerate(delays))
    assert backoff.delay(10_000) <= 60


async def test_a_poison_event_ends_among_the_dead_letters_and_blocks_nobody(database: Database, broker: Broker) -> None:
    handler = Failing()
    async with consuming(database, broker, subscription(handler)):
        (event_id,) = await publish(broker, *counted("bad"))
        await publish(broker, *counted("a", "b", "c"))
        await has_effects(database, "a", "b", "c")
        await settled(broker)
    assert handler.calls.count("bad") == 3
    (letter,) = await deadletters.listing(database)
    assert (letter.consumer, letter.message_id, letter.reason) == ("books", str(event_id), "failed")
    assert (letter.attempts, letter.error) == (3, "RuntimeError: cannot take bad")
    (row,) = await rows(database, sa.select(dead_letter))
    assert "in __call__" in row.trace
    assert row.headers[events.TYPE] == "mizan.sample.events.v1.TillCounted"


async def test_what_cannot_be_decoded_is_buried_at_once(database: Database, broker: Broker) -> None:
    subject = events.type_of(sample.TillCounted).subject
    headers = {
        events.MESSAGE_ID: str(uuid4()),
        events.TYPE: "mizan.sample.events.v1.TillCounted",
        events.AGGREGATE: "1",
        events.VERSION: "0",
        events.TIME: "2026-01-01T00:00:00+00:00",
    }
    async with consuming(database, broker, subscription()):
        await broker.jetstream.publish(subject, b"\xff\xff\xff", headers=headers)
        await broker.jetstream.publish(subject, b"no headers at all")
        await broker.jetstream.publish(subject, b"", headers={**headers, events.MESSAGE_ID: "7", events.VERSION: "x"})
        await publish(broker, *counted("fine"))
        await has_effects(database, "fine")
        await settled(broker)
    letters = await deadletters.listing(database)
    assert [(letter.reason, letter.attempts) for letter in letters] == [("undecodable", 1)] * 3
    assert {letter.message_id for letter in letters} == {headers[events.MESSAGE_ID], "EVENTS:2", "7"}


async def test_an_event_without_a_handler_waits_for_a_newer_replica_before_it_is_buried(
    database: Database, broker: Broker
) -> None:
    newer = Subscription(
        "books", {sample.TillCounted: record, sample.TillOpened: record}, backoff=QUICK, max_attempts=1_000
    )
    older = subscription(max_attempts=1_000)
    async with consuming(database, broker, older), consuming(database, broker, newer):
        await asks_for(broker, OPENED)
        await publish(broker, *(sample.TillOpened(note=str(number)) for number in range(20)))
        await has_effects(database, *(str(number) for number in range(20)))
    assert await count(database, dead_letter) == 0


async def test_an_event_that_nobody_handles_is_buried_after_its_attempts(database: Database, broker: Broker) -> None:
    name = "mizan.sample.events.v1.Retired"
    async with consuming(database, broker, subscription()):
        await publish(broker, *counted("of a retired type"), **{events.TYPE: name})
        await eventually(lambda: deadletters.listing(database))
    (letter,) = await deadletters.listing(database)
    assert (letter.reason, letter.attempts, letter.type) == ("unhandled", 3, name)


async def test_an_event_that_kills_its_process_is_given_up(database: Database, broker: Broker) -> None:
    wanted = subscription()
    await publish(broker, *counted("deadly"))
    await consumers.ensure(broker, wanted)
    fetching = await broker.jetstream.pull_subscribe_bind("books", EVENTS_STREAM)
    for _ in range(wanted.max_attempts + CRASH_MARGIN):
        (message,) = await fetching.fetch(1, timeout=2)
        await message.nak()
    async with consuming(database, broker, wanted):
        await eventually(lambda: deadletters.listing(database))
    (letter,) = await deadletters.listing(database)
    assert letter.reason == "crashed"
    assert await effects(database) == []


async def test_replay_runs_the_same_handler_once_and_keeps_what_still_fails(database: Database, broker: Broker) -> None:
    handler = Failing()
    async with consuming(database, broker, subscription(handler, max_attempts=1)) as (subscriber,):
        await publish(broker, *counted("bad", "bad"))
        await eventually(lambda: _has_letters(database, 2))
        inbox_of = subscriber.inbox
    assert await deadletters.replay(inbox_of) == deadletters.Replayed(failed=2)
    first, second = await deadletters.listing(database)
    assert (first.attempts, second.attempts) == (2, 2)
    handler.left = 0
    assert await deadletters.replay(inbox_of, [first.id]) == deadletters.Replayed(applied=1)
    assert await deadletters.replay(inbox_of, [uuid4()]) == deadletters.Replayed()
    assert [letter.id for letter in await deadletters.listing(database)] == [second.id]
    assert await deadletters.replay(inbox_of) == deadletters.Replayed(applied=1)
    assert await effects(database) == ["bad", "bad"]
    assert await deadletters.replay(inbox_of) == deadletters.Replayed()


async def test_replay_of_an_event_that_was_applied_after_all_changes_nothing(
    database: Database, broker: Broker
) -> None:
    handler = Failing()
    async with consuming(database, broker, subscription(handler, max_attempts=1)) as (subscriber,):
        await publish(broker, *counted("bad"))
        await eventually(lambda: _has_letters(database, 1))
        inbox_of = subscriber.inbox
    (letter,) = await deadletters.listing(database)
    async with database.write(SYSTEM) as session:
        await session.execute(sa.insert(inbox), {"consumer": "books", "message_id": UUID(letter.message_id)})
    assert await deadletters.replay(inbox_of) == deadletters.Replayed(already_applied=1)
    assert await effects(database) == []


async def test_discarding_removes_only_what_is_named(database: Database, broker: Broker) -> None:
    async with consuming(database, broker, subscription(Failing(), max_attempts=1)):
        await publish(broker, *counted("bad", "bad"))
        await eventually(lambda: _has_letters(database, 2))
    first, second = await deadletters.listing(database)
    assert await deadletters.discard(database, [first.id, uuid4()]) == 1
    assert [letter.id for letter in await deadletters.listing(database)] == [second.id]


async def _has_letters(database: Database, number: int) -> bool:
    return await count(database, dead_letter) == number


async def test_two_replicas_share_the_work_without_doing_any_of_it_twice(database: Database, broker: Broker) -> None:
    names = [f"{number:03}" for number in range(200)]
    async with consuming(database, broker, subscription(), subscription()):
        for name in names:
            await publish(broker, *counted(name), aggregate=name)
        await has_effects(database, *names)
    assert await count(database, inbox) == 200


async def test_events_of_one_aggregate_are_handled_in_order(database: Database, broker: Broker) -> None:
    order: list[str] = []

    async def look(session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
        await session.execute(sa.text("SELECT pg_sleep(:seconds)"), {"seconds": 0.01 if event.amount % 2 else 0.0})
        order.append(f"{envelope.aggregate_id}{event.amount}")

    for number in range(10):
        for till in ("a", "b", "c"):
            await publish(broker, sample.TillCounted(amount=number), aggregate=till)
    async with consuming(database, broker, subscription(look)):
        await eventually(lambda: len(order) == 30)
    for till in ("a", "b", "c"):
        assert [entry for entry in order if entry[0] == till] == [f"{till}{number}" for number in range(10)]


async def test_a_long_handler_keeps_its_event(database: Database, broker: Broker) -> None:
    calls = 0
    done = asyncio.Event()

    async def slow(session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
        nonlocal calls
        calls += 1
        # Three times as long as NATS waits without a sign of life.
        await session.execute(sa.text("SELECT pg_sleep(3)"))
        await record(session, event, envelope)
        done.set()

    async with consuming(database, broker, subscription(slow, ack_wait=1.0), subscription(slow, ack_wait=1.0)):
        await publish(broker, *counted("long"))
        await done.wait()
        await settled(broker)
    assert calls == 1
    assert await effects(database) == ["long"]


async def test_a_handler_that_hangs_is_ended(database: Database, broker: Broker) -> None:
    async def hangs(session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
        await asyncio.Event().wait()

    async with consuming(database, broker, subscription(hangs, handler_timeout=0.2, max_attempts=1)):
        await publish(broker, *counted("stuck"))
        await eventually(lambda: _has_letters(database, 1))
    (letter,) = await deadletters.listing(database)
    assert letter.error.startswith("TimeoutError")


async def test_stopping_finishes_what_was_begun_and_hands_back_the_rest(database: Database, broker: Broker) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def waits(session: AsyncSession, event: Any, envelope: events.Envelope) -> None:
        begun.set()
        await go_on.wait()
        await record(session, event, envelope)

    names = ["first", "second", "third", "fourth"]
    await publish(broker, *counted(*names))
    subscriber = Subscriber(subscription(waits, concurrency=1), database, broker, drain=10)
    await subscriber.start()
    await begun.wait()
    stopping = asyncio.create_task(subscriber.stop())
    await eventually(lambda: subscriber._stop.is_set())
    go_on.set()
    await stopping
    assert await effects(database) == ["first"]
    # Handed back at once: another replica need not wait until NATS gives up on the old one.
    async with consuming(database, broker, subscription(concurrency=1)):
        async with asyncio.timeout(5):
            await has_effects(database, *names)


async def test_a_consumer_follows_the_handlers_of_a_new_version(database: Database, broker: Broker) -> None:
    async with consuming(database, broker, subscription()):
        await publish(broker, *counted("old"))
        await has_effects(database, "old")
    both = Subscription("books", {sample.TillCounted: record, sample.TillOpened: record}, backoff=QUICK)
    async with consuming(database, broker, both):
        await publish(broker, sample.TillOpened(note="new"))
        await has_effects(database, "old", "new")
    info = await broker.jetstream.consumer_info(EVENTS_STREAM, "books")
    assert info.config.filter_subjects == [COUNTED, OPENED]


async def test_an_older_replica_that_comes_back_takes_nothing_from_a_newer_one(
    database: Database, broker: Broker
) -> None:
    newer = Subscription(
        "books", {sample.TillCounted: record, sample.TillOpened: record}, backoff=QUICK, max_attempts=1_000
    )
    older = subscription(max_attempts=1_000)
    async with consuming(database, broker, newer):
        await publish(broker, *counted("the newer one listens"))
        await has_effects(database, "the newer one listens")
        async with consuming(database, broker, older):
            await publish(broker, *counted("either of them"), sample.TillOpened(note="the newer one alone"))
            await has_effects(database, "the newer one listens", "either of them", "the newer one alone")
    info = await broker.jetstream.consumer_info(EVENTS_STREAM, "books")
    assert info.config.filter_subjects == [COUNTED, OPENED]


async def test_consuming_goes_on_after_nats_was_away(database: Database, broker: Broker, own_stack: Stack) -> None:
    async with consuming(database, broker, subscription()):
        await publish(broker, *counted("before"))
        await has_effects(database, "before")
        own_stack.kill("nats")
        await eventually(lambda: not broker.is_connected)
        own_stack.restart("nats")
        await eventually(lambda: broker.is_connected)
        await publish(broker, *counted("after"))
        await has_effects(database, "before", "after")


async def test_an_outage_of_the_database_costs_no_event_and_buries_none(
    database: Database, broker: Broker, own_stack: Stack
) -> None:
    async with consuming(database, broker, subscription(max_attempts=1)):
        await publish(broker, *counted("before"))
        await has_effects(database, "before")
        own_stack.kill("postgres")
        await publish(broker, *counted("during 1", "during 2", "during 3"))
        await eventually(lambda: _is_redelivering(broker))
        own_stack.restart("postgres")
        await eventually(lambda: _answers(database))
        await has_effects(database, "before", "during 1", "during 2", "during 3")
    assert await count(database, dead_letter) == 0


async def _is_redelivering(broker: Broker) -> bool:
    info = await broker.jetstream.consumer_info(EVENTS_STREAM, "books")
    return bool(info.num_ack_pending)


async def _answers(database: Database) -> bool:
    try:
        await database.ping()
    except Exception:  # noqa: BLE001 - any failure means: not yet
        return False
    return True


def test_an_outage_is_told_from_a_fault() -> None:
    assert is_database_away(psycopg.OperationalError("connection refused"))
    assert is_database_away(psycopg.errors.AdminShutdown())
    assert is_database_away(sa.exc.OperationalError("", {}, psycopg.errors.CannotConnectNow()))
    assert not is_database_away(psycopg.errors.DeadlockDetected())
    assert not is_database_away(psycopg.errors.QueryCanceled())
    assert not is_database_away(sa.exc.IntegrityError("", {}, psycopg.errors.UniqueViolation()))
    assert not is_database_away(ValueError())


class Batches:
    """A batch handler that remembers how it was called and refuses batches with one note."""

    def __init__(self, refuses: str = "") -> None:
        self.sizes: list[int] = []
        self.refuses = refuses

    async def __call__(self, session: AsyncSession, batch: Sequence[Event]) -> None:
        self.sizes.append(len(batch))
        for event in batch:
            await record(session, event.message, event.envelope)
            if event.message.note == self.refuses:
                raise RuntimeError("refused")


def in_batches(handler: Batches, **changes: Any) -> BatchSubscription:
    settings: dict[str, Any] = {"size": 50, "linger": 0.1, "backoff": QUICK, "max_attempts": 3, **changes}
    return BatchSubscription("books", [sample.TillCounted], handler, **settings)


async def test_a_batch_is_one_transaction(database: Database, broker: Broker) -> None:
    names = [f"{number:03}" for number in range(120)]
    await publish(broker, *counted(*names))
    handler = Batches()
    async with consuming(database, broker, in_batches(handler)):
        await has_effects(database, *names)
        await settled(broker)
    assert sum(handler.sizes) == 120
    assert max(handler.sizes) == 50


async def test_a_poison_event_in_a_batch_stops_nobody_else(database: Database, broker: Broker) -> None:
    names = [f"{number:03}" for number in range(40)]
    await publish(broker, *counted(*names[:20], "bad", *names[20:]))
    handler = Batches(refuses="bad")
    async with consuming(database, broker, in_batches(handler)):
        await has_effects(database, *names)
        await settled(broker)
    (letter,) = await deadletters.listing(database)
    assert (letter.reason, letter.attempts) == ("failed", 3)


async def test_a_batch_counts_each_event_once(database: Database, broker: Broker) -> None:
    event_id = uuid4()
    subscriber = Subscriber(in_batches(Batches()), database, broker)
    envelope = events.Envelope.from_headers("s", _headers(event_id))
    event = Event(sample.TillCounted(note="x"), envelope)
    assert await subscriber.inbox.apply_batch([event, event]) == {event_id}
    assert await subscriber.inbox.apply_batch([event]) == set()
    assert await effects(database) == ["x"]


def _headers(event_id: UUID) -> dict[str, str]:
    return {
        events.MESSAGE_ID: str(event_id),
        events.TYPE: "mizan.sample.events.v1.TillCounted",
        events.AGGREGATE: "1",
        events.VERSION: "0",
        events.TIME: "2026-01-01T00:00:00+00:00",
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    deliveries=st.lists(st.integers(0, 5), max_size=20),
    failing=st.sets(st.integers(0, 19)),
    in_batches_of=st.integers(1, 4),
)
def test_whatever_is_delivered_however_often_each_event_counts_once(
    address: Any, deliveries: list[int], failing: set[int], in_batches_of: int
) -> None:
    """Any order, any repetition, failures at any point, one by one and in batches, concurrently."""
    asyncio.run(_deliver(address.app_dsn, deliveries, failing, in_batches_of))


def _parts(arriving: list[Event], size: int) -> list[list[Event]]:
    return [arriving[start : start + size] for start in range(0, len(arriving), size)]


async def _deliver(dsn: str, deliveries: list[int], failing: set[int], in_batches_of: int) -> None:
    database = Database(dsn, application="sample", pool_size=4)
    await database.start()
    ids = {number: uuid4() for number in range(6)}
    attempts = 0

    async def handler(session: AsyncSession, message: Any, envelope: events.Envelope) -> None:
        nonlocal attempts
        attempts += 1
        await record(session, message, envelope)
        if attempts - 1 in failing:
            raise RuntimeError("here")

    async def batch_handler(session: AsyncSession, batch: Sequence[Event]) -> None:
        for event in batch:
            await handler(session, event.message, event.envelope)

    one_by_one = Inbox(subscription(handler), database)
    many = Inbox(BatchSubscription("books", [sample.TillCounted], batch_handler), database)
    together = Inbox(subscription(handler, size=10), database)
    numbered = {
        number: Event(sample.TillCounted(amount=number), events.Envelope.from_headers("s", _headers(ids[number])))
        for number in ids
    }
    arriving = [numbered[number] for number in deliveries]
    single, batched, shared = arriving[::3], arriving[1::3], arriving[2::3]
    await asyncio.gather(
        *(one_by_one.apply(event) for event in single),
        *(many.apply_batch(batch) for batch in _parts(batched, in_batches_of)),
        *(together.apply_batch(batch) for batch in _parts(shared, in_batches_of)),
        return_exceptions=True,
    )
    failing.clear()
    # What failed is delivered again, as NATS would.
    for event in arriving:
        await one_by_one.apply(event)
    found = await rows(database, sa.select(effect.c.event_id, sa.func.count()).group_by(effect.c.event_id))
    mine = {event_id: times for event_id, times in found if event_id in ids.values()}
    assert mine == {ids[number]: 1 for number in set(deliveries)}
    await database.stop()
