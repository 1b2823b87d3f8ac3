"""Health of a process: named checks with time limits, told over HTTP and over gRPC.

`/healthz` says that the event loop turns, `/readyz` names what fails, `/metrics` is for Prometheus. An essential part
that fails takes the process out of service; another one is only named, because the service can do without it for a
while, as it can without NATS.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import structlog
import uvicorn
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio as grpc_health
from prometheus_client import REGISTRY, CollectorRegistry, Gauge
from prometheus_client.asgi import make_asgi_app
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

CHECK_TIMEOUT_SECONDS = 2.0
# Probes of several kinds arrive together; they share one answer.
ANSWER_LIFETIME_SECONDS = 0.5
WATCH_SECONDS = 3.0
START_TIMEOUT_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 3.0

FAILING = Gauge("mizan_part_failing", "1 while the check of this part fails.", ("part",))

log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of all checks; `failing` maps a part's name to what is wrong with it."""

    ready: bool
    failing: dict[str, str]
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    check: Check
    limit: float
    essential: bool


class Health:
    """The checks of one process."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}
        self._stopping = False
        self._last: tuple[float, Report] | None = None
        self._one_at_a_time = asyncio.Lock()

    def check(self, name: str, check: Check, *, limit: float = CHECK_TIMEOUT_SECONDS, essential: bool = True) -> None:
        """Adds a part; its check fails by raising or by taking too long. Raises ValueError for a name twice."""
        if name in self._parts:
            raise ValueError(f"a part {name!r} is checked already")
        self._parts[name] = _Part(check, limit, essential)

    def stopping(self) -> None:
        """From now on the process is not ready: it finishes what it has and takes nothing new."""
        self._stopping = True

    async def report(self) -> Report:
        """Runs all checks at once, unless that was done just now."""
        async with self._one_at_a_time:
            now = time.monotonic()
            if self._last is None or now - self._last[0] > ANSWER_LIFETIME_SECONDS or self._stopping:
                self._last = (now, await self._run())
            return self._last[1]

    async def _run(self) -> Report:
        outcomes = await asyncio.gather(*(self._outcome(part) for part in self._parts.values()))
        failing = {}
        for name, outcome in zip(self._parts, outcomes, strict=True):
            FAILING.labels(name).set(0 if outcome is None else 1)
            if outcome is not None:
                failing[name] = outcome
        ready = not self._stopping and not any(self._parts[name].essential for name in failing)
        return Report(ready, failing, self._stopping)

    @staticmethod
    async def _outcome(part: _Part) -> str | None:
        try:
            async with asyncio.timeout(part.limit):
                await part.check()
        except TimeoutError:
            return f"no answer within {part.limit:g} s"
        except Exception as error:  # noqa: BLE001 - whatever a check raises is what it reports
            # The type alone: a message may hold an address or a credential, and the answer is not authenticated.
            return type(error).__name__
        return None


class _Server(uvicorn.Server):
    """Leaves signals to the process that it is a part of, and says when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HealthServer:
    """Answers probes on a port of its own and keeps the gRPC health service in step."""

    name = "health"

    def __init__(
        self,
        health: Health,
        host: str,
        port: int,
        grpc: grpc_health.HealthServicer | None = None,
        *,
        registry: CollectorRegistry = REGISTRY,
        site: ASGIApp | None = None,
    ) -> None:
        self._health = health
        self._host = host
        self.port = port
        self._grpc = grpc
        self._registry = registry
        self._site = site
        self._server: _Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def app(self) -> Starlette:
        """The HTTP application; what it does not know itself is the site's, where there is one."""
        routes: list[BaseRoute] = [
            Route("/healthz", self._live),
            Route("/readyz", self._ready),
            Mount("/metrics", make_asgi_app(self._registry)),
        ]
        if self._site is not None:
            routes.append(Mount("", self._site))
        return Starlette(routes=routes)

    async def start(self) -> None:
        """Binds and answers; `port` is then the real one. Raises OSError when the port is taken."""
        listening = socket.create_server((self._host, self.port), backlog=64, reuse_port=False)
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self.app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            limit_concurrency=64,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        serving = asyncio.create_task(self._server.serve(sockets=[listening]), name="health-http")
        self._tasks = [serving, asyncio.create_task(self._watch(), name="health-watch")]
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            await self._server.answering.wait()

    async def stop(self) -> None:
        """Ends the server."""
        if self._server is not None:
            self._server.should_exit = True
            await asyncio.wait(self._tasks[:1], timeout=STOP_TIMEOUT_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _live(self, _request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def _ready(self, _request: Request) -> JSONResponse:
        report = await self._health.report()
        status = "ready" if report.ready else "stopping" if report.stopping else "not ready"
        return JSONResponse({"status": status, "failing": report.failing}, 200 if report.ready else 503)

    async def _watch(self) -> None:
        """Logs when parts begin or cease to fail, and tells gRPC's health service."""
        known: dict[str, str] = {}
        while True:
            report = await self._health.report()
            for name in report.failing.keys() - known.keys():
                log.warning("part_failing", part=name, reason=report.failing[name])
            for name in known.keys() - report.failing.keys():
                log.info("part_recovered", part=name)
            known = report.failing
            if self._grpc is not None:
                serving = health_pb2.HealthCheckResponse.SERVING
                await self._grpc.set("", serving if report.ready else health_pb2.HealthCheckResponse.NOT_SERVING)
            await asyncio.sleep(WATCH_SECONDS)
