"""Notify with neighbours that tests steer, and clients of its sockets."""

from collections.abc import Callable, Iterator

import pytest

from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import RunningService, running
from services.notify.main import build
from services.notify.settings import Settings
from services.notify.tests.live.client import Client
from services.notify.tests.live.neighbours import FakeNeighbours
from tools.stack import free_port

ClientOf = Callable[..., Client]


@pytest.fixture(scope="module")
def neighbours() -> Iterator[FakeNeighbours]:
    fake = FakeNeighbours()
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def settings(settings_of: SettingsOf, neighbours: FakeNeighbours) -> Settings:
    return Settings(
        **settings_of("notify"),
        identity_target=neighbours.target,
        pos_target=neighbours.target,
        ws_port=free_port(),
        ws_origins=["https://admin.example.com/"],
        drain_seconds=2,
    )


@pytest.fixture(scope="module")
def notify(settings: Settings) -> Iterator[RunningService]:
    with running(lambda: build(settings)) as service:
        yield service


@pytest.fixture
def client_of(notify: RunningService, settings: Settings) -> ClientOf:
    """Makes a client of a path."""
    return lambda path="/ws/notifications/": Client(url_of(settings), path)


def url_of(settings: Settings) -> str:
    """Where a notify of these settings serves WebSockets."""
    return f"ws://127.0.0.1:{settings.ws_port}"
