"""Fixtures of the tests that need a whole installation."""

from collections.abc import Iterator

import pytest

from servicekit.testing.stack import run_folder
from tools.installation import Site, shared_installation
from tools.stack import StackUnavailable, make_stack

FIRST_TEST_SECONDS = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test asks for the installation first has to wait for all of it to start."""
    for item in items:
        if "installation" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(FIRST_TEST_SECONDS))


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A whole installation as real processes, one for all workers of the test run; what is in it is everybody's.

    Tests that do not want to share the limits of one address send an X-Forwarded-For of their own. Skips where
    TEST_STACK names a kind of stack that cannot run here.
    """
    try:
        make_stack(tmp_path_factory.getbasetemp() / "probe")
    except StackUnavailable as error:
        pytest.skip(str(error))
    with shared_installation(run_folder(tmp_path_factory)) as site:
        yield site
