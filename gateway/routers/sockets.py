"""WebSockets of notify, passed through so that one origin serves everything."""

import asyncio
from contextlib import suppress
from typing import Any

import structlog
import websockets
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from gateway.exchange import exchange_of
from servicekit import context

OPEN_TIMEOUT_SECONDS = 5.0
CLOSE_TIMEOUT_SECONDS = 2.0
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_QUEUED_MESSAGES = 16

_NOT_AVAILABLE = 1013
_ABNORMAL = 1011
# Codes that may not be sent: they say that no close frame came.
_RESERVED = frozenset({1004, 1005, 1006, 1015})
_PASSED_ON = ("authorization", "cookie", "origin", "accept-language", "user-agent", "x-device-token")

log = structlog.get_logger(__name__)


class SocketProxy:
    """Passes messages both ways, one at a time, so that a slow reader slows the writer and nothing piles up."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream.rstrip("/")

    async def serve(self, socket: WebSocket) -> None:
        """Serves one WebSocket until either side closes it."""
        if not self._upstream:
            await socket.close(_NOT_AVAILABLE)
            return
        query = f"?{socket.url.query}" if socket.url.query else ""
        try:
            upstream = await connect(
                f"{self._upstream}{socket.url.path}{query}",
                subprotocols=[Subprotocol(name) for name in socket.scope["subprotocols"]] or None,
                additional_headers=_headers_of(socket),
                open_timeout=OPEN_TIMEOUT_SECONDS,
                close_timeout=CLOSE_TIMEOUT_SECONDS,
                max_size=MAX_MESSAGE_BYTES,
                max_queue=MAX_QUEUED_MESSAGES,
                compression=None,
                user_agent_header=None,
                proxy=None,
            )
        except websockets.InvalidStatus as error:
            # Closing before accepting refuses the handshake, as upstream did.
            log.info("websocket_refused", status=error.response.status_code)
            await socket.close()
            return
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            log.warning("websocket_upstream_away", error=repr(error))
            await socket.close(_NOT_AVAILABLE)
            return
        async with upstream:
            await socket.accept(upstream.subprotocol)
            await _first_to_end(_upwards(socket, upstream), _downwards(socket, upstream))


def _headers_of(socket: WebSocket) -> list[tuple[str, str]]:
    exchange = exchange_of(socket.scope)
    headers = [(name, value) for name in _PASSED_ON if (value := socket.headers.get(name))]
    return [*headers, (context.REQUEST_ID, exchange.request_id), (context.CLIENT_IP, exchange.client_ip)]


async def _upwards(socket: WebSocket, upstream: ClientConnection) -> None:
    """From the client to notify."""
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
            text = message.get("text")
            await upstream.send(text if text is not None else message["bytes"])
    except WebSocketDisconnect as gone:
        await upstream.close(_sendable(gone.code), gone.reason or "")
    except websockets.ConnectionClosed:
        # The other direction passes the code on.
        return


async def _downwards(socket: WebSocket, upstream: ClientConnection) -> None:
    """From notify to the client."""
    try:
        async for message in upstream:
            await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))
    except websockets.ConnectionClosedError as error:
        log.info("websocket_upstream_broke", error=str(error))
    except WebSocketDisconnect:
        return
    code, reason = upstream.close_code, upstream.close_reason
    with suppress(RuntimeError, WebSocketDisconnect):  # The client may have closed at the same moment.
        await socket.close(_sendable(code), reason or "")


def _sendable(code: int | None) -> int:
    if code is None or code == 1006:
        return _ABNORMAL
    return 1000 if code in _RESERVED else code


async def _first_to_end(*directions: Any) -> None:
    """Runs both directions until one ends, and stops the other."""
    tasks = [asyncio.create_task(direction) for direction in directions]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def routes(proxy: SocketProxy) -> list[WebSocketRoute]:
    """The paths under which clients look for WebSockets."""
    return [WebSocketRoute(path, proxy.serve) for path in ("/ws/{path:path}", "/notifications/")]
