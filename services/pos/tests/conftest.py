"""Pos as a whole, over real gRPC on a migrated database, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from servicekit.identity import Principal
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from services.pos.main import build
from services.pos.settings import Settings


@pytest.fixture(scope="module")
def pos(settings_of: SettingsOf) -> Iterator[RunningService]:
    settings = Settings(**settings_of("pos"))
    with running(lambda: build(settings)) as service:
        yield service


@pytest_asyncio.fixture
async def api(pos: RunningService) -> AsyncIterator[Api]:
    async with Api.of(pos) as api:
        yield api


def manager(restaurant_id: UUID) -> Principal:
    """Somebody who edits the menu of a restaurant."""
    return person(frozenset({"menu.view", "menu.manage"}), restaurant_id=restaurant_id, role="MANAGER")


def waiter(restaurant_id: UUID) -> Principal:
    """Somebody who may look at the menu."""
    return person(frozenset({"menu.view"}), restaurant_id=restaurant_id)
