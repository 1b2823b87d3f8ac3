"""Consuming from JetStream: pulls what there is room for, acknowledges after the commit, repeats with delay.

The server's own limit of deliveries is switched off: it would drop a message silently. This side counts instead, and
the last failure is a row among the dead letters. A database that is away is no event's fault: pulling pauses until it
is back.
"""

import asyncio
import contextlib
import json
from typing import Any

import psycopg
import psycopg_pool
import sqlalchemy.exc
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from prometheus_client import Counter, Gauge, Histogram

from servicekit import consumers, deadletters, events
from servicekit.backoff import Backoff, pause
from servicekit.broker import EVENTS_STREAM, Broker
from servicekit.db import Database
from servicekit.inbox import BatchSubscription, Delivery, Event, Inbox, Subscription, Undecodable, Unhandled

PULL_EXPIRES_SECONDS = 10.0
PULL_GRACE_SECONDS = 2.0
# Deliveries beyond the allowed attempts that may be owed to crashes and outages, not to the event.
CRASH_MARGIN = 10
# What is handed back at a stop is for another replica, at once.
RELEASE_DELAY_SECONDS = 0.05
OBSERVE_SECONDS = 10.0
RECOVERY = Backoff(first=0.2, cap=5.0)

HANDLED = Counter("mizan_events_handled", "Deliveries, by what became of them.", ("consumer", "type", "outcome"))
DURATION = Histogram("mizan_event_seconds", "Time to handle one event or one batch.", ("consumer",))
LAG = Gauge("mizan_consumer_lag_events", "Events that wait for this consumer or are being handled.", ("consumer",))
DEAD = Gauge("mizan_dead_letters", "Events that this consumer gave up.", ("consumer",))

log = structlog.get_logger(__name__)


class ConsumerLost(Exception):
    """The server no longer knows the consumer, or ended the pull for another reason than time."""


