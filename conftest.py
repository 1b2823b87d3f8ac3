"""Fixtures that every test may use, and the order in which files are handed to the workers."""

import gc
import sys

import pytest
import structlog

from servicekit import garbage

pytest_plugins = ("servicekit.testing.stack", "servicekit.testing.fixtures")


def pytest_configure() -> None:
    """What collecting the tests makes stays; the collector of garbage would go through it again and again."""
    gc.disable()
    # To print each frame with its variables would take longer than many a test that expects an error.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.processors.add_log_level, plain],
        # What a command answers is read from stdout while services log from other threads.
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take a worker long come first, so that none of them is what everybody waits for in the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """From here on the process is like a server that has started."""
    gc.enable()
    garbage.spare()
