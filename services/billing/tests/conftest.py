"""Billing as a whole, over real gRPC on a migrated database, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from servicekit.identity import Principal
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from services.billing.main import build
from services.billing.settings import Settings


@pytest.fixture(scope="module")
def billing(settings_of: SettingsOf) -> Iterator[RunningService]:
    settings = Settings(**settings_of("billing"))
    with running(lambda: build(settings)) as service:
        yield service


@pytest_asyncio.fixture
async def api(billing: RunningService) -> AsyncIterator[Api]:
    async with Api.of(billing) as api:
        yield api


def owner(restaurant_id: UUID) -> Principal:
    """Somebody who may see what a restaurant subscribes to."""
    return person(frozenset({"billing.view"}), restaurant_id=restaurant_id, role="OWNER")


def waiter(restaurant_id: UUID) -> Principal:
    """Somebody who may not."""
    return person(frozenset(), restaurant_id=restaurant_id)
