"""The relay: publishes what the outbox holds and deletes what NATS has acknowledged.

One relay per service database is at work, chosen by an advisory lock on the very connection that reads and deletes:
who loses the connection can delete nothing, and another replica takes over. A row is deleted only after its
acknowledgement, and the next rows are always looked for from the table's start, so that a transaction that commits late
is late and never lost. A crash between acknowledgement and deletion publishes again under the same message id, which
the stream drops within its duplicate window and the inbox for good.
"""

import asyncio
import contextlib
import time
from typing import Any

import structlog
from nats.errors import Error as NatsError
from prometheus_client import Counter, Gauge, Histogram

from servicekit import events
from servicekit.backoff import Backoff, pause
from servicekit.broker import Broker
from servicekit.db import Database
from servicekit.publisher import NO_STREAM, Outgoing, Publisher
from servicekit.roundtrip import RoundTripConnection, Statement

# One lock per database; the number is the ASCII text "outbox".
LOCK_KEY = int.from_bytes(b"outbox")
BATCH_SIZE = 200
# What was committed within this time goes out in one batch: a quarter of what a kitchen notices.
LINGER_SECONDS = 0.025
POLL_SECONDS = 1.0
STANDBY_SECONDS = 1.0
ACKNOWLEDGE_TIMEOUT_SECONDS = 5.0
STATEMENT_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 5
BACKOFF = Backoff(first=0.1, cap=5.0)
# Both sides notice within about ten seconds that the other is gone, so that a dead leader's lock is given up.
_KEEPALIVES: dict[str, Any] = {
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_OPTIONS = "-c tcp_keepalives_idle=4 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c statement_timeout=10000"

PUBLISHED = Counter("mizan_outbox_published", "Events published and acknowledged.", ("service",))
FAILURES = Counter(
    "mizan_outbox_failures", "Events whose publication was not acknowledged and is repeated.", ("service",)
)
OLDEST = Gauge(
    "mizan_outbox_oldest_seconds", "Age of the oldest event that this leader has not published.", ("service",)
)
LEADER = Gauge("mizan_outbox_leader", "1 where this process relays its database's outbox.", ("service",))
BATCH = Histogram(
    "mizan_outbox_batch_events", "Events per published batch.", ("service",), buckets=(1, 2, 5, 10, 20, 50, 100, 200)
)

_SELECT = "SELECT seq, id, subject, payload, headers, created_at FROM outbox ORDER BY seq LIMIT $1::int"
_DELETE = "DELETE FROM outbox WHERE seq = ANY ($1::bigint[])"
_LOCK = "SELECT pg_try_advisory_lock($1::bigint) AS is_mine"

log = structlog.get_logger(__name__)


class Relay:
    """Publishes one service's outbox while it holds the database's lock, and stands by otherwise."""

    name = "relay"

    def __init__(self, service: str, database: Database, broker: Broker, *, batch_size: int = BATCH_SIZE) -> None:
        self._service = service
        self._database = database
        self._broker = broker
        self._publisher = Publisher(broker)
        self._batch_size = batch_size
        self._work = asyncio.Event()
        self._stop = asyncio.Event()
        self._oldest: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._forget = contextlib.ExitStack()
        self._nudge = f"outbox.{service}"
        self.leads = False

    async def start(self) -> None:
        """Begins to compete for the lock."""
        self._forget.callback(events.on_commit(self._database.engine, self._work.set))
        OLDEST.labels(self._service).set_function(self._oldest_age)
        self._task = asyncio.create_task(self._run(), name=f"{self._service}-relay")

    async def stop(self) -> None:
        """Publishes what is there, at most one more batch, and gives up the lock; the rest is the next leader's."""
        self._stop.set()
        self._work.set()
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=2 * ACKNOWLEDGE_TIMEOUT_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._forget.close()

    def _oldest_age(self) -> float:
        return max(0.0, time.time() - self._oldest) if self._oldest is not None else 0.0

    async def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                await self._term()
            except Exception as error:
                failures = 1 if time.monotonic() - began > BACKOFF.cap else failures + 1
                log.warning("relay_interrupted", service=self._service, failures=failures, exc_info=error)
                await pause(BACKOFF.delay(failures), self._stop)

    async def _term(self) -> None:
        """One connection's life: waits for the lock, then relays until stopped."""
        try:
            async with await self._connect() as connection:
                while not self._stop.is_set() and not await self._acquire(connection):
                    await self._stand_by()
                await self._lead(connection)
        finally:
            self.leads = False
            self._oldest = None
            LEADER.labels(self._service).set(0)

    async def _connect(self) -> RoundTripConnection:
        return await RoundTripConnection.connect(
            self._database.url,
            autocommit=True,
            application_name=f"{self._service}-relay",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            options=_OPTIONS,
            **_KEEPALIVES,
        )

    async def _acquire(self, connection: RoundTripConnection) -> bool:
        ((row,),) = await self._fetch(connection, Statement(_LOCK, (LOCK_KEY,), cast=True))
        return bool(row.is_mine)

    async def _stand_by(self) -> None:
        """Passes commits of this process on to the leader, wherever it is, until it is time to try the lock again."""
        until = time.monotonic() + STANDBY_SECONDS
        while not self._stop.is_set() and (left := until - time.monotonic()) > 0:
            if await self._woken(left) and self._broker.is_connected:
                # Nothing depends on it: a nudge that gets lost costs the leader's poll interval.
                await self._broker.client.publish(self._nudge)

    async def _lead(self, connection: RoundTripConnection) -> None:
        self.leads = True
        LEADER.labels(self._service).set(1)
        log.info("relay_leads", service=self._service)
        async with contextlib.AsyncExitStack() as leadership:
            nudged = False
            failures = 0
            while not self._stop.is_set():
                if not nudged and self._broker.is_connected:
                    await self._accept_nudges(leadership)
                    nudged = True
                found, published = await self._round(connection)
                if published < found:
                    failures += 1
                    FAILURES.labels(self._service).inc(found - published)
                    await pause(BACKOFF.delay(failures), self._stop)
                    continue
                failures = 0
                if found < self._batch_size:
                    # Whatever was committed after these rows were read has said so.
                    self._oldest = None
                    await self._woken(POLL_SECONDS)
            # What was committed while the service was being stopped.
            await self._round(connection)

    async def _round(self, connection: RoundTripConnection) -> tuple[int, int]:
        """Publishes what the outbox holds, at most one batch; how much that was, and how much was acknowledged."""
        rows = await self._rows(connection)
        self._oldest = rows[0].created_at.timestamp() if rows else None
        published = await self._publish(rows) if rows else []
        if published:
            await self._delete(connection, published)
        return len(rows), len(published)

    async def _accept_nudges(self, leadership: contextlib.AsyncExitStack) -> None:
        subscription = await self._broker.client.subscribe(self._nudge, cb=self._on_nudge)

        async def end() -> None:
            if self._broker.client.is_connected:
                await subscription.unsubscribe()

        leadership.push_async_callback(end)

    async def _on_nudge(self, _message: Any) -> None:
        self._work.set()

    async def _fetch(self, connection: RoundTripConnection, statement: Statement) -> list[list[Any]]:
        async with asyncio.timeout(STATEMENT_TIMEOUT_SECONDS):
            return await connection.fetch([statement])

    async def _rows(self, connection: RoundTripConnection) -> list[Any]:
        (rows,) = await self._fetch(connection, Statement(_SELECT, (self._batch_size,), cast=True))
        return rows

    async def _delete(self, connection: RoundTripConnection, published: list[int]) -> None:
        await self._fetch(connection, Statement(_DELETE, (published,), cast=True))
        PUBLISHED.labels(self._service).inc(len(published))
        BATCH.labels(self._service).observe(len(published))

    async def _publish(self, rows: list[Any]) -> list[int]:
        """Publishes the rows in their order and returns the numbers of those that the stream acknowledged."""
        if not self._broker.is_connected:
            return []
        batch = [
            Outgoing(row.seq, row.subject, row.payload, {**row.headers, events.MESSAGE_ID: str(row.id)}) for row in rows
        ]
        outcome = await self._publisher.publish(batch, ACKNOWLEDGE_TIMEOUT_SECONDS)
        if outcome.silent or outcome.refusals:
            log.warning(
                "relay_unacknowledged",
                service=self._service,
                silent=len(outcome.silent),
                refusals=sorted(outcome.refusals)[:5],
            )
        if NO_STREAM in outcome.refusals:
            with contextlib.suppress(NatsError, TimeoutError):
                await self._broker.ensure_streams()
        return outcome.acknowledged

    async def _woken(self, seconds: float) -> bool:
        """Waits for work, and a moment longer for what is committed together with it; False when none came."""
        try:
            async with asyncio.timeout(seconds):
                await self._work.wait()
        except TimeoutError:
            return False
        if not self._stop.is_set():
            await asyncio.sleep(LINGER_SECONDS)
            self._work.clear()
        return True
