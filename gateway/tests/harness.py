"""The engine behind its layers, with a caller that the test chooses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from gateway.channels import Channels
from gateway.exchange import Exchange
from gateway.middleware import BodyLimit, Entry
from gateway.tests.kitchen import Kitchen
from gateway.transcode.catalog import Catalog, Operation
from gateway.transcode.engine import Engine
from gateway.transcode.models import Models
from servicekit import context
from servicekit.errors import Unavailable
from servicekit.identity import ANONYMOUS, Principal

RESTAURANT = UUID("0190a000-0000-7000-8000-0000000000aa")
EVERYTHING = frozenset(
    {
        "staff.view", "staff.manage", "announcements.send", "menu.manage", "stock.view", "stock.manage",
        "settings.manage", "schedule.view", "schedule.manage",
        "agent.staff", "agent.requests", "agent.sales",
    }
)  # fmt: skip
MANAGER = Principal(kind="USER", subject="m1", restaurant_id=RESTAURANT, role="MANAGER", permissions=EVERYTHING)
WAITER = Principal(kind="USER", subject="w1", restaurant_id=RESTAURANT, role="WAITER")
AGENT = Principal(kind="AGENT", subject="platform-agent", permissions=EVERYTHING)
MAX_BODY = 2_000_000


class ChosenCaller:
    """An edge whose caller is what the test says."""

    timeout_seconds = 5.0

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self.principal = MANAGER
        self.agent_key_configured = True

    async def principal_of(self, exchange: Exchange, operation: Operation) -> Principal:
        if self.principal is ANONYMOUS and operation.callers == {"AGENT"} and not self.agent_key_configured:
            raise Unavailable("Agent key not configured", code="agent_key_not_configured")
        return self.principal

    async def admit(self, exchange: Exchange, operation: Operation, principal: Principal, message: Any) -> None:
        return None

    def metadata(self, exchange: Exchange, principal: Principal) -> list[tuple[str, str]]:
        return context.current.get().to_metadata()

    def unary(self, operation: Operation) -> Any:
        return self._channels.unary(operation)

    def stream(self, operation: Operation) -> Any:
        return self._channels.stream(operation)


async def not_here(scope: Any, receive: Any, send: Any) -> None:
    """What the engine hands paths to that it does not know."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"elsewhere"})


class Harness:
    """One kitchen, one engine in front of it, one client."""

    def __init__(self, catalog: Catalog) -> None:
        self.kitchen = Kitchen(catalog)
        self.channels = Channels(catalog.operations, lambda owner: self._target(owner))
        self.caller = ChosenCaller(self.channels)
        self.target = f"127.0.0.1:{self.kitchen.port}"
        self._catalog = catalog

    def _target(self, owner: str) -> str:
        return self.target if owner == "kitchen" else ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Harness"]:
        """Serves until the end of the block."""
        await self.kitchen.start()
        await self.channels.start()
        engine = Engine(self._catalog, Models(self._catalog.comments), self.caller, not_here)
        app = Entry(BodyLimit(engine, max_bytes=MAX_BODY, read_seconds=5), trusted_proxies=[], access_log=None)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://api.example.com") as self.client:
            try:
                yield self
            finally:
                await self.channels.stop()
                await self.kitchen.stop()
