"""Fixtures of a whole service: what its settings need, and NATS as its neighbours see it."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from servicekit import migrate
from servicekit.testing.events import Bus
from servicekit.testing.service import CALLER
from servicekit.testing.stack import FreshDatabase
from tools.devkeys import DevKeys
from tools.stack import Endpoints
from tools.stack.nats import Nats
from tools.stack.processes import Spawner

SettingsOf = Callable[[str], dict[str, Any]]
"""Takes a service; returns the values of the settings that every service has."""


@pytest.fixture(scope="module")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A NATS server for one test module.

    Consumers are named after their service and durable: on a server of several modules, the service of one would take
    the events that the other waits for.
    """
    folder = tmp_path_factory.mktemp("nats")
    spawner = Spawner()
    server = Nats(folder / "data", folder / "nats.log", spawner)
    server.launch()
    server.wait_ready()
    yield server.url
    # Nobody wants what is on its disk any more.
    server.kill()
    spawner.close()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> DevKeys:
    """The secrets of one test module."""
    return DevKeys(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="module")
def settings_of(
    stack: Endpoints,
    nats_url: str,
    fresh_database: FreshDatabase,
    keys: DevKeys,
    tmp_path_factory: pytest.TempPathFactory,
) -> SettingsOf:
    """What every service is told, with a fresh database of its own: `Settings(**settings_of("pos"))`."""

    def values(service: str) -> dict[str, Any]:
        keys.make_internal_keys([CALLER, service])
        files: Path = tmp_path_factory.mktemp("files")
        return {
            "database_url": fresh_database(service, migrate.upgrade).app_dsn,
            "nats_url": nats_url,
            "redis_url": stack.redis_url,
            "internal_keys_dir": keys.internal_keys,
            "files_url": files.as_uri(),
        }

    return values


@pytest_asyncio.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """The module's NATS server, for publishing as another service and for seeing what was published."""
    async with Bus(nats_url) as bus:
        yield bus
