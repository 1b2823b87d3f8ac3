"""Scheduling as a whole, over real gRPC on a migrated database, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from servicekit.identity import Principal
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from services.scheduling.main import build
from services.scheduling.settings import Settings


@pytest.fixture(scope="module")
def scheduling(settings_of: SettingsOf) -> Iterator[RunningService]:
    # However busy the machine is, a test sees what a run comes to.
    settings = Settings(**settings_of("scheduling"), roster_wait_seconds=150)
    with running(lambda: build(settings)) as service:
        yield service


@pytest_asyncio.fixture
async def api(scheduling: RunningService) -> AsyncIterator[Api]:
    async with Api.of(scheduling) as api:
        yield api


def manager(restaurant_id: UUID) -> Principal:
    """Somebody who plans the schedule of a restaurant."""
    return person(frozenset({"schedule.view", "schedule.manage"}), restaurant_id=restaurant_id, role="MANAGER")


def waiter(restaurant_id: UUID) -> Principal:
    """Somebody who may look at the schedule."""
    return person(frozenset({"schedule.view"}), restaurant_id=restaurant_id)
