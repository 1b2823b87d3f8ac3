"""Revocations as they happen: identity's events, straight from NATS to whoever holds principals.

Every process hears every event, so this is a plain subscription and no durable consumer. What happens while the
connection is away is not heard; `is_healthy` then turns false within `SILENCE_SECONDS`, so that the holder can ask
identity again, and the holder is told to drop everything when the connection is back.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from google.protobuf.message import DecodeError, Message
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from mizan.identity.events.v1 import events_pb2

HEARTBEAT_SECONDS = 0.4
SILENCE_SECONDS = 1.5
# After this long without an answer the client gives the connection up and makes another.
PING_INTERVAL_SECONDS = 2
MAX_OUTSTANDING_PINGS = 2
CONNECT_TIMEOUT_SECONDS = 2
RECONNECT_WAIT_SECONDS = 1
STOP_TIMEOUT_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Holder(Protocol):
    """Whoever believes answers of identity: the gateway's cache, notify's open sockets."""

    def drop(self, *, session_id: str = "", subject: str = "", restaurant_id: str = "") -> int:
        """Believes nothing any more about a session, a person or key, or a restaurant; says how much that was."""
        ...

    def clear(self) -> None:
        """Believes nothing any more: revocations may have been missed."""
        ...


def _session_revoked(event: Any, holder: Holder) -> int:
    if event.session_id:
        return holder.drop(session_id=event.session_id)
    return holder.drop(subject=event.user_id)


def _role_changed(event: Any, holder: Holder) -> int:
    if event.user_id:
        return holder.drop(subject=event.user_id)
    return holder.drop(restaurant_id=event.restaurant_id)


def _staff_changed(event: Any, holder: Holder) -> int:
    return holder.drop(subject=event.staff.user_id)


def _api_key_revoked(event: Any, holder: Holder) -> int:
    return holder.drop(subject=event.api_key_id)


SUBJECTS: dict[str, tuple[type[Message], Callable[[Any, Holder], int]]] = {
    "evt.identity.session.revoked.v1": (events_pb2.SessionRevoked, _session_revoked),
    "evt.identity.role.changed.v1": (events_pb2.RoleChanged, _role_changed),
    "evt.identity.staff.updated.v1": (events_pb2.StaffUpdated, _staff_changed),
    "evt.identity.staff.deactivated.v1": (events_pb2.StaffDeactivated, _staff_changed),
    "evt.identity.api_key.revoked.v1": (events_pb2.ApiKeyRevoked, _api_key_revoked),
}


class Revocations:
    """Keeps what a holder believes true for as long as NATS can be heard."""

    def __init__(self, application: str, url: str, holder: Holder) -> None:
        self._application = application
        self._url = url
        self._holder = holder
        self._client = Client()
        self._heard_at = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def is_healthy(self) -> bool:
        """Whether a revocation of a moment ago would have arrived."""
        return time.monotonic() - self._heard_at < SILENCE_SECONDS

    async def start(self) -> None:
        """Begins to connect and goes on trying until `stop`; never waits for the server."""
        self._stopping = False
        self._task = asyncio.create_task(self._listen(), name="revocations")

    async def stop(self) -> None:
        """Disconnects."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._heard_at = float("-inf")
        if not (self._client.is_connected or self._client.is_reconnecting):
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                await self._client.close()
        except (TimeoutError, NatsError, OSError) as error:
            log.warning("nats_close_failed", error=repr(error))

    async def _listen(self) -> None:
        await self._client.connect(
            self._url,
            name=f"{self._application} revocations",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            reconnect_time_wait=RECONNECT_WAIT_SECONDS,
            max_reconnect_attempts=-1,
            ping_interval=PING_INTERVAL_SECONDS,
            max_outstanding_pings=MAX_OUTSTANDING_PINGS,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
        )
        for subject in SUBJECTS:
            await self._client.subscribe(subject, cb=self._on_event)
        # A message to ourselves proves what a ping does not: that subscriptions deliver.
        heartbeat = self._client.new_inbox()
        await self._client.subscribe(heartbeat, cb=self._on_heartbeat)
        # The client swallows a cancellation that meets it while it writes: being cancelled is not enough to end this.
        while not self._stopping:
            if self._client.is_connected:
                try:
                    await self._client.publish(heartbeat, b"")
                except (NatsError, OSError) as error:
                    log.debug("nats_silent", error=repr(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _on_heartbeat(self, _message: Msg) -> None:
        if not self.is_healthy:
            # Whatever was revoked in the silence was not heard.
            self._holder.clear()
            log.info("revocations_heard")
        self._heard_at = time.monotonic()

    async def _on_event(self, message: Msg) -> None:
        event_type, apply = SUBJECTS[message.subject]
        try:
            event = event_type.FromString(message.data)
        except DecodeError as error:
            # It said that somebody lost rights and not who.
            self._holder.clear()
            log.error("revocation_unreadable", subject=message.subject, exc_info=error)
            return
        dropped = apply(event, self._holder)
        log.info("credentials_dropped", subject=message.subject, count=dropped)

    async def _on_error(self, error: Exception) -> None:
        log.debug("nats_error", error=repr(error))

    async def _on_disconnected(self) -> None:
        self._heard_at = float("-inf")
        log.warning("revocations_not_heard")
