"""One WebSocket.

An idle connection holds no task, no queue and no timer: it is an object that the event loop calls when bytes arrive, on
top of the protocol core of `websockets`. What is sent goes straight to the transport, whose buffer has a limit; whoever
reads too slowly is cut off and comes back with the cursor.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

import orjson
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN, SERVER
from websockets.protocol import Protocol as WebSocket
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from services.notify.live.messages import text_frame
from services.notify.live.topics import PATHS, Viewer

MAX_RECEIVED_BYTES = 64 * 1024
# What may wait for a reader in this process; the kernel holds about as much again.
MAX_UNSENT_BYTES = 256 * 1024
KERNEL_BUFFER_BYTES = 128 * 1024
HIGH_WATER_BYTES = 64 * 1024
MAX_WAITING_REQUESTS = 16
WRITABLE_TIMEOUT_SECONDS = 20.0

UNSUPPORTED_DATA = 1003
POLICY = 1008
RESTARTING = 1012
TRY_LATER = 1013
NO_TOKEN = 4001
BAD_TOKEN = 4002
FORBIDDEN = 4003

PING_FRAME = b"\x89\x00"
AUTH = "auth"

# The library writes request lines, in which tokens stand, at DEBUG.
_LOG = logging.getLogger("mizan.live.websocket")
_LOG.setLevel(logging.WARNING)


class Owner(Protocol):
    """The server that a connection belongs to."""

    @property
    def origins(self) -> Sequence[Origin | None] | None:
        """From where browsers may connect; None is a client that names no origin."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether no more connections are taken."""
        ...

    def opened(self, connection: "Connection") -> None:
        """A client has connected; nothing is known of it yet."""
        ...

    def lost(self, connection: "Connection") -> None:
        """The connection is gone."""
        ...

    def closing(self, connection: "Connection") -> None:
        """The connection has been told to close, and may need to be made to."""
        ...

    def cut_off(self, connection: "Connection") -> None:
        """The client reads too slowly and is cut off."""
        ...

    async def answer(self, connection: "Connection", request: Mapping[str, Any]) -> None:
        """Does what a client asks."""
        ...


