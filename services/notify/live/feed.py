"""The facts and signals of the platform, as every replica hears them: all of them, in order, without gaps.

The consumer is this process's own and keeps no state on the server. When the connection breaks, the server falls
silent or a fact is missing, it is made anew from the last fact that arrived.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import orjson
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from prometheus_client import Gauge

from servicekit import events, live
from servicekit.backoff import Backoff, pause
from servicekit.broker import EVENTS_STREAM, Broker
from services.notify.live.backlog import Fact

HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 3.5
# For a consumer that nobody listens to, such as that of a process that was killed.
FORGET_CONSUMER_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 2.0
RECOVERY = Backoff(first=0.1, cap=3.0)

HEARD = Gauge("mizan_live_heard", "1 while this process hears the facts that its sockets are shown.")

log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Who is told of what happens; never waits."""

    def begin(self, epoch: int, after: int) -> None:
        """What comes next is of the stream that was made at `epoch`, and nothing after that sequence is missing."""
        ...

    def on_fact(self, fact: Fact) -> None:
        """A fact, each once and in the stream's order."""
        ...

    def on_signal(self, restaurant_id: UUID, topic: str, body: dict[str, object], to: frozenset[str] | None) -> None:
        """A message that matters now and is kept by nobody."""
        ...


class Feed:
    """Tells a listener everything from some time before the start."""

    name = "live feed"

    def __init__(self, broker: Broker, subjects: Sequence[str], listener: Listener, *, history: timedelta) -> None:
        self._broker = broker
        self._subjects = list(subjects)
        self._listener = listener
        self._history = history
        self._epoch = 0
        # Of the last fact that arrived, or that was there before everything that will; None while that is not known.
        self._sequence: int | None = None
        self._consumer_sequence = 0
        self._heard_at = float("-inf")
        self._gap = asyncio.Event()
        self._awaited = 0
        self._caught_up = asyncio.Event()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_heard(self) -> bool:
        """Whether a fact of a moment ago would have arrived."""
        return time.monotonic() - self._heard_at < SILENCE_SECONDS

    async def caught_up(self) -> None:
        """Waits until what happened before the start has arrived."""
        await self._caught_up.wait()

    async def ping(self) -> None:
        """Raises ConnectionError while nothing is heard."""
        if not self.is_heard:
            raise ConnectionError("the facts of the platform are not heard")

    async def start(self) -> None:
        """Begins to listen as soon as NATS is there."""
        self._task = asyncio.create_task(self._run(), name="live-feed")

    async def stop(self) -> None:
        """Stops listening."""
        self._stop.set()
        self._gap.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOP_TIMEOUT_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        HEARD.set(0)

    async def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                await self._broker.connected()
                await self._listen()
                failures = 0
            except (NatsError, OSError, TimeoutError) as error:
                failures += 1
                log.warning("live_feed_interrupted", error=repr(error))
            if not self._stop.is_set():
                HEARD.set(0)
                await pause(RECOVERY.delay(failures), self._stop)

    async def _listen(self) -> None:
        """Hears facts until something is wrong. Raises a NATS error or TimeoutError when it cannot begin."""
        jetstream = self._broker.jetstream
        client = self._broker.client
        info = await jetstream.stream_info(EVENTS_STREAM)
        epoch = int(info.created.timestamp() * 1000) if info.created else 0
        if epoch != self._epoch or info.state.last_seq < (self._sequence or 0):
            self._epoch, self._sequence = epoch, None
        async with contextlib.AsyncExitStack() as stack:
            self._gap.clear()
            self._consumer_sequence = 0
            inbox = client.new_inbox()
            facts = await client.subscribe(inbox, cb=self._arrived)
            stack.push_async_callback(self._quietly, facts.unsubscribe)
            signals = await client.subscribe(live.ALL_SUBJECTS, cb=self._signalled)
            stack.push_async_callback(self._quietly, signals.unsubscribe)
            consumer = await jetstream.add_consumer(EVENTS_STREAM, self._consumer(inbox))
            stack.push_async_callback(self._quietly, jetstream.delete_consumer, EVENTS_STREAM, consumer.name)
            if self._sequence is None:
                self._awaited = consumer.num_pending or 0
                if self._awaited == 0:
                    self._begin_after(info.state.last_seq)
            self._heard_at = time.monotonic()
            HEARD.set(1)
            while not self._gap.is_set() and self.is_heard:
                await pause(HEARTBEAT_SECONDS, self._gap)

    def _consumer(self, inbox: str) -> ConsumerConfig:
        start = (
            {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": self._sequence + 1}
            if self._sequence is not None
            else {
                "deliver_policy": DeliverPolicy.BY_START_TIME,
                "opt_start_time": datetime.now(UTC) - self._history,
            }
        )
        return ConsumerConfig(
            deliver_subject=inbox,
            ack_policy=AckPolicy.NONE,
            filter_subjects=self._subjects,
            idle_heartbeat=HEARTBEAT_SECONDS,
            flow_control=True,
            inactive_threshold=FORGET_CONSUMER_SECONDS,
            mem_storage=True,
            num_replicas=1,
            **start,  # type: ignore[arg-type] # two of the many options
        )

    async def _arrived(self, message: Msg) -> None:
        self._heard_at = time.monotonic()
        headers = message.headers or {}
        if "Status" in headers:
            if message.reply:
                await self._broker.client.publish(message.reply)
            elif int(headers.get("Nats-Last-Consumer") or 0) > self._consumer_sequence:
                self._gap.set()
            return
        if self._gap.is_set():
            return
        place = message.metadata
        if place.sequence.consumer != self._consumer_sequence + 1:
            log.warning("live_feed_gap", expected=self._consumer_sequence + 1, got=place.sequence.consumer)
            self._gap.set()
            return
        self._consumer_sequence += 1
        if self._sequence is None:
            # How much of what came before it was about the same subjects is not known.
            self._begin_after(place.sequence.stream - 1)
        self._sequence = place.sequence.stream
        restaurant = headers.get(events.RESTAURANT)
        if restaurant:
            milliseconds = int(place.timestamp.timestamp() * 1000)
            fact = Fact(self._sequence, message.subject, UUID(restaurant), message.data, milliseconds)
            self._listener.on_fact(fact)
        if self._awaited:
            self._awaited -= 1
            if self._awaited == 0:
                self._caught_up.set()

    def _begin_after(self, sequence: int) -> None:
        self._sequence = sequence
        self._listener.begin(self._epoch, sequence)
        if self._awaited == 0:
            self._caught_up.set()

    async def _signalled(self, message: Msg) -> None:
        _, restaurant, topic = message.subject.split(".", 2)
        to = (message.headers or {}).get(live.TO)
        try:
            body = orjson.loads(message.data)
            self._listener.on_signal(UUID(restaurant), topic, body, frozenset(to.split(",")) if to else None)
        except (ValueError, TypeError) as error:
            log.error("live_signal_unreadable", subject=message.subject, error=repr(error))

    async def _quietly(self, undo: object, *arguments: object) -> None:
        """Takes something back on the server, which may be away."""
        try:
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                await undo(*arguments)  # type: ignore[operator] # methods of the library, some without annotations
        except (NatsError, OSError, TimeoutError) as error:
            log.debug("live_feed_not_taken_back", error=repr(error))
