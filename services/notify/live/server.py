"""The WebSocket server of a notify process: takes connections, looks after them, sends them elsewhere in the end."""

import asyncio
import random
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

import structlog
from prometheus_client import Counter, Gauge
from websockets.typing import Origin

from services.notify.live.catch_up import CatchUp
from services.notify.live.connection import BAD_TOKEN, NO_TOKEN, PING_FRAME, RESTARTING, Connection
from services.notify.live.dialogue import HEARTBEAT_SECONDS, Dialogue
from services.notify.live.hub import Hub
from services.notify.live.watch import Watch

TICK_SECONDS: Final = 1.0
HANDSHAKE_SECONDS: Final = 10.0
CLOSING_SECONDS: Final = 5.0
BACKLOG: Final = 1024
CHECKS_AT_ONCE: Final = 32
MAX_CHECKS: Final = 100_000
# Where a client comes back to is another replica, which they should not all reach in the same second.
COME_BACK_WITHIN_MS: Final = 5_000
DRAIN_BATCH: Final = 200

OPEN = Gauge("mizan_live_connections", "Open WebSockets of this process.")
CUT_OFF = Counter("mizan_live_cut_off", "WebSockets that were closed by this side, by reason.", ("reason",))

log = structlog.get_logger(__name__)


class LiveServer:
    """A part of the service; the owner of its connections, and the holder of what revocations concern."""

    name = "live server"

    def __init__(
        self,
        hub: Hub,
        watch: Watch,
        catch_up: CatchUp,
        dialogue: Dialogue,
        *,
        host: str,
        port: int,
        origins: Sequence[Origin | None],
        max_connections: int,
        drain_seconds: float,
    ) -> None:
        self.origins: Sequence[Origin | None] | None = origins
        # Whether a revocation of a moment ago would have been heard.
        self.is_current: Callable[[], bool] = lambda: True
        self._hub = hub
        self._watch = watch
        self._catch_up = catch_up
        self._dialogue = dialogue
        self._host = host
        self._port = port
        self._max_connections = max_connections
        self._drain_seconds = drain_seconds
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._waves: list[set[Connection]] = [set() for _ in range(HEARTBEAT_SECONDS)]
        # What is to be ended unless it has ended by itself: when, a number that keeps the order, and the connection.
        self._deadlines: list[tuple[float, int, Connection]] = []
        self._numbers = count()
        self._checks: asyncio.Queue[Connection] = asyncio.Queue(MAX_CHECKS)
        self._tasks: list[asyncio.Task[None]] = []
        self._emptied = asyncio.Event()
        self._is_stopping = False

    @property
    def port(self) -> int:
        """Where it listens. Raises RuntimeError before `start`."""
        if self._server is None:
            raise RuntimeError("the server is not started")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def is_full(self) -> bool:
        """Whether no more connections are taken."""
        return self._is_stopping or len(self._connections) > self._max_connections

    async def start(self) -> None:
        """Begins to take connections."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), self._host, self._port, family=socket.AF_INET, backlog=BACKLOG
        )
        self._tasks = [
            asyncio.create_task(self._tick(), name="live-tick"),
            *(asyncio.create_task(self._check(), name="live-check") for _ in range(CHECKS_AT_ONCE)),
        ]
        log.info("live_server_ready", port=self.port)

    async def stop(self) -> None:
        """Takes no more connections, tells clients to come back elsewhere, and ends when all are gone or time is up."""
        self._is_stopping = True
        if self._server is not None:
            self._server.close()
        leaving = list(self._connections)
        batches = [leaving[start : start + DRAIN_BATCH] for start in range(0, len(leaving), DRAIN_BATCH)]
        pause = self._drain_seconds / 2 / max(1, len(batches))
        for batch in batches:
            for connection in batch:
                self._send_away(connection)
            await asyncio.sleep(min(pause, 0.1))
        try:
            async with asyncio.timeout(self._drain_seconds / 2):
                while self._connections:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            log.warning("live_clients_cut_off", count=len(self._connections))
        for connection in list(self._connections):
            connection.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _send_away(self, connection: Connection) -> None:
        if connection.viewer is not None:
            delay = random.randrange(COME_BACK_WITHIN_MS)  # noqa: S311 - spreads load, protects nothing
            connection.send_json({"type": "reconnect", "cursor": str(self._hub.cursor), "after_ms": delay})
        connection.close(RESTARTING, "the server restarts")

    # As the owner of connections

    def opened(self, connection: Connection) -> None:
        """Counts a connection, which has some time to say who it is."""
        self._connections.add(connection)
        connection.wave = next(self._numbers) % HEARTBEAT_SECONDS
        self._waves[connection.wave].add(connection)
        self._end_after(HANDSHAKE_SECONDS, connection)
        OPEN.set(len(self._connections))

    def lost(self, connection: Connection) -> None:
        """Forgets a connection."""
        self._connections.discard(connection)
        self._waves[connection.wave].discard(connection)
        self._hub.remove(connection)
        OPEN.set(len(self._connections))
        if not self._connections:
            self._emptied.set()

    def closing(self, connection: Connection) -> None:
        """Gives a client some time to answer the closing handshake."""
        self._hub.remove(connection)
        self._end_after(CLOSING_SECONDS, connection)

    def cut_off(self, connection: Connection) -> None:
        """Counts a client that reads too slowly."""
        CUT_OFF.labels("slow").inc()
        log.info("live_client_too_slow", user=connection.viewer.user_id if connection.viewer else "")

    async def answer(self, connection: Connection, request: Mapping[str, Any]) -> None:
        """Does what a client asks."""
        await self._dialogue.answer(connection, request)

    # As the holder of what revocations concern

    def drop(self, *, session_id: str = "", subject: str = "", restaurant_id: str = "") -> int:
        """Has the connections of a session, a person or a restaurant checked; says how many those are."""
        found = self._hub.connections_of(session_id=session_id, subject=subject, restaurant_id=restaurant_id)
        self._watch.revocations += 1
        for connection in found:
            self._ask_about(connection)
        return len(found)

    def clear(self) -> None:
        """Has every connection checked; until then it is shown nothing, since it may not be somebody's any more."""
        self._watch.revocations += 1
        for connection in list(self._connections):
            if connection.viewer is not None:
                self._show_nothing_to(connection)
                self._ask_about(connection)

    def _show_nothing_to(self, connection: Connection) -> None:
        if not connection.suspended and not connection.unchecked:
            connection.seen = self._hub.cursor.sequence
        connection.unchecked = True

    def _ask_about(self, connection: Connection) -> None:
        try:
            self._checks.put_nowait(connection)
        except asyncio.QueueFull:
            connection.close(RESTARTING, "the session could not be checked")

    async def _check(self) -> None:
        while True:
            connection = await self._checks.get()
            if not connection.is_open:
                continue
            if connection.suspended and connection.unchecked:
                continue  # It is catching up, and asks by itself before it goes on.
            await self._survive(self._watch.check(connection))
            if connection.unchecked and connection.is_open:
                connection.unchecked = False
                await self._survive(self._catch_up.again(connection))

    async def _survive(self, work: Coroutine[Any, Any, None]) -> None:
        """One connection's trouble must not end the care for the others."""
        try:
            await work
        except Exception as error:
            log.error("live_check_failed", exc_info=error)

    # Looking after connections

    async def _tick(self) -> None:
        for wave in _forever(self._waves):
            await asyncio.sleep(TICK_SECONDS)
            now = time.time()
            for connection in list(wave):
                if connection.expires_at <= now:
                    CUT_OFF.labels("expired").inc()
                    connection.close(BAD_TOKEN, "Token is expired")
                elif not connection.has_answered:
                    CUT_OFF.labels("silent").inc()
                    connection.abort()
                elif connection.is_open:
                    connection.has_answered = False
                    connection.send(PING_FRAME)
            self._meet_deadlines()
            if not self.is_current():
                # Once revocations are heard again, everybody is checked.
                for connection in self._connections:
                    if connection.viewer is not None:
                        self._show_nothing_to(connection)

    def _end_after(self, seconds: float, connection: Connection) -> None:
        heappush(self._deadlines, (time.monotonic() + seconds, next(self._numbers), connection))

    def _meet_deadlines(self) -> None:
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            connection = heappop(self._deadlines)[2]
            if connection not in self._connections:
                continue
            if connection.is_closing:
                connection.abort()
            elif connection.viewer is None:
                CUT_OFF.labels("no_token").inc()
                connection.close(NO_TOKEN, "a token is needed")


def _forever(waves: list[set[Connection]]) -> Iterator[set[Connection]]:
    while True:
        yield from waves
