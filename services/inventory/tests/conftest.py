"""Inventory as a whole, over real gRPC on a migrated database, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from servicekit.identity import Principal
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from services.inventory.main import build
from services.inventory.settings import Settings


@pytest.fixture(scope="module")
def inventory(settings_of: SettingsOf) -> Iterator[RunningService]:
    settings = Settings(**settings_of("inventory"))
    with running(lambda: build(settings)) as service:
        yield service


@pytest_asyncio.fixture
async def api(inventory: RunningService) -> AsyncIterator[Api]:
    async with Api.of(inventory) as api:
        yield api


def manager(restaurant_id: UUID) -> Principal:
    """Somebody who buys for a restaurant."""
    return person(frozenset({"inventory.view", "inventory.manage"}), restaurant_id=restaurant_id, role="MANAGER")


def cook(restaurant_id: UUID) -> Principal:
    """Somebody who may look at the stock."""
    return person(frozenset({"inventory.view"}), restaurant_id=restaurant_id, role="CHEF")
