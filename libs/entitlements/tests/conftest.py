"""A database that holds the copy and nothing else."""

from collections.abc import AsyncIterator

import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.engine import make_url

import entitlements
from servicekit import tables
from servicekit.db import Database, tenant_policies
from servicekit.testing.stack import FreshDatabase

METADATA = tables.metadata()
tables.attach(METADATA)
entitlements.attach(METADATA)


def migrate(owner_dsn: str, _service: str) -> None:
    engine = sa.create_engine(make_url(owner_dsn).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        METADATA.create_all(connection)
        for table, column in entitlements.TENANT_TABLES.items():
            for statement in tenant_policies([table], column):
                connection.exec_driver_sql(statement)


@pytest_asyncio.fixture
async def database(fresh_database: FreshDatabase) -> AsyncIterator[Database]:
    database = Database(fresh_database("entitlements", migrate).app_dsn, application="entitlements")
    await database.start()
    yield database
    await database.stop()
