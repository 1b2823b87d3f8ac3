"""The connection to NATS: made in the background, kept for ever, with the two streams that events live in.

A service starts and takes requests without NATS; its events wait in the outbox until the connection is there.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from nats.aio.client import Client
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

EVENTS_STREAM = "EVENTS"
PUBLIC_STREAM = "PUBLIC"

CONNECT_TIMEOUT_SECONDS = 2
RECONNECT_WAIT_SECONDS = 1
PING_INTERVAL_SECONDS = 10
REQUEST_TIMEOUT_SECONDS = 5.0
STOP_TIMEOUT_SECONDS = 5.0
COMPLAIN_SECONDS = 30.0
DAY_SECONDS = 86_400.0
DUPLICATE_WINDOW_SECONDS = 600.0
_STREAM_NAME_IN_USE = 10058

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How long and how much NATS keeps; the oldest events go first when the size is reached."""

    max_age_seconds: float = 7 * DAY_SECONDS
    max_bytes: int = 1024**3
    replicas: int = 1


class BatchClient(Client):
    """The library's client, which can also send what was put together for many messages at once."""

    async def send(self, commands: bytes) -> None:
        """Sends commands of NATS's protocol as they are. Raises ConnectionClosedError."""
        if self.is_closed:
            raise ConnectionClosedError
        await self._send_command(commands)
        await self._flush_pending()


class Broker:
    """One process's connection to NATS. `start` never waits for the server; `connected` does."""

    name = "broker"

    def __init__(self, url: str, *, application: str, limits: StreamLimits | None = None) -> None:
        self._url = url
        self._application = application
        self._limits = limits or StreamLimits()
        self._client = BatchClient()
        self._jetstream: JetStreamContext | None = None
        self._ready = asyncio.Event()
        self._lost: list[Callable[[], None]] = []
        self._complained_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def client(self) -> BatchClient:
        """The plain NATS connection."""
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """The JetStream context. Raises ConnectionError before the first connection."""
        if self._jetstream is None:
            raise ConnectionError("NATS has not been reached yet")
        return self._jetstream

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands and the streams are there."""
        return self._ready.is_set() and self._client.is_connected

    async def connected(self) -> JetStreamContext:
        """Waits for the connection, however long that takes."""
        await self._ready.wait()
        return self.jetstream

    def on_lost(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Has the callback called whenever the connection breaks; returns what undoes that."""
        self._lost.append(callback)
        return lambda: self._lost.remove(callback)

    async def start(self) -> None:
        """Begins to connect and goes on trying until `stop`."""
        self._task = asyncio.create_task(self._connect(), name=f"{self._application}-nats")
        self._task.add_done_callback(self._report)

    async def stop(self) -> None:
        """Sends what is buffered and disconnects."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._ready.clear()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                if self._client.is_connected:
                    await self._client.flush()
                await self._client.close()
        except (TimeoutError, NatsError, OSError) as error:
            log.warning("nats_close_failed", error=str(error))

    async def ping(self) -> None:
        """Fails when NATS does not answer in time. Raises ConnectionError or a NATS error."""
        if not self.is_connected:
            raise ConnectionError("NATS is not connected")
        await self._client.flush(timeout=CONNECT_TIMEOUT_SECONDS)

    async def _connect(self) -> None:
        await self._client.connect(
            self._url,
            name=self._application,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            reconnect_time_wait=RECONNECT_WAIT_SECONDS,
            max_reconnect_attempts=-1,
            ping_interval=PING_INTERVAL_SECONDS,
            max_outstanding_pings=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
        )
        self._jetstream = self._client.jetstream(timeout=REQUEST_TIMEOUT_SECONDS)
        await self._prepare()

    async def _prepare(self) -> None:
        """Makes sure of the streams, also after a reconnection: the server may have come back without its data."""
        while not self._ready.is_set():
            try:
                await self.ensure_streams()
            except (NatsError, TimeoutError, OSError) as error:
                log.warning("nats_streams_unavailable", error=str(error) or repr(error))
                await asyncio.sleep(RECONNECT_WAIT_SECONDS)
            else:
                self._ready.set()
                log.info("nats_connected", application=self._application)

    async def ensure_streams(self) -> None:
        """Creates the streams, or adapts their limits. Raises a NATS error when the server refuses."""
        await self._ensure(EVENTS_STREAM, "evt.*.*.*.v1")
        # Spelled out to its end: `evt.public.>` would overlap with the other, which a server refuses.
        await self._ensure(PUBLIC_STREAM, "evt.public.*.*.*.*.v1")

    async def _ensure(self, name: str, subject: str) -> None:
        wanted = StreamConfig(
            name=name,
            subjects=[subject],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=self._limits.max_age_seconds,
            max_bytes=self._limits.max_bytes,
            duplicate_window=min(DUPLICATE_WINDOW_SECONDS, self._limits.max_age_seconds),
            num_replicas=self._limits.replicas,
        )
        jetstream = self.jetstream
        try:
            await jetstream.stream_info(name)
        except NotFoundError:
            try:
                await jetstream.add_stream(wanted)
            except APIError as error:
                # Another service made it a moment ago, with the limits that it was given.
                if error.err_code != _STREAM_NAME_IN_USE:
                    raise
            return
        await jetstream.update_stream(wanted)

    def _report(self, task: asyncio.Task[None]) -> None:
        """An address that cannot be parsed or the like: the service goes on, its events wait, its health says so."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("nats_cannot_connect", application=self._application, exc_info=error)

    async def _on_error(self, error: Exception) -> None:
        # Every attempt to connect comes by here; once in a while is enough to see why there is no connection.
        now = time.monotonic()
        if now - self._complained_at > COMPLAIN_SECONDS:
            self._complained_at = now
            log.warning("nats_error", application=self._application, error=str(error) or repr(error))

    async def _on_disconnected(self) -> None:
        if self._ready.is_set():
            log.warning("nats_disconnected", application=self._application)
        self._ready.clear()
        for callback in self._lost:
            callback()

    async def _on_reconnected(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._prepare(), name=f"{self._application}-nats")