class Handshake(ServerProtocol):
    """The opening handshake; of the subprotocols that a client offers, the first that is no token is chosen."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """The subprotocol to name in the answer; a browser gives up when it offered some and none is named."""
        if not subprotocols:
            return None
        return next((name for name in subprotocols if not is_token(name)), subprotocols[0])


class Connection(asyncio.Protocol):
    """A client, from the TCP connection to its end."""

    __slots__ = (
        "_owner",
        "_parts",
        "_requests",
        "_transport",
        "_websocket",
        "_worker",
        "_writable",
        "expires_at",
        "has_answered",
        "is_closing",
        "seen",
        "suspended",
        "topics",
        "unchecked",
        "viewer",
        "wave",
        "window",
    )

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._websocket: WebSocket = Handshake(origins=owner.origins, max_size=MAX_RECEIVED_BYTES, logger=_LOG)
        self._parts: list[bytes] | None = None
        self._requests: list[Mapping[str, Any]] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self.viewer: Viewer | None = None
        # What it follows.
        self.topics: frozenset[str] = frozenset()
        # The sequence up to which this client has everything.
        self.seen = 0
        # Nothing is delivered while it is catching up, nor while its session has to be checked.
        self.suspended = False
        self.unchecked = False
        self.is_closing = False
        # Whether anything came since it was last asked for a sign of life.
        self.has_answered = True
        self.expires_at = float("inf")
        # Which of the server's rounds asks it for a sign of life.
        self.wave = 0
        # When the present window of requests began, and how many there were in it.
        self.window: tuple[float, int] = (0.0, 0)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A TCP connection; the handshake is still to come."""
        self._transport = cast(asyncio.Transport, transport)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        self._transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of the handshake or of frames."""
        self.has_answered = True
        self._websocket.receive_data(data)
        self._process()

    def eof_received(self) -> bool | None:
        """The client will send nothing more."""
        self._websocket.receive_eof()
        self._process()
        return None

    def connection_lost(self, error: Exception | None) -> None:
        """The end."""
        self.is_closing = True
        if self._worker is not None:
            self._worker.cancel()
        self.resume_writing()
        self._transport = None
        self._owner.lost(self)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is sent to."""
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # What the server calls

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._transport is not None and not self.is_closing and self._websocket.state is OPEN

    def send(self, frame: bytes) -> bool:
        """Sends a frame, or cuts the client off when too much is waiting for it; says which."""
        transport = self._transport
        if transport is None or self.is_closing:
            return False
        if transport.get_write_buffer_size() + len(frame) > MAX_UNSENT_BYTES:
            self.is_closing = True
            self._owner.cut_off(self)
            transport.abort()
            return False
        transport.write(frame)
        return True

    def send_json(self, message: Mapping[str, Any]) -> bool:
        """Sends a message to this client alone."""
        return self.send(text_frame(orjson.dumps(message)))

    async def writable(self) -> bool:
        """Waits until the client has read most of what it was sent; False when it does not, and for a closed one."""
        if self._writable is not None:
            try:
                async with asyncio.timeout(WRITABLE_TIMEOUT_SECONDS):
                    await asyncio.shield(self._writable)
            except TimeoutError:
                self.abort()
        return self.is_open

    def close(self, code: int, reason: str) -> None:
        """Begins the closing handshake; a client that has not opened a WebSocket is cut off."""
        if self.is_closing:
            return
        if self._websocket.state is not OPEN:
            self.abort()
            return
        self._websocket.send_close(code, reason)
        self._flush()
        self.is_closing = True
        if self._transport is not None:
            # A client that asked too much is not being read from, and its answer has to be.
            self._transport.resume_reading()
        self._owner.closing(self)

    def abort(self) -> None:
        """Cuts the connection."""
        self.is_closing = True
        if self._transport is not None:
            self._transport.abort()

    # The rest

    def _process(self) -> None:
        for event in self._websocket.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif isinstance(event, Frame):
                self._take(event)
        self._flush()

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if self._transport is None:
                return
            if data:
                self._transport.write(data)
            else:
                # The core has said the last word; what is written is still sent.
                self.is_closing = True
                self._transport.close()

    def _open(self, request: Request) -> None:
        handshake = cast(Handshake, self._websocket)
        url = urlsplit(request.path)
        topics = PATHS.get(url.path)
        if topics is None:
            response = handshake.reject(HTTPStatus.NOT_FOUND, "There is no WebSocket here.\n")
        elif self._owner.is_full:
            response = handshake.reject(HTTPStatus.SERVICE_UNAVAILABLE, "No more connections are taken here.\n")
        else:
            response = handshake.accept(request)
        handshake.send_response(response)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS or topics is None:
            return
        query = dict(parse_qsl(url.query))
        self.topics = topics
        self._flush()
        # The parser of the handshake would keep the request and its token for as long as the connection lives.
        self._websocket = WebSocket(SERVER, state=OPEN, max_size=MAX_RECEIVED_BYTES, logger=_LOG)
        token = _token_of(request, query)
        if token:
            cursor, wanted = query.get("cursor", ""), query.get("topics", "")
            first: dict[str, Any] = {"type": AUTH, "token": token, "cursor": cursor}
            self._ask(first | {"topics": wanted.split(",")} if wanted else first)
        leftover = bytes(handshake.reader.buffer)
        if leftover:
            self._websocket.receive_data(leftover)
            self._process()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT and frame.fin:
            self._understand(frame.data)
        elif frame.opcode is Opcode.TEXT:
            self._parts = [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT and self._parts is not None:
            self._parts.append(bytes(frame.data))
            if frame.fin:
                parts, self._parts = self._parts, None
                self._understand(b"".join(parts))
        elif frame.opcode is Opcode.BINARY:
            self.close(UNSUPPORTED_DATA, "text only")

    def _understand(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_closing:
            return
        try:
            request = orjson.loads(data)
        except orjson.JSONDecodeError:
            request = None
        if isinstance(request, dict):
            self._ask(request)
        else:
            self.send_json({"type": "error", "code": "not_json", "message": "A message is a JSON object."})

    def _ask(self, request: Mapping[str, Any]) -> None:
        """Has requests answered one after the other; a client with too many of them waiting is not read from."""
        if self._requests is None:
            self._requests = []
        self._requests.append(request)
        if len(self._requests) >= MAX_WAITING_REQUESTS and self._transport is not None:
            self._transport.pause_reading()
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._requests and not self.is_closing:
                request = self._requests.pop(0)
                await self._owner.answer(self, request)
                if len(self._requests) < MAX_WAITING_REQUESTS and self._transport is not None and not self.is_closing:
                    self._transport.resume_reading()
        finally:
            self._worker = None
            self._requests = None


def is_token(text: str) -> bool:
    """Whether a text could be an access token."""
    return text.count(".") == 2 and len(text) > 40


def _token_of(request: Request, query: Mapping[str, str]) -> str:
    """The token of a handshake: in the query, among the subprotocols, or in the header of clients that can set one."""
    if query.get("token"):
        return query["token"]
    for header in request.headers.get_all("Sec-WebSocket-Protocol"):
        for offered in header.split(","):
            if is_token(offered.strip()):
                return offered.strip()
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
