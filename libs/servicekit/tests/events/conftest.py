"""A service's database and its connection to NATS, as small as they can be."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from nats.js.errors import NotFoundError
from sqlalchemy.engine import make_url

from servicekit import jobs, tables
from servicekit.broker import EVENTS_STREAM, PUBLIC_STREAM, Broker, StreamLimits
from servicekit.db import SYSTEM, Database
from tools.stack import make_stack
from tools.stack.databases import Database as Address
from tools.stack.stack import Stack

METADATA = tables.metadata()
tables.attach(METADATA)
effect = sa.Table(
    "effect",
    METADATA,
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
)
"""What handlers in these tests leave behind: one row per time that they ran."""

SMALL = StreamLimits(max_age_seconds=3600, max_bytes=64 * 1024 * 1024)


def migrate(owner_dsn: str, _service: str) -> None:
    engine = sa.create_engine(make_url(owner_dsn).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        METADATA.create_all(connection)
        jobs.install(connection)


@pytest.fixture(scope="session")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers that a test may kill and restart."""
    with make_stack(tmp_path_factory.mktemp("stack"), durable=False) as stack:
        yield stack


@pytest.fixture
def address(own_stack: Stack, request: pytest.FixtureRequest) -> Iterator[Address]:
    databases = own_stack.endpoints.databases
    template = databases.create_template("sample_template", "sample", migrate)
    database = databases.clone(template, f"sample_{time.monotonic_ns()}")
    yield database
    databases.drop(database)


@pytest.fixture
async def database(address: Address) -> AsyncIterator[Database]:
    database = Database(address.app_dsn, application="sample", pool_size=8)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
async def broker(own_stack: Stack) -> AsyncIterator[Broker]:
    """A connection to NATS, with streams that are empty at the test's start."""
    broker = Broker(own_stack.nats_url, application="sample", limits=SMALL)
    await broker.start()
    async with asyncio.timeout(10):
        jetstream = await broker.connected()
    # One after the other: behind its last stream the server removes their directory, under the feet of a new one.
    for stream in (EVENTS_STREAM, PUBLIC_STREAM):
        with contextlib.suppress(NotFoundError):
            await jetstream.delete_stream(stream)
        await broker.ensure_streams()
    yield broker
    await broker.stop()


async def eventually(condition: Callable[[], Any | Awaitable[Any]], within: float = 20.0) -> Any:
    """The first true value of the condition; fails when there is none in time."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        assert asyncio.get_running_loop().time() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.01)


async def rows(database: Database, statement: sa.Select[Any]) -> list[Any]:
    async with database.write(SYSTEM) as session:
        return list((await session.execute(statement)).all())


async def count(database: Database, table: sa.Table) -> int:
    return int((await rows(database, sa.select(sa.func.count()).select_from(table)))[0][0])
