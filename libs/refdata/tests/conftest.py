"""A database that holds the copies and nothing else."""

from collections.abc import AsyncIterator

import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.engine import make_url

import refdata
from servicekit import tables
from servicekit.db import Database, tenant_policies
from servicekit.testing.stack import FreshDatabase

METADATA = tables.metadata()
tables.attach(METADATA)
refdata.attach(METADATA)


def migrate(owner_dsn: str, _service: str) -> None:
    engine = sa.create_engine(make_url(owner_dsn).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        METADATA.create_all(connection)
        for table, column in refdata.TENANT_TABLES.items():
            for statement in tenant_policies([table], column):
                connection.exec_driver_sql(statement)


@pytest_asyncio.fixture
async def database(fresh_database: FreshDatabase) -> AsyncIterator[Database]:
    database = Database(fresh_database("refdata", migrate).app_dsn, application="refdata")
    await database.start()
    yield database
    await database.stop()
