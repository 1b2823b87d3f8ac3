"""What travels with the commit, against real PostgreSQL as the application's role."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from servicekit.db import Database, Query, Scope, SessionReader, StatementLog, statements_run, tenant_policies
from servicekit.postponed import BulkInsert, postpone, send
from servicekit.testing.stack import FreshDatabase

things = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("restaurant_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.String(20)),
    sa.Column("amount", sa.Numeric(12, 3)),
    sa.Column("content", sa.LargeBinary),
    sa.Column("about", JSONB),
    sa.Column("words", ARRAY(sa.Text)),
    sa.Column("day", sa.Date),
    sa.Column("at", sa.DateTime(timezone=True)),
    sa.Column("is_new", sa.Boolean),
    sa.Column("count", sa.Integer),
    sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
)
THINGS = BulkInsert(things, without=("made_at",))
UNLESS_KNOWN = BulkInsert(things, without=("made_at",), known="id")
RENAME = Query(sa.update(things).where(things.c.id == bindparam("it")).values(name=bindparam("new", type_=sa.Text)))
NAMES = Query(sa.select(things.c.name).order_by(things.c.name))
ALL = Query(sa.select(*(column for column in things.columns if column.name != "made_at")))
HERE, THERE = UUID(int=1), UUID(int=2)


def create(dsn: str, _service: str) -> None:
    engine = sa.create_engine(dsn.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        things.create(connection)
        for statement in tenant_policies(["things"]):
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest_asyncio.fixture
async def database(fresh_database: FreshDatabase) -> AsyncIterator[Database]:
    made = Database(fresh_database("things", create).app_dsn, application="test", pool_size=2)
    await made.start()
    yield made
    await made.stop()


def thing(name: str | None = "thing", **values: Any) -> dict[str, Any]:
    row = {column.name: None for column in things.columns if column.name != "made_at"}
    return {**row, "id": uuid4(), "restaurant_id": HERE, "name": name, **values}


async def names(database: Database) -> list[str]:
    return [row.name for row in await database.read(Scope(HERE)).all(NAMES)]


async def test_rows_arrive_as_they_were_with_the_commit(database: Database) -> None:
    full = thing(
        "ع \"'\\ é",
        amount=Decimal("12345.678"),
        content=b"\x00\xff bytes",
        about={"nested": [1, None, {"a": "ب"}]},
        words=["one", None, 'tw"o'],
        day=date(2024, 2, 29),
        at=datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC),
        is_new=True,
        count=-3,
    )
    empty = thing(None)
    async with database.write(Scope(HERE)) as session:
        postpone(session, THINGS, full)
        postpone(session, THINGS, empty)
        assert await SessionReader(session).all(ALL) == []
    found = {row.id: row._asdict() for row in await database.read(Scope(HERE)).all(ALL)}
    assert found == {full["id"]: full, empty["id"]: empty}


async def test_many_rows_are_one_statement_and_queries_keep_their_place(database: Database) -> None:
    rows = [thing(f"thing {number}") for number in range(300)]
    log = StatementLog()
    token = statements_run.set(log)
    try:
        async with database.write(Scope(HERE)) as session:
            for row in rows:
                postpone(session, THINGS, row)
            postpone(session, RENAME, {"it": rows[0]["id"], "new": "renamed"})
    finally:
        statements_run.reset(token)
    assert len(log) == 2
    assert len(await names(database)) == 300
    assert "renamed" in await names(database)


async def test_a_value_too_long_for_its_column_is_refused_and_not_cut(database: Database) -> None:
    with pytest.raises(psycopg.errors.StringDataRightTruncation):
        async with database.write(Scope(HERE)) as session:
            postpone(session, THINGS, thing("x" * 21))
    assert await names(database) == []


async def test_a_row_of_another_restaurant_is_refused_and_takes_the_others_along(database: Database) -> None:
    async with database.write(Scope(HERE)) as session:
        postpone(session, THINGS, thing("ours"))
        postpone(session, THINGS, thing("theirs", restaurant_id=THERE))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await session.commit()
        await session.rollback()
    assert await names(database) == []


async def test_what_is_known_stays_as_it_is(database: Database) -> None:
    first = thing("first")
    for row in (first, {**first, "name": "second"}):
        async with database.write(Scope(HERE)) as session:
            postpone(session, UNLESS_KNOWN, row)
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with database.write(Scope(HERE)) as session:
            postpone(session, THINGS, first)
    assert await names(database) == ["first"]


async def test_savepoints_and_rollbacks_drop_what_came_after_them(database: Database) -> None:
    async with database.write(Scope(HERE)) as session:
        postpone(session, THINGS, thing("kept"))
        undone = await session.begin_nested()
        postpone(session, THINGS, thing("undone"))
        await undone.rollback()
        async with session.begin_nested():
            postpone(session, THINGS, thing("released"))
        await send(session)
        postpone(session, THINGS, thing("after sending"))
    session = database.open_session(Scope(HERE))
    postpone(session, THINGS, thing("rolled back"))
    await session.rollback()
    await session.commit()
    await session.close()
    assert await names(database) == ["after sending", "kept", "released"]


async def test_the_unit_of_work_is_flushed_before(database: Database) -> None:
    it = uuid4()
    async with database.write(Scope(HERE)) as session:
        await session.execute(sa.insert(things).values(id=it, restaurant_id=HERE, name="at once"))
        postpone(session, RENAME, {"it": it, "new": "at the end"})
    assert await names(database) == ["at the end"]


def test_a_row_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        THINGS.statement([{"id": uuid4()}])
