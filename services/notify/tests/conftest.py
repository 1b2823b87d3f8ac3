"""Notify as a whole, over real gRPC on a migrated database, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from servicekit.identity import Principal
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from services.notify.main import build
from services.notify.settings import Settings


@pytest.fixture(scope="module")
def notify(settings_of: SettingsOf) -> Iterator[RunningService]:
    settings = Settings(**settings_of("notify"))
    with running(lambda: build(settings)) as service:
        yield service


@pytest_asyncio.fixture
async def api(notify: RunningService) -> AsyncIterator[Api]:
    async with Api.of(notify) as api:
        yield api


def waiter(restaurant_id: UUID, user_id: UUID | None = None) -> Principal:
    """Somebody who works in a restaurant."""
    return person(frozenset(), restaurant_id=restaurant_id, user_id=user_id)
