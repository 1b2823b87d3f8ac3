"""Pos as a whole, over real gRPC on a migrated database, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
import sqlalchemy as sa

from mizan.pos.v1 import menu_item_pb2, order_pb2
from servicekit import jobs
from servicekit.db import SYSTEM, Query
from servicekit.identity import Principal
from servicekit.jobs import Task
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import eventually
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from services.pos.main import build
from services.pos.settings import Settings

MANAGES = frozenset(
    {
        "menu.view",
        "menu.manage",
        "table.manage",
        "table.clean",
        "order.view",
        "order.create",
        "order.cancel",
        "payment.take",
        "payment.refund",
        "kitchen.work",
        "report.view",
        "report.export",
        "settings.view",
        "settings.manage",
    }
)
SERVES = frozenset({"menu.view", "order.view", "order.create", "payment.take", "table.clean"})


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def settings(settings_of: SettingsOf) -> Settings:
    """What pos is told; a module whose tests need neighbours tells it where they are."""
    return Settings(**settings_of("pos"))


@pytest.fixture(scope="module")
def pos(settings: Settings, clock: MovableClock) -> Iterator[RunningService]:
    with running(lambda: build(settings, clock)) as service:
        yield service


@pytest_asyncio.fixture
async def api(pos: RunningService) -> AsyncIterator[Api]:
    async with Api.of(pos) as api:
        yield api


def manager(restaurant_id: UUID) -> Principal:
    """Somebody who may do everything at the till."""
    return person(MANAGES, restaurant_id=restaurant_id, role="MANAGER")


def waiter(restaurant_id: UUID) -> Principal:
    """Somebody who serves and takes payments."""
    return person(SERVES, restaurant_id=restaurant_id)


async def sell(api: Api, principal: Principal, name: str, price: str, **fields: Any) -> menu_item_pb2.MenuItem:
    """A new item of the menu."""
    request = menu_item_pb2.CreateMenuItemRequest(name=name, price=price, **fields)
    return await api.MenuItemService.CreateMenuItem(request, principal=principal)


async def order(
    api: Api, principal: Principal, *lines: tuple[menu_item_pb2.MenuItem, int], **fields: Any
) -> order_pb2.Order:
    """A new order of items and quantities."""
    request = order_pb2.CreateOrderRequest(
        line_items=[order_pb2.OrderLineInput(menu_item_id=item.id, quantity=count) for item, count in lines], **fields
    )
    return await api.OrderService.CreateOrder(request, principal=principal)


_UNDER_WAY = Query(
    sa.text(
        "SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE status = 'doing'"
        " OR (status = 'todo' AND coalesce(scheduled_at <= now(), true))"
    )
)


def run_jobs(pos: RunningService, *periodic: Task) -> None:
    """Runs what is due, and periodic tasks besides, and waits for what the service has begun by itself."""

    async def work() -> None:
        async with pos.database.write(SYSTEM) as session:
            for task in periodic:
                await jobs.defer(session, task, timestamp=0)
        await pos.service.jobs.run_pending()
        await eventually(nothing_is_under_way)

    async def nothing_is_under_way() -> bool:
        return await pos.database.read(SYSTEM).scalar(_UNDER_WAY) == 0

    pos.run(work())
