"""A web application of the tests' own, such as a third party's local stand-in, on a port of this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from tools.stack.processes import LOOPBACK, free_port

START_SECONDS = 20


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@contextmanager
def served(application: Any) -> Iterator[str]:
    """Serves an ASGI application in a thread; the URL at which it answers."""
    port = free_port()
    server = _Server(uvicorn.Config(application, host=LOOPBACK, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, name="stand-in", daemon=True)
    thread.start()
    assert server.listens.wait(START_SECONDS)
    yield f"http://{LOOPBACK}:{port}"
    server.should_exit = True
    thread.join(START_SECONDS)
