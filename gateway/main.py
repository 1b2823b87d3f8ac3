"""The gateway's composition root."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server

from credentials import IdentityAccess, KeySet, Revocations
from gateway.app import pages, surround
from gateway.auth.authenticator import Authenticator
from gateway.auth.cache import PrincipalCache
from gateway.channels import ACCESS, Channels
from gateway.compose.dashboard import Dashboard
from gateway.compose.parts import Parts
from gateway.compose.reports import Reports
from gateway.compose.schedule_notifications import ScheduleNotifications
from gateway.edge import GatewayEdge
from gateway.exchange import App, Receive, Scope, Send
from gateway.mcp.server import AgentServer
from gateway.ratelimit import Limit, Limiter, network_of
from gateway.routers import admin, health, schema, sockets
from gateway.settings import GatewaySettings
from gateway.transcode import document
from gateway.transcode.catalog import Catalog
from gateway.transcode.engine import Engine
from gateway.transcode.models import Models
from servicekit import garbage, telemetry
from servicekit.grpc_client import Client
from servicekit.identity import TokenMinter, service_principal

TITLE = "Mizan API"
VERSION = "1.0.0"


class Gateway:
    """The gateway's parts; an ASGI application whose lifespan starts and stops them."""

    def __init__(self, settings: GatewaySettings, catalog: Catalog) -> None:
        self.settings = settings
        self.catalog = catalog
        self.models = Models(catalog.comments)
        self.minter = TokenMinter.from_folder("gateway", settings.internal_keys_dir)
        self.channels = Channels(catalog.operations, settings.target_of)
        self.cache = PrincipalCache(on_drop=self.minter.forget)
        self.revocations = Revocations("gateway", settings.nats_url, self.cache)
        self.limiter = Limiter(settings.redis_url)
        self.credentials = Limit.parse("credentials", settings.limit_credentials, strict=True)
        self.admin = admin.AdminProxy(settings.identity_http_url, self._admit_login)
        self.health = health.Health(self._essential_checks(), self._other_checks())
        self.metrics_port = 0
        self._exit = AsyncExitStack()
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or runs the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if self._app is None:
            raise RuntimeError("the gateway has not been started")
        await self._app(scope, receive, send)

    async def start(self) -> None:
        """Starts every part and builds the application. Raises what a part raises that cannot start."""
        async with AsyncExitStack() as stack:
            telemetry.configure(
                "gateway", endpoint=self.settings.otlp_endpoint, sample_ratio=self.settings.trace_sample_ratio
            )
            stack.push_async_callback(asyncio.to_thread, telemetry.shutdown)
            self._serve_metrics(stack)
            await self.channels.start()
            stack.push_async_callback(self.channels.stop)
            stack.push_async_callback(self.limiter.stop)
            stack.push_async_callback(self.admin.stop)
            await self.revocations.start()
            stack.push_async_callback(self.revocations.stop)
            self._app = await self._build_app(stack)
            self._exit = stack.pop_all()
        garbage.spare()

    async def stop(self) -> None:
        """Stops the parts, last first."""
        self.health.stopping = True
        self._app = None
        await self._exit.aclose()

    async def _build_app(self, stack: AsyncExitStack) -> App:
        rendered = self.settings.openapi_file.read_bytes() if self.settings.openapi_file else None
        description = schema.Document(lambda: openapi(self.catalog), rendered)
        authenticator = self._authenticator()

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            await engine(scope, receive, send)

        agents = AgentServer(authenticator, served, self.catalog, description.json)
        await agents.start()
        stack.push_async_callback(agents.stop)
        hand_written = pages(
            [health.router(self.health), schema.router(description), admin.router(self.admin)],
            [*sockets.routes(sockets.SocketProxy(self.settings.notify_ws_url)), agents.route()],
            title=TITLE,
            version=VERSION,
        )
        engine = Engine(self.catalog, self.models, self._edge(authenticator), hand_written)
        return surround(engine, self.settings, self.limiter)

    def _authenticator(self) -> Authenticator:
        settings = self.settings
        access = IdentityAccess(
            Client(self.channels.of("identity"), ACCESS, self.minter, service_principal("gateway", "access.resolve"))
        )
        return Authenticator(
            access,
            KeySet(access.jwks, refetch_seconds=settings.jwks_refetch_seconds),
            self.cache,
            is_current=lambda: self.revocations.is_healthy,
            max_age_seconds=settings.principal_max_age_seconds,
            cut_off_max_age_seconds=settings.principal_max_age_cut_off_seconds,
            agent_key_sha256=_agent_digest(settings),
            agent_permissions=agent_permissions(self.catalog),
        )

    def _edge(self, authenticator: Authenticator) -> GatewayEdge:
        settings = self.settings
        parts = Parts(self.channels)
        limits = {
            "ACCOUNT": Limit.parse("account", settings.limit_account),
            "RESTAURANT": Limit.parse("restaurant", settings.limit_restaurant),
            "CREDENTIALS": self.credentials,
            "MESSAGES": Limit.parse("messages", settings.limit_messages, strict=True),
            "HEAVY": Limit.parse("heavy", settings.limit_heavy, strict=True),
        }
        return GatewayEdge(
            authenticator,
            self.channels,
            self.minter,
            self.limiter,
            limits,
            composed={
                **Dashboard(parts).handlers,
                **Reports(parts).handlers,
                **ScheduleNotifications(parts).handlers,
            },
            timeout_seconds=settings.call_timeout_seconds,
        )

    async def _admit_login(self, client_ip: str) -> None:
        await self.limiter.take(self.credentials, network_of(client_ip))

    def _essential_checks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {"identity": lambda: self.channels.reach("identity", health.CHECK_TIMEOUT_SECONDS)}

    def _other_checks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        async def revocations_heard() -> None:
            if not self.revocations.is_healthy:
                raise ConnectionError("NATS is silent")

        def reach(owner: str) -> Callable[[], Awaitable[None]]:
            return lambda: self.channels.reach(owner, health.CHECK_TIMEOUT_SECONDS)

        others = {owner: reach(owner) for owner in self.channels.owners if owner != "identity"}
        return {**others, "nats": revocations_heard, "redis": self.limiter.ping}

    def _serve_metrics(self, stack: AsyncExitStack) -> None:
        server: WSGIServer
        thread: Thread
        server, thread = start_http_server(self.settings.metrics_port, self.settings.metrics_host)
        self.metrics_port = server.server_port

        def close() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        stack.push_async_callback(asyncio.to_thread, close)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": repr(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def openapi(catalog: Catalog) -> dict[str, Any]:
    """The OpenAPI document of a catalog and of the hand-written routes."""
    app = document.application(catalog, Models(catalog.comments), title=TITLE, version=VERSION)
    for router in (
        health.router(health.Health({}, {})),
        schema.router(schema.Document(dict)),
        admin.router(admin.AdminProxy()),
    ):
        app.include_router(router)
    return document.document(app)


def agent_permissions(catalog: Catalog) -> frozenset[str]:
    """What the platform-wide agent key may do: whatever an operation offers to agents."""
    return frozenset(op.permission for op in catalog.operations if "AGENT" in op.callers and op.permission)


def _agent_digest(settings: GatewaySettings) -> str:
    if settings.agent_key is not None:
        return hashlib.sha256(settings.agent_key.get_secret_value().encode()).hexdigest()
    return settings.agent_key_sha256


def build(settings: GatewaySettings) -> Gateway:
    """The gateway of the settings, connected to nothing yet. Raises OSError, ValueError or BadAnnotation."""
    return Gateway(settings, Catalog.load(settings.descriptors))
