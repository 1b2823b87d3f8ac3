"""A whole service inside a test: on real servers, called over real gRPC, by any principal.

It runs on an event loop of its own in a thread, so that one service serves the tests of a module whatever loops they
use.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch
from uuid import UUID, uuid4

import uvloop
from google.protobuf.descriptor import ServiceDescriptor

from servicekit import grpc_server
from servicekit.context import RequestContext, current, new_request_id
from servicekit.db import Database, StatementLog, statements_run
from servicekit.grpc_client import Client, channel
from servicekit.identity import Principal, TokenMinter
from servicekit.runtime import Service

START_TIMEOUT_SECONDS = 60
CALLER = "gateway"
T = TypeVar("T")


class _StatementsByRequest(StatementLog):
    """Keeps apart what calls ran and what the service does beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.of: defaultdict[str, list[str]] = defaultdict(list)

    def append(self, statement: str) -> None:
        self.of[current.get().request_id].append(statement)


class RunningService:
    """A started service and what a test needs to talk to it."""

    def __init__(self, service: Service, loop: asyncio.AbstractEventLoop, log: _StatementsByRequest) -> None:
        self.service = service
        self._loop = loop
        self._log = log

    @property
    def database(self) -> Database:
        """The service's own database, to be used through `run`."""
        return self.service.core.database

    @property
    def target(self) -> str:
        """Where its gRPC server listens."""
        return f"127.0.0.1:{self.service.grpc.port}"

    def run(self, work: Awaitable[T]) -> T:
        """Awaits something on the service's own loop, such as a query through its database."""
        settled: T = asyncio.run_coroutine_threadsafe(_settle(work), self._loop).result(START_TIMEOUT_SECONDS)
        return settled

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The SQL statements that the calls made inside the block run in the service."""
        request_id = new_request_id()
        token = current.set(RequestContext(request_id=request_id))
        try:
            yield self._log.of[request_id]
        finally:
            current.reset(token)


async def _settle(work: Awaitable[Any]) -> Any:
    return await work


@contextmanager
def running(build: Callable[[], Service]) -> Iterator[RunningService]:
    """Builds a service, starts it, and stops it in the end; raises what starting raised."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="service-under-test", daemon=True)
    thread.start()
    log = _StatementsByRequest()
    try:
        service = asyncio.run_coroutine_threadsafe(_start(build, log), loop).result(START_TIMEOUT_SECONDS)
        try:
            yield RunningService(service, loop, log)
        finally:
            # The test itself was the only caller: nobody else is to hear of it first.
            with patch.object(grpc_server, "NOTICE_SECONDS", 0.0):
                asyncio.run_coroutine_threadsafe(service.stop(), loop).result(START_TIMEOUT_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_TIMEOUT_SECONDS)
        loop.close()


async def _start(build: Callable[[], Service], log: StatementLog) -> Service:
    # Everything that starting sets going inherits the log.
    statements_run.set(log)
    service = build()
    await service.start()
    return service


class Api:
    """Every proto service of a running service, called as the gateway would: `await api.AuthService.Login(request)`."""

    def __init__(self, target: str, keys: Path, services: Sequence[ServiceDescriptor]) -> None:
        self._target = target
        self._services = services
        self._minter = TokenMinter.from_folder(CALLER, keys)
        self._itself = Principal(kind="SERVICE", subject=CALLER)
        self._clients: dict[str, Client] = {}

    @classmethod
    def of(cls, running: RunningService) -> "Api":
        """The API of a running service."""
        service = running.service
        return cls(
            running.target,
            service.core.settings.internal_keys_dir,
            [descriptor for descriptor, _ in service.servicers],
        )

    async def __aenter__(self) -> "Api":
        self._channel = channel(self._target, tuple(self._services))
        self._clients = {
            service.name: Client(self._channel, service, self._minter, self._itself) for service in self._services
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    def __getattr__(self, name: str) -> Client:
        try:
            return self._clients[name]
        except KeyError:
            raise AttributeError(name) from None


def person(
    permissions: frozenset[str],
    *,
    restaurant_id: UUID | None = None,
    role: str = "WAITER",
    user_id: UUID | str | None = None,
    session_id: UUID | str | None = None,
    name: str = "Somebody",
) -> Principal:
    """A principal as the gateway would make it for a logged-in person."""
    return Principal(
        kind="USER",
        subject=str(user_id or uuid4()),
        restaurant_id=restaurant_id,
        role=role,
        permissions=permissions,
        session_id=str(session_id or uuid4()),
        name=name,
    )
