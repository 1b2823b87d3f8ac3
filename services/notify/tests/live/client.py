"""A client as a browser would be one, which remembers its cursor and what it was sent."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

TIMEOUT_SECONDS = 20.0


class Client:
    """One connection at a time; `cursor` is what it would bring back to the next."""

    def __init__(self, url: str, path: str = "/ws/notifications/") -> None:
        self._url = url
        self._path = path
        self._socket: ClientConnection | None = None
        self.cursor = ""
        self.received: list[dict[str, Any]] = []

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None, "not connected"
        return self._socket

    async def open(self, **query: str) -> Self:
        """Connects, says nothing and hears nothing yet."""
        suffix = f"?{urlencode(query)}" if query else ""
        # The answers to pings are the library's; a message that waits is read when the test asks.
        self._socket = await connect(
            f"{self._url}{self._path}{suffix}", proxy=None, open_timeout=TIMEOUT_SECONDS, max_queue=64
        )
        return self

    async def enter(self, token: str, **query: str) -> Self:
        """Connects with a token and the cursor that it has, and waits until it is welcome."""
        if self.cursor:
            query.setdefault("cursor", self.cursor)
        await self.open(token=token, **query)
        await self.until("ready")
        return self

    async def say(self, **request: Any) -> None:
        """Sends a request."""
        await self.socket.send(json.dumps(request))

    async def next(self) -> dict[str, Any]:
        """The next message. Raises ConnectionClosed, or TimeoutError when none comes."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            message: dict[str, Any] = json.loads(await self.socket.recv())
        self.cursor = message.get("cursor") or self.cursor
        self.received.append(message)
        return message

    async def until(self, kind: str) -> dict[str, Any]:
        """The next message of a type; those before it are kept in `received`."""
        while True:
            message = await self.next()
            if message["type"] == kind:
                return message

    async def settled(self) -> Sequence[dict[str, Any]]:
        """Everything that was sent before the answer to a question that is asked now."""
        before = len(self.received)
        await self.say(type="ping")
        await self.until("pong")
        return self.received[before:-1]

    async def closed(self) -> tuple[int | None, str | None]:
        """Waits for the end of the connection and says with which code and reason."""
        try:
            while True:
                await self.next()
        except ConnectionClosed:
            return self.socket.close_code, self.socket.close_reason

    async def leave(self) -> None:
        """Goes away without a word, as a phone does."""
        self.socket.transport.abort()
        await self.socket.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._socket is not None:
            await self._socket.close()
