"""Fixtures of the tests that need a whole installation."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from servicekit.testing.stack import run_folder
from tools.installation import Site, shared_installation
from tools.stack import StackUnavailable, make_stack

if TYPE_CHECKING:
    from tests.compose.composition import Composition

FIRST_TEST_SECONDS = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test asks for the installation first has to wait for all of it to start."""
    for item in items:
        if {"installation", "containers"} & set(getattr(item, "fixturenames", ())) and item.get_closest_marker(
            "timeout"
        ) is None:
            item.add_marker(pytest.mark.timeout(FIRST_TEST_SECONDS))


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Composition"]:
    """The platform in containers, where that was asked for."""
    if os.environ.get("TEST_SITE") != "compose":
        pytest.skip("needs a container engine and our images: make images compose-test")
    from tests.compose.composition import composition

    with composition(tmp_path_factory.mktemp("compose")) as running:
        yield running


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A whole installation as real processes, one for all workers of the test run; what is in it is everybody's.

    Tests that do not want to share the limits of one address send an X-Forwarded-For of their own. Skips where
    TEST_STACK names a kind of stack that cannot run here. With TEST_SITE=compose it is the one in containers.
    """
    if os.environ.get("TEST_SITE") == "compose":
        yield request.getfixturevalue("containers").site()
        return
    try:
        make_stack(tmp_path_factory.getbasetemp() / "probe")
    except StackUnavailable as error:
        pytest.skip(str(error))
    with shared_installation(run_folder(tmp_path_factory)) as site:
        yield site
