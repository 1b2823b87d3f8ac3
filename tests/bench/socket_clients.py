"""Many WebSocket clients in one process, as small as they can be: `python -m tests.bench.socket_clients PORT TOKENS`.

Connects once per line of the file, says so, and then answers each line on standard input, which is the number of
messages to wait for, with how long those took from the time that they carry.
"""

import asyncio
import base64
import json
import os
import re
import resource
import sys
import time
from functools import partial
from pathlib import Path

import uvloop

CONNECTING_AT_ONCE = 100
TIMEOUT_SECONDS = 120.0
_SENT_AT = re.compile(rb'"notification":\{"id":"[^"]+","title":"at ([0-9.]+)"')


def say(report: dict[str, float]) -> None:
    """Tells the bench something, as a line."""
    sys.stdout.write(f"{json.dumps(report)}\n")
    sys.stdout.flush()


class Arrivals:
    """How long each message was under way."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.changed = asyncio.Event()

    def note(self, data: bytes) -> None:
        """Looks for messages among what came; each is small enough to come in one piece."""
        now = time.time()
        for sent_at in _SENT_AT.findall(data):
            self.seconds.append(now - float(sent_at))
            self.changed.set()


class Socket(asyncio.Protocol):
    """One client: the handshake, answers to pings, and a look at what comes."""

    def __init__(self, arrivals: Arrivals, token: str, welcome: asyncio.Future[bool]) -> None:
        self._arrivals = arrivals
        self._token = token
        self._welcome = welcome
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the WebSocket."""
        self._transport = transport  # type: ignore[assignment] # of a TCP connection
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(  # type: ignore[attr-defined] # as above
            f"GET /ws/notifications/?token={self._token} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Handshake, welcome, pings or messages."""
        if not self._welcome.done():
            if b'"ready"' in data:
                self._welcome.set_result(True)
        elif data == b"\x89\x00" and self._transport is not None:
            self._transport.write(b"\x8a\x80\x00\x00\x00\x00")
        else:
            self._arrivals.note(data)

    def connection_lost(self, error: Exception | None) -> None:
        """Must not happen."""
        if not self._welcome.done():
            self._welcome.set_exception(error or ConnectionError("refused"))


async def main(port: int, tokens: list[str]) -> None:
    """Connects, and reports until the input ends."""
    loop = asyncio.get_running_loop()
    arrivals = Arrivals()
    began = time.monotonic()
    for start in range(0, len(tokens), CONNECTING_AT_ONCE):
        welcomes = []
        for token in tokens[start : start + CONNECTING_AT_ONCE]:
            welcome: asyncio.Future[bool] = loop.create_future()
            welcomes.append(welcome)
            await loop.create_connection(partial(Socket, arrivals, token, welcome), "127.0.0.1", port)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await asyncio.gather(*welcomes)
    say({"connected": len(tokens), "seconds": time.monotonic() - began})
    while line := await asyncio.to_thread(sys.stdin.readline):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(arrivals.seconds) < int(line):
                arrivals.changed.clear()
                await arrivals.changed.wait()
        taken, arrivals.seconds = sorted(arrivals.seconds), []
        report = {"p50": taken[len(taken) // 2], "p99": taken[len(taken) * 99 // 100], "max": taken[-1]}
        say({"count": len(taken), **{name: 1000 * value for name, value in report.items()}})


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_text().split()))