class Subscriber:
    """Runs one subscription of a service: a durable pull consumer that all replicas share."""

    def __init__(
        self, subscription: Subscription | BatchSubscription, database: Database, broker: Broker, *, drain: float = 10.0
    ) -> None:
        self.name = f"subscriber {subscription.name}"
        self.inbox = Inbox(subscription, database)
        self._subscription = subscription
        self._broker = broker
        self._drain = drain
        self._batches = isinstance(subscription, BatchSubscription) or subscription.size > 1
        size = subscription.size * 2 if self._batches else subscription.concurrency * 8
        self._prefetch = size
        self._lanes: list[asyncio.Queue[Msg | None]] = [
            asyncio.Queue(maxsize=size + 1) for _ in range(subscription.concurrency)
        ]
        # By reply subject, which names one delivery.
        self._in_flight: dict[str, Msg] = {}
        self._finished = asyncio.Event()
        self._pull_over = asyncio.Event()
        self._pull_status = ""
        self._expected = 0
        self._database_away = False
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._workers: list[asyncio.Task[None]] = []
        self._forget = contextlib.ExitStack()

    async def start(self) -> None:
        """Begins to consume as soon as NATS is there."""
        self._forget.callback(self._broker.on_lost(self._pull_over.set))
        name = self._subscription.name
        work = self._work_in_batches if self._batches else self._work
        self._workers = [asyncio.create_task(work(lane), name=f"{name}-worker") for lane in self._lanes]
        self._tasks = [
            asyncio.create_task(self._run(), name=f"{name}-pull"),
            asyncio.create_task(
                self._every(self._subscription.ack_wait / 3, self._report_progress), name=f"{name}-wip"
            ),
            asyncio.create_task(self._every(OBSERVE_SECONDS, self._observe), name=f"{name}-observe"),
        ]

    async def stop(self) -> None:
        """Stops pulling, finishes what was begun, and hands the rest back for another replica."""
        self._stop.set()
        self._pull_over.set()
        self._finished.set()
        await self._end(self._tasks[:1])
        for lane in self._lanes:
            with contextlib.suppress(asyncio.QueueFull):
                lane.put_nowait(None)
        await self._end(self._workers)
        await self._end(self._tasks, patience=0)
        self._forget.close()

    async def _end(self, tasks: list[asyncio.Task[None]], patience: float | None = None) -> None:
        if tasks:
            await asyncio.wait(tasks, timeout=self._drain if patience is None else patience)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Pulling

    async def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                await self._wait_for_database()
                async with self._listening() as reply:
                    failures = 0
                    # A pull that is still open when the database goes away ends with the inbox that it answers to.
                    while not self._stop.is_set() and not self._database_away:
                        await self._pull(reply, await self._room())
            except Exception as error:  # noqa: BLE001 - the loop is what everything else hangs on
                if self._stop.is_set():
                    return
                failures += 1
                log.warning("consumer_interrupted", consumer=self._subscription.name, error=repr(error))
                await pause(RECOVERY.delay(failures), self._stop)

    @contextlib.asynccontextmanager
    async def _listening(self) -> Any:
        """Creates or updates the consumer and listens on an inbox of our own for as long as the block runs."""
        connected = asyncio.ensure_future(self._broker.connected())
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((connected, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            connected.cancel()
            stopped.cancel()
        if not self._stop.is_set():
            await consumers.ensure(self._broker, self._subscription)
        reply = self._broker.client.new_inbox()
        subscription = await self._broker.client.subscribe(reply, cb=self._arrived)
        try:
            yield reply
        finally:
            with contextlib.suppress(NatsError, TimeoutError):
                async with asyncio.timeout(PULL_GRACE_SECONDS):
                    await subscription.drain()  # type: ignore[no-untyped-call] # the library's

    async def _room(self) -> int:
        """Waits until half of what may be held is free, and says how much is."""
        while len(self._in_flight) > self._prefetch // 2 and not self._stop.is_set():
            self._finished.clear()
            await self._finished.wait()
        return self._prefetch - len(self._in_flight)

    async def _pull(self, reply: str, count: int) -> None:
        """Asks for some events and waits until they came or the time is over. Raises ConsumerLost."""
        self._pull_over.clear()
        self._pull_status = ""
        self._expected = count
        if self._stop.is_set():
            return
        await self._broker.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS_STREAM}.{self._subscription.name}",
            json.dumps({"batch": count, "expires": int(PULL_EXPIRES_SECONDS * 1e9)}).encode(),
            reply=reply,
        )
        try:
            async with asyncio.timeout(PULL_EXPIRES_SECONDS + PULL_GRACE_SECONDS):
                await self._pull_over.wait()
        except TimeoutError as error:
            raise ConsumerLost("the server did not answer a pull") from error
        if self._pull_status not in ("", "404", "408"):
            raise ConsumerLost(f"the server ended a pull with status {self._pull_status}")
        if not self._broker.is_connected and not self._stop.is_set():
            raise ConsumerLost("the connection broke")

    async def _arrived(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status") if not message.data else None
        if status is not None:
            if status != "100":
                self._pull_status = status
                self._pull_over.set()
            return
        self._in_flight[message.reply] = message
        await self._lanes[self._lane_of(message)].put(message)
        self._expected -= 1
        if self._expected <= 0:
            self._pull_over.set()

    def _lane_of(self, message: Msg) -> int:
        return hash((message.headers or {}).get(events.AGGREGATE, "")) % len(self._lanes)

    # Handling

    async def _work(self, lane: asyncio.Queue[Msg | None]) -> None:
        while (message := await lane.get()) is not None:
            await self._settle([message])

    async def _work_in_batches(self, lane: asyncio.Queue[Msg | None]) -> None:
        subscription = self._subscription
        ended = False
        while not ended and (first := await lane.get()) is not None:
            batch = [first]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(subscription.linger):
                    while len(batch) < subscription.size and not ended:
                        following = await lane.get()
                        if following is None:
                            ended = True
                        else:
                            batch.append(following)
            await self._settle(batch)

    async def _settle(self, messages: list[Msg]) -> None:
        """Handles messages to their ends; each leaves acknowledged, refused with a delay, or buried."""
        try:
            if self._stop.is_set():
                for message in messages:
                    await message.nak(delay=RELEASE_DELAY_SECONDS)
                return
            with DURATION.labels(self._subscription.name).time():
                if self._batches:
                    await self._handle_batch(messages)
                else:
                    await self._handle(messages[0])
        except Exception as error:  # noqa: BLE001 - without an answer NATS delivers again, which is the remedy
            log.warning("event_not_settled", consumer=self._subscription.name, error=repr(error))
        finally:
            for message in messages:
                self._in_flight.pop(message.reply, None)
            self._finished.set()

    async def _handle_batch(self, messages: list[Msg]) -> None:
        opened: list[tuple[Msg, Event]] = []
        for message in messages:
            event = await self._open(message)
            if event is not None:
                opened.append((message, event))
        if not opened:
            return
        try:
            fresh = await self.inbox.apply_batch([event for _, event in opened])
        except Exception as error:
            if len(opened) > 1 and not is_database_away(error):
                log.warning("batch_failed", consumer=self._subscription.name, size=len(opened), exc_info=error)
                for message, event in opened:
                    await self._apply(message, event)
                return
            for message, event in opened:
                await self._failed(message, _delivery(message), error, event)
            return
        for message, event in opened:
            await message.ack()
            self._count(event.envelope.type, "applied" if event.envelope.id in fresh else "repeated")

    async def _handle(self, message: Msg) -> None:
        event = await self._open(message)
        if event is not None:
            await self._apply(message, event)

    async def _open(self, message: Msg) -> Event | None:
        delivery = _delivery(message)
        try:
            event = self.inbox.open(delivery)
        except Undecodable as error:
            await self._bury(message, delivery, error, "undecodable")
            return None
        except Unhandled as error:
            # While a new version rolls out, old replicas share the consumer that already asks for the new events.
            await self._failed(message, delivery, error, None, reason="unhandled")
            return None
        if delivery.attempt > self._subscription.max_attempts + CRASH_MARGIN:
            crashed = RuntimeError("delivered again and again without an end: the handler may kill its process")
            await self._bury(message, delivery, crashed, "crashed")
            return None
        return event

    async def _apply(self, message: Msg, event: Event) -> None:
        try:
            fresh = await self.inbox.apply(event)
        except Exception as error:  # noqa: BLE001 - any failure of a handler is repeated and, in the end, buried
            await self._failed(message, _delivery(message), error, event)
        else:
            await message.ack()
            self._count(event.envelope.type, "applied" if fresh else "repeated")

    async def _failed(
        self, message: Msg, delivery: Delivery, error: Exception, event: Event | None, reason: str = "failed"
    ) -> None:
        away = is_database_away(error)
        if away:
            self._pause_for_database()
        elif delivery.attempt >= self._subscription.max_attempts:
            await self._bury(message, delivery, error, reason)
            return
        delay = self._subscription.backoff.delay(delivery.attempt)
        log.warning(
            "event_failed",
            consumer=self._subscription.name,
            type=delivery.headers.get(events.TYPE, ""),
            event_id=delivery.headers.get(events.MESSAGE_ID, ""),
            attempt=delivery.attempt,
            repeated_in=round(delay, 3),
            exc_info=None if away or event is None else error,
            error=repr(error),
        )
        self._count(delivery.headers.get(events.TYPE, ""), "failed")
        await message.nak(delay=delay)

    async def _bury(self, message: Msg, delivery: Delivery, error: Exception, reason: str) -> None:
        sequence = message.metadata.sequence.stream
        try:
            await deadletters.bury(
                self.inbox.database,
                self._subscription.name,
                delivery,
                message_id=delivery.headers.get(events.MESSAGE_ID) or f"{EVENTS_STREAM}:{sequence}",
                reason=reason,
                error=error,
            )
        except Exception as failure:
            if is_database_away(failure):
                self._pause_for_database()
            log.error("dead_letter_not_kept", consumer=self._subscription.name, exc_info=failure)
            await message.nak(delay=self._subscription.backoff.delay(delivery.attempt))
            return
        log.error(
            "event_given_up",
            consumer=self._subscription.name,
            type=delivery.headers.get(events.TYPE, ""),
            event_id=delivery.headers.get(events.MESSAGE_ID, ""),
            reason=reason,
            attempts=delivery.attempt,
            exc_info=error,
        )
        await message.term()
        self._count(delivery.headers.get(events.TYPE, ""), "given_up")
        DEAD.labels(self._subscription.name).inc()

    def _count(self, event_type: str, outcome: str) -> None:
        HANDLED.labels(self._subscription.name, event_type, outcome).inc()

    # Beside the work

    def _pause_for_database(self) -> None:
        self._database_away = True
        self._pull_over.set()

    async def _wait_for_database(self) -> None:
        failures = 0
        while self._database_away and not self._stop.is_set():
            try:
                await self.inbox.database.ping()
            except Exception as error:  # noqa: BLE001 - whatever the reason, it is asked again
                failures += 1
                if failures == 1:
                    log.warning("consumer_waits_for_database", consumer=self._subscription.name, error=repr(error))
                await pause(RECOVERY.delay(failures), self._stop)
            else:
                self._database_away = False

    async def _report_progress(self) -> None:
        """Tells the server what is held here, so that nothing is delivered elsewhere while it waits its turn."""
        for message in list(self._in_flight.values()):
            await message.in_progress()

    async def _observe(self) -> None:
        if self._broker.is_connected:
            info = await self._broker.jetstream.consumer_info(EVENTS_STREAM, self._subscription.name)
            LAG.labels(self._subscription.name).set((info.num_pending or 0) + (info.num_ack_pending or 0))
        DEAD.labels(self._subscription.name).set(await deadletters.count(self.inbox.database, self._subscription.name))

    async def _every(self, seconds: float, step: Any) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - these only inform; the next round tries again
                log.debug("consumer_observation_failed", consumer=self._subscription.name, error=repr(error))


def is_database_away(error: BaseException) -> bool:
    """Whether an error says that PostgreSQL cannot be reached or is shutting down, and nothing about the event."""
    if isinstance(error, psycopg_pool.PoolTimeout | sqlalchemy.exc.TimeoutError):
        return True
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state = cause.sqlstate
    # 08 connection, 53 resources, 57P admin shutdown and the like.
    return state is None or state[:2] in ("08", "53") or state[:3] == "57P"


def _delivery(message: Msg) -> Delivery:
    return Delivery(message.subject, message.data, message.headers or {}, message.metadata.num_delivered)
