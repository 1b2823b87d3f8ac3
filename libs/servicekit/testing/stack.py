"""Fixtures for tests on real servers: one stack per test run, one fresh database per test module.

`stack` is shared by the workers of pytest-xdist; the first one boots it and the last one stops it. Tests that kill a
server boot a stack of their own with `tools.stack.make_stack`.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.stack import Database, Endpoints, StackUnavailable, make_stack
from tools.stack.databases import Migrate
from tools.stack.share import shared_stack

FreshDatabase = Callable[[str, Migrate], Database]
"""Takes a service and what migrates its database; returns an empty database at the newest schema."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """PostgreSQL, NATS and Valkey of this test run; skips where TEST_STACK names a kind that cannot run here."""
    try:
        make_stack(tmp_path_factory.getbasetemp() / "probe")
    except StackUnavailable as error:
        pytest.skip(str(error))
    with shared_stack(run_folder(tmp_path_factory)) as endpoints:
        yield endpoints


@pytest.fixture(scope="session")
def database_names() -> Iterator[int]:
    """Numbers that keep the names of one worker's databases apart."""
    return itertools.count(1)


@pytest.fixture(scope="module")
def fresh_database(stack: Endpoints, database_names: Iterator[int]) -> Iterator[FreshDatabase]:
    """Makes an empty, migrated database of a service: `fresh_database("identity", migrate.upgrade)`.

    A service is migrated once per test run, into a template that every further database is copied from. The databases
    are dropped when the test module is done.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    made: list[Database] = []

    def fresh(service: str, migrate: Migrate) -> Database:
        template = stack.databases.create_template(f"{service}_template", service, migrate)
        made.append(stack.databases.clone(template, f"{service}_{worker}_{next(database_names)}"))
        return made[-1]

    yield fresh
    for database in made:
        stack.databases.drop(database)


def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is common to all workers of this run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
