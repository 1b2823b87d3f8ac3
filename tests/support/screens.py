"""Pages with open WebSockets, through the gateway as browsers open them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support import browser, people
from tools.installation import Site

TIMEOUT_SECONDS = 20.0


class Screen:
    """A page with an open WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.cursor = ""

    def until(self, kind: str) -> dict[str, Any]:
        """The next message of a type."""
        while True:
            message = self.next()
            if message["type"] == kind:
                return message

    def next(self) -> dict[str, Any]:
        """The next message. Raises TimeoutError, or ConnectionClosed."""
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=TIMEOUT_SECONDS))
        self.cursor = message.get("cursor") or self.cursor
        return message

    def rest(self) -> list[dict[str, Any]]:
        """What has come and was not read: everything that was written before this is answered."""
        self.say(type="ping")
        found: list[dict[str, Any]] = []
        while (message := self.next())["type"] != "pong":
            found.append(message)
        return found

    def say(self, **request: Any) -> None:
        self._socket.send(json.dumps(request))

    def close_code(self) -> int:
        """With what the connection is closed."""
        with suppress(ConnectionClosed):
            while True:
                self._socket.recv(timeout=TIMEOUT_SECONDS)
        assert self._socket.close_code is not None
        return self._socket.close_code


@contextmanager
def screen(site: Site, path: str, person: people.Person, **query: str) -> Iterator[Screen]:
    """A page of somebody, through the gateway, once it is welcome."""
    query = {"token": person.tokens["access"], **query}
    address = site.url.replace("http://", "ws://") + f"{path}?{urlencode(query)}"
    with connect(address, additional_headers={"X-Forwarded-For": browser.elsewhere()}, proxy=None) as socket:
        yield Screen(socket)
