"""What an event, a log line, a span and a job cost: `python -m servicekit.tests.events.bench`.

Boots PostgreSQL and NATS of its own. "CPU" is this process's, per unit; "wall" is elapsed time per unit. The figures of
one run compare with each other, not with those of another machine.
"""

import asyncio
import io
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog
import uvloop
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from rich.console import Console
from rich.table import Table

from servicekit import context, events, jobs, log, telemetry
from servicekit.broker import EVENTS_STREAM, Broker
from servicekit.db import SYSTEM, Database
from servicekit.inbox import BatchSubscription, Event, Subscription
from servicekit.jobs import Job, Jobs, Task
from servicekit.outbox import Relay
from servicekit.subscriber import Subscriber
from servicekit.tables import inbox, outbox
from servicekit.tests.events import sample
from servicekit.tests.events.conftest import SMALL, count, effect, eventually, migrate
from tools.stack import make_stack

EVENTS = 4_000
COMMITS = 1_000
ROUNDS = 5
JOBS = 500
CALLS = 20_000

table = Table("what", "units", "wall us", "CPU us", title="Cost per unit")


async def cost(units: int, work: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """Elapsed time and CPU per unit, in microseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    return (time.perf_counter() - wall) / units * 1e6, (time.process_time() - cpu) / units * 1e6


async def measured(what: str, units: int, work: Callable[[], Awaitable[Any]]) -> None:
    wall, cpu = await cost(units, work)
    table.add_row(what, str(units), f"{wall:.0f}", f"{cpu:.0f}")


async def compared(units: int, works: dict[str, Callable[[], Awaitable[Any]]]) -> None:
    """The best of several rounds in turn: what others do on the machine only ever adds, and hits all alike."""
    best = dict.fromkeys(works, (float("inf"), float("inf")))
    for _ in range(ROUNDS):
        for what, work in works.items():
            wall, cpu = await cost(units // ROUNDS, work)
            best[what] = min(best[what][0], wall), min(best[what][1], cpu)
    for what, (wall, cpu) in best.items():
        table.add_row(what, str(units), f"{wall:.0f}", f"{cpu:.0f}")


def called(what: str, work: Callable[[], object]) -> None:
    for _ in range(CALLS // 10):
        work()
    wall = time.perf_counter()
    for _ in range(CALLS):
        work()
    each = (time.perf_counter() - wall) / CALLS * 1e6
    table.add_row(what, str(CALLS), f"{each:.2f}", "")


class Discard(SpanExporter):
    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


async def handle(session: Any, event: Any, envelope: events.Envelope) -> None:
    await session.execute(sa.insert(effect), {"event_id": envelope.id, "note": event.note, "amount": event.amount})


async def handle_batch(session: Any, batch: Sequence[Event]) -> None:
    entries = [{"event_id": e.envelope.id, "note": e.message.note, "amount": e.message.amount} for e in batch]
    await session.execute(sa.insert(effect), entries)


async def emitting(database: Database) -> None:
    async def commits(emitted: int) -> None:
        for _ in range(COMMITS // ROUNDS):
            async with database.write(SYSTEM) as session:
                await session.execute(sa.insert(effect), {"event_id": uuid4(), "note": "n", "amount": 1})
                for _ in range(emitted):
                    emit(session)

    await commits(2)
    await compared(
        COMMITS,
        {
            "commit of one insert": lambda: commits(0),
            "the same with 1 event": lambda: commits(1),
            "the same with 2 events": lambda: commits(2),
            "the same with 10 events": lambda: commits(10),
        },
    )


def emit(session: Any) -> None:
    events.emit(session, sample.TillCounted(note="n", amount=1), restaurant_id=uuid4(), aggregate_id=uuid4(), version=1)


async def fill(database: Database, number: int) -> None:
    for _ in range(number // 100):
        async with database.write(SYSTEM) as session:
            for _ in range(100):
                emit(session)


async def empty(database: Database, what: sa.Table) -> None:
    async with database.write(SYSTEM) as session:
        await session.execute(sa.delete(what))


async def holds(database: Database, what: sa.Table, number: int) -> None:
    async def check() -> bool:
        return await count(database, what) == number

    await eventually(check, within=120)


async def relaying(database: Database, broker: Broker) -> None:
    await empty(database, outbox)
    await fill(database, EVENTS)
    relay = Relay("bench", database, broker)

    async def relayed() -> None:
        await relay.start()
        await holds(database, outbox, 0)

    await measured("relay, from a full outbox", EVENTS, relayed)

    arrived = asyncio.Event()

    async def arrives(_message: Any) -> None:
        arrived.set()

    listening = await broker.client.subscribe("evt.sample.till.counted.v1", cb=arrives)

    async def one_by_one() -> None:
        for _ in range(COMMITS // 5):
            arrived.clear()
            async with database.write(SYSTEM) as session:
                emit(session)
            await arrived.wait()

    await measured("commit of an event until NATS delivers it, one at a time", COMMITS // 5, one_by_one)
    await listening.unsubscribe()
    await relay.stop()


async def consuming(database: Database, broker: Broker) -> None:
    async def consumed(subscription: Subscription | BatchSubscription) -> None:
        subscriber = Subscriber(subscription, database, broker)
        await subscriber.start()
        await holds(database, inbox, expected)
        await subscriber.stop()

    async def again(subscription: BatchSubscription) -> None:
        await broker.jetstream.delete_consumer(EVENTS_STREAM, "many")
        subscriber = Subscriber(subscription, database, broker)
        await subscriber.start()

        async def done() -> bool:
            info = await broker.jetstream.consumer_info(EVENTS_STREAM, "many")
            return info.num_pending == 0 and info.num_ack_pending == 0

        async def exists() -> bool:
            consumers = await broker.jetstream.consumers_info(EVENTS_STREAM)
            return any(consumer.name == "many" for consumer in consumers)

        await eventually(exists)
        await eventually(done, within=120)
        await subscriber.stop()

    expected = (await broker.jetstream.stream_info(EVENTS_STREAM)).state.messages
    await measured(
        "consume, one transaction each, 8 at a time",
        expected,
        lambda: consumed(Subscription("one", {sample.TillCounted: handle})),
    )
    await empty(database, inbox)
    await measured(
        "consume one by one, a hundred in a transaction",
        expected,
        lambda: consumed(Subscription("shared", {sample.TillCounted: handle}, size=100, concurrency=1)),
    )
    await empty(database, inbox)
    await measured(
        "consume in batches of 100",
        expected,
        lambda: consumed(BatchSubscription("many", [sample.TillCounted], handle_batch)),
    )
    await measured(
        "consume what was consumed before, in batches",
        expected,
        lambda: again(BatchSubscription("many", [sample.TillCounted], handle_batch)),
    )


async def working(database: Database) -> None:
    task = Task("bench")

    async def nothing(_job: Job) -> None:
        return

    async def deferred() -> None:
        for _ in range(JOBS):
            async with database.write(SYSTEM) as session:
                await jobs.defer(session, task)

    await measured("commit of one deferred job", JOBS, deferred)
    worker = Jobs("bench", database, {task: nothing})
    await measured("run a job, 4 at a time", JOBS, worker.run_pending)


def calling() -> None:
    path, header = "/mizan.bench.v1.BenchService/Do", f"00-{'a' * 32}-{'b' * 16}-0"
    server, client = telemetry.rpc_server(path), telemetry.rpc_client(path)
    unsampled, sampled = [("traceparent", header + "0")], [("traceparent", header + "1")]

    def serve(metadata: list[tuple[str, str]]) -> None:
        with server(metadata):
            pass

    def call() -> None:
        with client([]):
            pass

    def step() -> None:
        with telemetry.span("step"):
            pass

    called("count and time a gRPC request, tracing off", lambda: serve(unsampled))
    called("the client's side, tracing off", call)
    called("a step, tracing off", step)
    telemetry.configure("bench", exporter=Discard())
    called("count and time a gRPC request, not sampled", lambda: serve(unsampled))
    called("a step, not sampled", step)
    called("count, time and trace a gRPC request, sampled", lambda: serve(sampled))
    telemetry.shutdown()


def logging_lines() -> None:
    stream, configured = io.StringIO(), structlog.get_config()
    log.configure("bench", level="INFO", pretty=False, stream=stream)
    logger = structlog.get_logger("bench").bind()
    context.current.set(context.RequestContext(request_id="a" * 32, trace_parent=f"00-{'a' * 32}-{'b' * 16}-00"))
    called("a log line that is below the level", lambda: logger.debug("placed", order="1", amount=3))
    called("a log line that is written", lambda: logger.info("placed", order="1", amount=3, body={"pin": "1234"}))
    logging.getLogger().handlers.clear()
    structlog.configure(**configured)


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder, make_stack(Path(folder)) as stack:
        databases = stack.endpoints.databases
        address = databases.create("bench")
        migrate(address.owner_dsn, "bench")
        database = Database(address.app_dsn, application="bench", pool_size=10)
        broker = Broker(stack.nats_url, application="bench", limits=SMALL)
        await database.start()
        await broker.start()
        await broker.connected()
        await emitting(database)
        await relaying(database, broker)
        await consuming(database, broker)
        await working(database)
        await broker.stop()
        await database.stop()
    calling()
    logging_lines()
    Console(width=110).print(table)


if __name__ == "__main__":
    uvloop.run(main())
