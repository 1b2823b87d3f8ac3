"""What notify does in the background: sending, releasing announcements, sweeping, cleaning."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy.exc import OperationalError

from servicekit.backoff import Backoff
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database
from servicekit.files import Files
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.notify import tasks
from services.notify.commands import announcements, deliveries, upkeep
from services.notify.domain.deliveries import PENDING, SENDING, Outcome
from services.notify.queries import announcements as announcement_queries
from services.notify.queries import deliveries as queries
from services.notify.sending import Result, Sender

SHORT_WAIT: Final = timedelta(seconds=1)
"""A turn that comes sooner is waited for; a later one is queued for."""
SWEEP_LIMIT: Final = 500
SETTLE_ATTEMPTS: Final = 5

SETTLED = Counter("mizan_deliveries_settled", "What became of deliveries.", ("channel", "outcome"))

log = structlog.get_logger(__name__)


class Sending:
    """Carries deliveries to their providers."""

    def __init__(self, database: Database, sender: Sender, clock: Clock, rates: Mapping[str, float]) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._rates = rates

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {tasks.DELIVER: self.deliver, tasks.SWEEP: self.sweep}

    async def deliver(self, _job: Job, *, delivery_id: str, reserved: bool = False) -> None:
        """Sends a delivery that waits, in its turn; settles one that an interrupted run left behind."""
        wanted = UUID(delivery_id)
        row = await queries.delivery(self._database.read(SYSTEM), wanted)
        if row is None or row.state not in (PENDING, SENDING):
            return
        now = self._clock.now()
        if row.state == SENDING:
            async with self._database.write(SYSTEM) as session:
                await deliveries.abandon(session, wanted, now)
            log.warning("delivery_uncertain", delivery_id=delivery_id, channel=row.channel)
            return
        if row.not_before is not None and row.not_before > now:
            async with self._database.write(SYSTEM) as session:
                await deliveries.postpone(session, wanted, row.not_before)
            return
        if await self._claim(wanted, row.channel, now, reserved=reserved):
            result = await self._sender.send(row, self._clock.now())
            await self._settle(wanted, row.channel, result)

    async def _claim(self, delivery_id: UUID, channel: str, now: datetime, *, reserved: bool) -> bool:
        """Takes the delivery and its turn at the provider; False when somebody else has it, or its turn is later."""
        turn = now
        async with self._database.write(SYSTEM) as session:
            if not reserved:
                turn = await deliveries.reserve(session, channel, self._rates[channel], now)
            if turn - now > SHORT_WAIT:
                await deliveries.postpone(session, delivery_id, turn, reserved=True)
                return False
            if not await deliveries.claim(session, delivery_id, now):
                return False
        await asyncio.sleep(max(0.0, (turn - now).total_seconds()))
        return True

    async def _settle(self, delivery_id: UUID, channel: str, result: Result) -> None:
        """Records the outcome; a database that is away for a moment must not make a sent message an uncertain one."""
        backoff = Backoff(first=0.2, cap=5.0)
        for attempt in range(1, SETTLE_ATTEMPTS + 1):
            try:
                async with self._database.write(SYSTEM) as session:
                    if result.gone:
                        await deliveries.prune_tokens(session, result.gone)
                    await deliveries.settle(session, delivery_id, result.outcome, self._clock.now())
                break
            except OperationalError:
                if attempt == SETTLE_ATTEMPTS:
                    raise
                await asyncio.sleep(backoff.delay(attempt))
        _count(channel, result.outcome)

    async def sweep(self, _job: Job) -> None:
        """Queues again what has lost its job, and settles what was left behind."""
        async with self._database.write(SYSTEM) as session:
            queued = await deliveries.requeue_overdue(session, self._clock.now(), limit=SWEEP_LIMIT)
            due = await announcements.queue_due(session, self._clock.now())
        if queued or due:
            log.warning("deliveries_swept", deliveries=queued, announcements=due)


class Announcing:
    """Tells announcements to their people, some hundred at a time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {tasks.RELEASE: self.release}

    async def release(self, _job: Job, *, announcement_id: str) -> None:
        """Tells everybody whom the announcement means and who has not been told; repeating it goes on where it was."""
        wanted = UUID(announcement_id)
        after: UUID | None = UUID(int=0)
        while after is not None:
            async with self._database.write(SYSTEM) as session:
                after = await announcements.release(session, wanted, after, self._clock.now())


class Upkeep:
    """Deletes what is over, and files that nobody names."""

    def __init__(self, database: Database, files: Files, clock: Clock, kept: upkeep.Kept) -> None:
        self._database = database
        self._files = files
        self._clock = clock
        self._kept = kept

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {tasks.CLEAN: self.clean, tasks.REMOVE_FILE: self.remove_file}

    async def clean(self, _job: Job, **_tick: Any) -> None:
        """Deletes old notifications, settled deliveries, unused tokens, and conversations that are over."""
        async with self._database.write(SYSTEM) as session:
            deleted = await upkeep.clean(session, self._kept, self._clock.now())
        log.info("notifications_cleaned", **deleted.counts)

    async def remove_file(self, _job: Job, *, key: str) -> None:
        """Removes a file unless a row names it; repeating it changes nothing."""
        if not await announcement_queries.is_named(self._database.read(SYSTEM), key):
            await self._files.delete(key)


def _count(channel: str, outcome: Outcome) -> None:
    SETTLED.labels(channel, type(outcome).__name__.lower()).inc()
