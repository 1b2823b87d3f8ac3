"""Fixtures that every test may use, and the order in which files are handed to the workers."""

import pytest

pytest_plugins = ("servicekit.testing.stack", "servicekit.testing.fixtures")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take a worker long come first, so that none of them is what everybody waits for in the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
