"""Notify as a whole, over real gRPC on a migrated database with local providers, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from servicekit.identity import Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from services.notify.main import build
from services.notify.settings import Settings
from services.notify.tests.providers import Providers, providers
from services.notify.tests.town import Town


@pytest.fixture(scope="module")
def world() -> Iterator[Providers]:
    with providers() as found:
        yield found


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def notify(settings_of: SettingsOf, world: Providers, clock: MovableClock) -> Iterator[RunningService]:
    settings = Settings(**settings_of("notify"), **world.settings)
    with running(lambda: build(settings, clock)) as service:
        yield service


@pytest_asyncio.fixture
async def api(notify: RunningService) -> AsyncIterator[Api]:
    async with Api.of(notify) as api:
        yield api


@pytest.fixture
def town(notify: RunningService, bus: Bus, world: Providers) -> Town:
    return Town(notify, bus, world)


def waiter(restaurant_id: UUID, user_id: UUID | None = None) -> Principal:
    """Somebody who works in a restaurant."""
    return person(frozenset(), restaurant_id=restaurant_id, user_id=user_id)


def manager(restaurant_id: UUID, user_id: UUID | None = None) -> Principal:
    """Somebody who may send announcements."""
    return person(frozenset({"notification.send"}), restaurant_id=restaurant_id, user_id=user_id, role="MANAGER")
