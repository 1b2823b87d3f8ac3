"""What every service is made of, wired in one place, started in order and stopped in the opposite one.

A service's `main.build` makes a `Core` from its settings, its own parts from that, and a `Service` from both; nothing
opens a connection before `Service.start`.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
import uvloop
from google.protobuf.descriptor import ServiceDescriptor
from starlette.types import ASGIApp

from servicekit import garbage, telemetry
from servicekit import log as logging
from servicekit.broker import DAY_SECONDS, Broker, StreamLimits
from servicekit.db import Database
from servicekit.grpc_server import GrpcServer
from servicekit.health import Health, HealthServer
from servicekit.identity import KeyRing, Principal, TokenMinter, TokenVerifier, service_principal
from servicekit.inbox import BatchSubscription, Subscription
from servicekit.jobs import Jobs, Task
from servicekit.jobs.task import Handler
from servicekit.outbox import Relay
from servicekit.settings import ServiceSettings
from servicekit.subscriber import Subscriber

START_TIMEOUT_SECONDS = 60

log = structlog.get_logger(__name__)


class Part(Protocol):
    """Something that runs as long as the service does."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True)
class Core:
    """The parts that every service has; made from settings, connected to nothing yet."""

    name: str
    settings: ServiceSettings
    database: Database
    broker: Broker
    minter: TokenMinter
    verifier: TokenVerifier
    itself: Principal
    health: Health

    @classmethod
    def of(cls, name: str, settings: ServiceSettings, *, permissions: Sequence[str] = ()) -> "Core":
        """Builds the parts; `permissions` are those that the service claims when it calls others on its own behalf."""
        return cls(
            name=name,
            settings=settings,
            database=Database(settings.database_url, application=name, pool_size=settings.database_pool_size),
            broker=Broker(settings.nats_url, application=name, limits=_stream_limits(settings)),
            minter=TokenMinter.from_folder(name, settings.internal_keys_dir),
            verifier=TokenVerifier(KeyRing(settings.internal_keys_dir)),
            itself=service_principal(name, *permissions),
            health=Health(),
        )

    def service(
        self,
        servicers: Sequence[tuple[ServiceDescriptor, object]],
        *,
        subscriptions: Sequence[Subscription | BatchSubscription] = (),
        jobs: Mapping[Task, Handler] | None = None,
        parts: Sequence[Part] = (),
        site: ASGIApp | None = None,
    ) -> "Service":
        """The whole service; `parts` are its own, started after the core and before it takes calls.

        `site` are pages for people, served on the port of the probes.
        """
        grpc = GrpcServer(
            servicers,
            database=self.database,
            verifier=self.verifier,
            host=self.settings.grpc_host,
            port=self.settings.grpc_port,
            drain_seconds=self.settings.drain_seconds,
            max_connection_age_seconds=self.settings.max_connection_age_seconds,
        )
        self.health.check("database", self.database.ping)
        self.health.check("nats", self.broker.ping, essential=False)
        http = HealthServer(self.health, self.settings.http_host, self.settings.http_port, grpc.health, site=site)
        worker = Jobs(self.name, self.database, jobs or {}, drain=self.settings.drain_seconds)
        subscribers = [Subscriber(subscription, self.database, self.broker) for subscription in subscriptions]
        return Service(
            self,
            [
                self.database,
                self.broker,
                Relay(self.name, self.database, self.broker),
                *parts,
                worker,
                *subscribers,
                grpc,
                http,
            ],
            servicers,
            worker,
            grpc,
            http,
        )


class Service:
    """A service's parts in the order in which they start."""

    def __init__(
        self,
        core: Core,
        parts: Sequence[Part],
        servicers: Sequence[tuple[ServiceDescriptor, object]],
        jobs: Jobs,
        grpc: GrpcServer,
        http: HealthServer,
    ) -> None:
        self.core = core
        self.servicers = servicers
        self.jobs = jobs
        self.grpc = grpc
        self.http = http
        self._parts = parts
        self._started: list[Part] = []

    @property
    def name(self) -> str:
        """The service's name."""
        return self.core.name

    @property
    def subscribers(self) -> list[Subscriber]:
        """What listens to events; the inbox of each is where its dead letters are replayed."""
        return [part for part in self._parts if isinstance(part, Subscriber)]

    async def start(self) -> None:
        """Starts every part; when one fails, those before it are stopped and its error is raised."""
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                for part in self._parts:
                    await part.start()
                    self._started.append(part)
        except BaseException:
            await self.stop()
            raise
        log.info("service_ready", service=self.name, grpc_port=self.grpc.port, http_port=self.http.port)

    async def stop(self) -> None:
        """Stops what was started, last first; a part that fails to stop does not keep the others from it."""
        self.core.health.stopping()
        while self._started:
            part = self._started.pop()
            try:
                await part.stop()
            except Exception as error:
                log.error("part_failed_to_stop", service=self.name, part=part.name, exc_info=error)


def _stream_limits(settings: ServiceSettings) -> StreamLimits:
    return StreamLimits(
        max_age_seconds=settings.stream_max_age_days * DAY_SECONDS,
        max_bytes=settings.stream_max_bytes,
        replicas=settings.stream_replicas,
    )


def run(name: str, settings: ServiceSettings, build: Callable[[], Service]) -> None:
    """Runs a service until SIGTERM or SIGINT asks it to drain and stop."""
    logging.configure(name, level=settings.log_level)
    telemetry.configure(name, endpoint=settings.otlp_endpoint, sample_ratio=settings.trace_sample_ratio)
    uvloop.run(_serve(build()))
    telemetry.shutdown()


async def _serve(service: Service) -> None:
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    await service.start()
    garbage.spare()
    await asked_to_stop.wait()
    await service.stop()
