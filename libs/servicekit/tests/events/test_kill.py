"""A service that is killed in the middle of its work: what it acknowledged takes effect everywhere, and once."""

import asyncio
import os
import signal
import sys

import pytest
import sqlalchemy as sa

from servicekit.broker import Broker
from servicekit.db import Database
from servicekit.tables import dead_letter, inbox, outbox
from servicekit.tests.events.conftest import count, effect, eventually, rows
from tools.stack import Database as Address
from tools.stack.stack import Stack

PROGRAM = """
import asyncio, sys
import sqlalchemy as sa
from servicekit import events
from servicekit.broker import Broker
from servicekit.db import SYSTEM, Database
from servicekit.inbox import BatchSubscription, Subscription
from servicekit.outbox import Relay
from servicekit.subscriber import Subscriber
from servicekit.tests.events import sample
from servicekit.tests.events.conftest import SMALL, effect

async def handle(session, event, envelope):
    row = {"event_id": envelope.id, "note": event.note, "amount": 1}
    await session.execute(sa.insert(effect), row)

async def handle_batch(session, batch):
    for event in batch:
        await handle(session, event.message, event.envelope)

async def main(dsn, nats_url, first, last):
    database = Database(dsn, application="doomed")
    broker = Broker(nats_url, application="doomed", limits=SMALL)
    parts = [
        database,
        broker,
        Relay("doomed", database, broker),
        Subscriber(Subscription("one", {sample.TillCounted: handle}, ack_wait=2), database, broker),
        Subscriber(BatchSubscription("many", [sample.TillCounted], handle_batch, ack_wait=2), database, broker),
    ]
    for part in parts:
        await part.start()

    async def commit(numbers):
        for number in numbers:
            async with database.write(SYSTEM) as session:
                events.emit(session, sample.TillCounted(note=str(number)), restaurant_id=None, aggregate_id=str(number))
            print(number, flush=True)

    numbers = iter(range(first, last))
    await asyncio.gather(*(commit(numbers) for _ in range(4)))
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""
PER_ROUND = 10_000


async def live(address: Address, own_stack: Stack, first: int, commits: int) -> asyncio.subprocess.Process:
    """Starts the service; it commits one event for each number and reports the number when that is done."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        address.app_dsn,
        own_stack.nats_url,
        str(first),
        str(first + commits),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ":".join(path for path in sys.path if path)},
    )


async def live_until_killed(address: Address, own_stack: Stack, first: int, commits: int) -> list[str]:
    """Runs the service until it has reported some commits, kills it, and says which it reported."""
    doomed = await live(address, own_stack, first, PER_ROUND)
    assert doomed.stdout is not None
    reported: list[str] = []
    while len(reported) < commits:
        line = (await doomed.stdout.readline()).decode().strip()
        # Its log lines come the same way.
        reported += [line] if line.isdigit() else []
    doomed.send_signal(signal.SIGKILL)
    rest, _ = await doomed.communicate()
    # The last line may have been cut off by the kill.
    return [*reported, *(line for line in rest.decode().split("\n")[:-1] if line.isdigit())]


@pytest.mark.chaos
@pytest.mark.timeout(120)
async def test_what_was_acknowledged_before_a_kill_arrives_exactly_once(
    address: Address, database: Database, broker: Broker, own_stack: Stack
) -> None:
    acknowledged: list[str] = []
    for number, commits in enumerate((1, 40, 150)):
        acknowledged += await live_until_killed(address, own_stack, number * PER_ROUND, commits)
    # A fourth life that commits nothing of its own finishes what the others left.
    finisher = await live(address, own_stack, 0, 0)

    async def is_settled() -> bool:
        if await count(database, outbox):
            return False
        for consumer in ("one", "many"):
            info = await broker.jetstream.consumer_info("EVENTS", consumer)
            if info.num_pending or info.num_ack_pending:
                return False
        return True

    await eventually(is_settled, within=60)
    finisher.send_signal(signal.SIGKILL)
    await finisher.communicate()

    notes = sa.select(effect.c.note, sa.func.count(), sa.func.count(effect.c.event_id.distinct())).group_by(
        effect.c.note
    )
    applied = {note: (times, events) for note, times, events in await rows(database, notes)}
    assert len(acknowledged) >= 191
    assert set(acknowledged) <= applied.keys()
    # Twice each: once by each of the two consumers, for the same one event.
    assert set(applied.values()) == {(2, 1)}
    assert await count(database, inbox) == 2 * len(applied)
    assert await count(database, dead_letter) == 0
