"""Timeclock as a whole, over real gRPC on a migrated database, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from servicekit.identity import Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from services.timeclock.main import build
from services.timeclock.settings import Settings


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def timeclock(settings_of: SettingsOf, clock: MovableClock) -> Iterator[RunningService]:
    settings = Settings(**settings_of("timeclock"))
    with running(lambda: build(settings, clock)) as service:
        yield service


@pytest_asyncio.fixture
async def api(timeclock: RunningService) -> AsyncIterator[Api]:
    async with Api.of(timeclock) as api:
        yield api


STAFF = frozenset({"timeclock.punch"})
MANAGER = STAFF | {
    "attendance.view",
    "attendance.manage",
    "settings.manage",
    "settings.view",
    "staff.records",
    "report.export",
}


def manager(restaurant_id: UUID) -> Principal:
    """Somebody who reads what everybody of a restaurant wrote, and sets it right."""
    return person(MANAGER, restaurant_id=restaurant_id, role="MANAGER")


def waiter(restaurant_id: UUID, user_id: UUID | None = None) -> Principal:
    """Somebody who works there."""
    return person(STAFF, restaurant_id=restaurant_id, user_id=user_id)
