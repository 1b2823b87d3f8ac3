"""The relay on real servers: nothing committed is lost, whatever stops or comes late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError
from prometheus_client import REGISTRY

from servicekit import events, outbox, postponed
from servicekit.broker import EVENTS_STREAM, PUBLIC_STREAM, Broker, StreamLimits
from servicekit.db import SYSTEM, Database
from servicekit.outbox import Relay
from servicekit.publisher import Outgoing, Publisher
from servicekit.tables import outbox as outbox_table
from servicekit.tests.events import sample
from servicekit.tests.events.conftest import SMALL, count, eventually
from tools.stack import Database as Address
from tools.stack.stack import Stack


async def emit(database: Database, *notes: str) -> None:
    async with database.write(SYSTEM) as session:
        for note in notes:
            events.emit(session, sample.TillCounted(note=note), restaurant_id=None, aggregate_id=note)


@asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    for relay in relays:
        await relay.start()
    try:
        yield
    finally:
        for relay in relays:
            await relay.stop()


async def published(broker: Broker, stream: str = EVENTS_STREAM) -> list[Any]:
    """Everything in the stream, in its order."""
    jetstream = broker.jetstream
    state = (await jetstream.stream_info(stream)).state
    found = []
    for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
        try:
            found.append(await jetstream.get_msg(stream, sequence))
        except NotFoundError:
            continue
    return found


async def notes(broker: Broker) -> list[str]:
    return [sample.TillCounted.FromString(message.data).note for message in await published(broker)]


async def drained(database: Database) -> None:
    async def is_empty() -> bool:
        return await count(database, outbox_table) == 0

    await eventually(is_empty)


async def test_committed_events_are_published_in_order_and_deleted(database: Database, broker: Broker) -> None:
    async with running(Relay("sample", database, broker)):
        await emit(database, "a", "b", "c")
        await drained(database)
    assert await notes(broker) == ["a", "b", "c"]
    first = (await published(broker))[0]
    assert first.subject == "evt.sample.till.counted.v1"
    assert first.headers[events.TYPE] == "mizan.sample.events.v1.TillCounted"
    assert first.headers[events.AGGREGATE] == "a"


async def test_a_commit_wakes_the_relay(database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 30.0)
    relay = Relay("sample", database, broker)
    async with running(relay):
        await eventually(lambda: relay.leads)
        await emit(database, "now")
        async with asyncio.timeout(5):
            await drained(database)


async def test_a_commit_in_another_process_wakes_the_leader(
    database: Database, broker: Broker, own_stack: Stack, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 30.0)
    other_database = Database(address.app_dsn, application="other")
    other_broker = Broker(own_stack.nats_url, application="other", limits=SMALL)
    await other_database.start()
    await other_broker.start()
    await other_broker.connected()
    leader, standby = Relay("sample", database, broker), Relay("sample", other_database, other_broker)
    async with running(leader):
        await eventually(lambda: leader.leads)
        async with running(standby):
            await emit(other_database, "elsewhere")
            async with asyncio.timeout(5):
                await drained(database)
            assert not standby.leads
    assert await notes(broker) == ["elsewhere"]
    await other_broker.stop()
    await other_database.stop()


async def test_what_was_committed_before_a_crash_is_published_after_the_restart(
    database: Database, broker: Broker
) -> None:
    await emit(database, "before", "the", "crash")
    async with running(Relay("sample", database, broker)):
        await drained(database)
    assert await notes(broker) == ["before", "the", "crash"]


async def test_a_crash_between_acknowledgement_and_deletion_publishes_nothing_twice(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashes = 0
    delete = Relay._delete

    async def dies_once(self: Relay, connection: Any, sequences: list[int]) -> None:
        nonlocal crashes
        crashes += 1
        if crashes == 1:
            raise psycopg.OperationalError("the process dies here")
        await delete(self, connection, sequences)

    monkeypatch.setattr(Relay, "_delete", dies_once)
    async with running(Relay("sample", database, broker)):
        await emit(database, "once")
        await drained(database)
    assert crashes == 2
    assert await notes(broker) == ["once"]


async def test_a_transaction_that_commits_late_is_late_and_not_lost(database: Database, broker: Broker) -> None:
    async with running(Relay("sample", database, broker)):
        slow = database.open_session(SYSTEM)
        events.emit(slow, sample.TillCounted(note="slow"), restaurant_id=None, aggregate_id="1")
        await postponed.send(slow)  # has the lower number now
        await emit(database, "fast")
        await eventually(lambda: _is_published(broker, ["fast"]))
        await slow.commit()
        await slow.close()
        await drained(database)
    assert await notes(broker) == ["fast", "slow"]


async def _is_published(broker: Broker, expected: list[str]) -> bool:
    return await notes(broker) == expected


async def test_events_wait_while_nats_is_away(database: Database, broker: Broker, own_stack: Stack) -> None:
    relay = Relay("sample", database, broker)
    async with running(relay):
        await emit(database, "before")
        await drained(database)
        own_stack.kill("nats")
        await eventually(lambda: not broker.is_connected)
        await emit(database, "during 1", "during 2")
        await eventually(lambda: _oldest() > 0.5)
        assert await count(database, outbox_table) == 2
        own_stack.restart("nats")
        await drained(database)
    assert await notes(broker) == ["before", "during 1", "during 2"]
    assert _oldest() == 0


def _oldest() -> float:
    return REGISTRY.get_sample_value("mizan_outbox_oldest_seconds", {"service": "sample"}) or 0.0


async def test_a_service_starts_without_nats(database: Database, own_stack: Stack) -> None:
    own_stack.kill("nats")
    broker = Broker(own_stack.nats_url, application="sample", limits=SMALL)
    relay = Relay("sample", database, broker)
    await broker.start()
    async with running(relay):
        await emit(database, "early")
        await eventually(lambda: relay.leads)
        own_stack.restart("nats")
        await drained(database)
    await broker.stop()


async def test_streams_that_vanished_are_made_again(database: Database, broker: Broker) -> None:
    await broker.jetstream.delete_stream(EVENTS_STREAM)
    async with running(Relay("sample", database, broker)):
        await emit(database, "kept")
        await drained(database)
    assert await notes(broker) == ["kept"]


async def test_another_replica_takes_over_when_the_leader_loses_its_connection(
    database: Database, broker: Broker, own_stack: Stack, address: Address
) -> None:
    other_database = Database(address.app_dsn, application="other")
    await other_database.start()
    first, second = Relay("sample", database, broker), Relay("sample", other_database, broker)
    async with running(first):
        await eventually(lambda: first.leads)
        async with running(second):
            with psycopg.connect(own_stack.admin_dsn, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                    " WHERE l.locktype = 'advisory' AND d.datname = %s",
                    (address.name,),
                )
            await emit(database, "handed over")
            await drained(database)
            # Who lost the lock believes in it until its next use of the connection, which fails.
            await eventually(lambda: first.leads != second.leads)
    await other_database.stop()
    assert await notes(broker) == ["handed over"]


async def test_a_stopped_leader_hands_over_at_once(database: Database, broker: Broker, address: Address) -> None:
    other_database = Database(address.app_dsn, application="other")
    await other_database.start()
    first, second = Relay("sample", database, broker), Relay("sample", other_database, broker)
    await first.start()
    await eventually(lambda: first.leads)
    async with running(second):
        await first.stop()
        await eventually(lambda: second.leads, within=5)
        await emit(database, "after")
        await drained(database)
    await other_database.stop()


async def test_what_is_committed_while_the_relay_stops_goes_out(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 30.0)
    relay = Relay("sample", database, broker)
    await relay.start()
    await eventually(lambda: relay.leads)
    relay._stop.set()
    await emit(database, "last")
    await relay.stop()
    assert await notes(broker) == ["last"]
    assert await count(database, outbox_table) == 0


async def test_more_than_one_batch_is_published_and_memory_stays_bounded(database: Database, broker: Broker) -> None:
    await emit(database, *(f"{number:04}" for number in range(1_050)))
    relay = Relay("sample", database, broker, batch_size=100)
    async with running(relay):
        await drained(database)
    info = await broker.jetstream.stream_info(EVENTS_STREAM)
    assert info.state.messages == 1_050
    assert relay._publisher.awaited == 0


async def test_public_events_reach_only_their_stream(database: Database, broker: Broker) -> None:
    restaurant = uuid4()
    async with running(Relay("sample", database, broker)):
        async with database.write(SYSTEM) as session:
            events.emit(session, sample.TicketPrinted(note="p"), restaurant_id=restaurant, aggregate_id="1")
        await drained(database)
    assert [message.subject for message in await published(broker)] == ["evt.sample.ticket.printed.v1"]
    (public,) = await published(broker, PUBLIC_STREAM)
    assert public.subject == f"evt.public.{restaurant}.sample.ticket.printed.v1"


async def test_an_integrator_reads_its_own_events_with_a_durable_pull_consumer(
    database: Database, broker: Broker
) -> None:
    mine, other = uuid4(), uuid4()
    async with running(Relay("sample", database, broker)):
        async with database.write(SYSTEM) as session:
            for restaurant in (mine, other):
                events.emit(session, sample.TicketPrinted(), restaurant_id=restaurant, aggregate_id="1")
        await drained(database)
    await broker.jetstream.add_consumer(
        PUBLIC_STREAM, ConsumerConfig(durable_name="integrator", filter_subject=f"evt.public.{mine}.>")
    )
    subscription = await broker.jetstream.pull_subscribe_bind("integrator", PUBLIC_STREAM)
    received = await subscription.fetch(2, timeout=1)
    assert [message.subject.split(".")[2] for message in received] == [str(mine)]


async def test_the_outbox_needs_no_tenant(database: Database) -> None:
    await emit(database, "x")
    async with database.write(SYSTEM) as session:
        policies = await session.execute(sa.text("SELECT count(*) FROM pg_policies WHERE tablename = 'outbox'"))
        assert policies.scalar_one() == 0


async def test_limits_of_the_streams_follow_the_settings(broker: Broker, own_stack: Stack) -> None:
    other = Broker(
        own_stack.nats_url, application="other", limits=StreamLimits(max_age_seconds=7200, max_bytes=32 * 1024 * 1024)
    )
    await other.start()
    await other.connected()
    info = await broker.jetstream.stream_info(EVENTS_STREAM)
    assert (info.config.max_age, info.config.max_bytes) == (7200, 32 * 1024 * 1024)
    await other.stop()


async def test_a_value_with_line_breaks_adds_no_header_and_no_command(broker: Broker) -> None:
    publisher = Publisher(broker)
    subject = events.type_of(sample.TillCounted).subject
    received = await broker.client.subscribe(subject)
    hostile = {events.AGGREGATE: "a\r\nX-Other: b\r\n\r\nPUB c 0", events.MESSAGE_ID: uuid4().hex, "X-Last": "é"}
    outcome = await publisher.publish([Outgoing(7, subject, b"content\r\n", hostile)], 5.0)
    assert (outcome.acknowledged, outcome.refusals) == ([7], set())
    message = await received.next_msg(5.0)
    assert message.data == b"content\r\n"
    assert message.headers == {**hostile, events.AGGREGATE: "a  X-Other: b    PUB c 0"}


async def test_a_message_that_is_too_large_holds_up_no_other(broker: Broker) -> None:
    large = bytes(broker.client.max_payload + 1)
    subject = events.type_of(sample.TillCounted).subject
    batch = [Outgoing(1, subject, large, {"X": "1"}), Outgoing(2, subject, b"2", {events.MESSAGE_ID: uuid4().hex})]
    outcome = await Publisher(broker).publish(batch, 5.0)
    assert (outcome.acknowledged, outcome.silent, len(outcome.refusals)) == ([2], set(), 1)
