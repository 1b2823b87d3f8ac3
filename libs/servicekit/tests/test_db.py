"""The tenant in every transaction, against real PostgreSQL as the application's role."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import psycopg
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import (
    SYSTEM,
    Database,
    Query,
    Scope,
    SessionReader,
    StatementLog,
    act_in,
    statements_run,
    tenant_policies,
)
from servicekit.testing.stack import FreshDatabase

notes = sa.table("notes", sa.column("id", sa.Uuid), sa.column("restaurant_id", sa.Uuid), sa.column("text", sa.Text))
ALL = Query(sa.select(notes.c.text).order_by(notes.c.text))
BY_TEXT = Query(sa.select(notes.c.id, notes.c.text).where(notes.c.text == bindparam("wanted", type_=sa.Text)))

HERE, THERE = UUID(int=1), UUID(int=2)


def create_notes(dsn: str, _service: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE notes (id uuid PRIMARY KEY, restaurant_id uuid NOT NULL, text text NOT NULL)")
        for statement in tenant_policies(["notes"]):
            connection.execute(statement)


@pytest_asyncio.fixture
async def database(fresh_database: FreshDatabase) -> AsyncIterator[Database]:
    made = Database(fresh_database("notes", create_notes).app_dsn, application="test", pool_size=2)
    await made.start()
    for tenant, text in ((HERE, "ours"), (HERE, "ours too"), (THERE, "theirs")):
        async with made.write(Scope(tenant)) as session:
            await session.execute(sa.insert(notes).values(id=uuid4(), restaurant_id=tenant, text=text))
    yield made
    await made.stop()


async def test_a_reader_sees_its_own_restaurant(database: Database) -> None:
    assert [row.text for row in await database.read(Scope(HERE)).all(ALL)] == ["ours", "ours too"]
    assert [row.text for row in await database.read(Scope(THERE)).all(ALL)] == ["theirs"]


async def test_no_scope_sees_nothing_and_the_system_sees_everything(database: Database) -> None:
    assert await database.read(Scope()).all(ALL) == []
    assert len(await database.read(SYSTEM).all(ALL)) == 3


async def test_the_scope_ends_with_its_transaction(database: Database) -> None:
    for _ in range(4):
        await database.read(SYSTEM).all(ALL)
        assert await database.read(Scope()).all(ALL) == []


async def test_a_session_can_neither_write_nor_move_rows_elsewhere(database: Database) -> None:
    with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
        async with database.write(Scope(HERE)) as session:
            await session.execute(sa.insert(notes).values(id=uuid4(), restaurant_id=THERE, text="intruder"))
    with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
        async with database.write(Scope(HERE)) as session:
            await session.execute(sa.update(notes).values(restaurant_id=THERE))
    async with database.write(Scope(HERE)) as session:
        assert (await session.execute(sa.delete(notes).where(notes.c.restaurant_id == THERE))).rowcount == 0  # type: ignore[attr-defined] # a delete has a row count


async def test_a_session_acts_in_another_scope_from_its_next_statement_on(database: Database) -> None:
    async with database.write(SYSTEM) as session:
        reader = SessionReader(session)
        assert len(await reader.all(ALL)) == 3
        act_in(session, Scope(THERE))
        assert [row.text for row in await reader.all(ALL)] == ["theirs"]
        act_in(session, Scope(HERE))
        assert (await session.execute(sa.select(sa.func.count()).select_from(notes))).scalar_one() == 2
        act_in(session, Scope(THERE))
        with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
            await session.execute(sa.insert(notes), [{"id": uuid4(), "restaurant_id": HERE, "text": "x"}] * 2)
        await session.rollback()
        assert [row.text for row in await reader.all(ALL)] == ["theirs"]
        act_in(session, SYSTEM)
    assert [row.text for row in await database.read(Scope(THERE)).all(ALL)] == ["theirs"]


async def test_a_batch_is_one_transaction_with_an_answer_per_query(database: Database) -> None:
    everything, one = await database.read(Scope(HERE)).batch((ALL, {}), (BY_TEXT, {"wanted": "ours"}))
    assert (len(everything), one[0].text) == (2, "ours")


async def test_a_failed_query_leaves_the_connection_usable_and_scopeless(database: Database) -> None:
    broken = Query(sa.text("SELECT 1 / :zero").bindparams(bindparam("zero", type_=sa.Integer)))
    for _ in range(4):
        with pytest.raises(psycopg.errors.DivisionByZero):
            await database.read(SYSTEM).all(broken, zero=0)
        assert await database.read(Scope()).all(ALL) == []


async def test_what_a_block_raises_undoes_it(database: Database) -> None:
    async def delete_and_fail() -> None:
        async with database.write(Scope(HERE)) as session:
            await session.execute(sa.delete(notes))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await delete_and_fail()
    assert len(await database.read(Scope(HERE)).all(ALL)) == 2


async def test_a_session_reads_what_it_wrote(database: Database) -> None:
    async with database.write(Scope(HERE)) as session:
        await session.execute(sa.insert(notes).values(id=uuid4(), restaurant_id=HERE, text="fresh"))
        found = await SessionReader(session).first(BY_TEXT, wanted="fresh")
        assert found is not None
        assert await database.read(Scope(HERE)).first(BY_TEXT, wanted="fresh") is None


async def test_statements_are_counted_without_the_scope(database: Database) -> None:
    log = StatementLog()
    token = statements_run.set(log)
    try:
        await database.read(Scope(HERE)).batch((ALL, {}), (ALL, {}))
        async with database.write(Scope(HERE)) as session:
            await session.execute(sa.select(notes.c.id))
    finally:
        statements_run.reset(token)
    assert len(log) == 3


def test_a_parameter_that_a_query_does_not_have_is_an_error() -> None:
    with pytest.raises(TypeError, match="wanted"):
        ALL.parameters({"wanted": "x"})


def test_a_growing_in_is_refused_before_it_runs() -> None:
    with pytest.raises(ValueError, match="any_"):
        Query(sa.select(notes.c.text).where(notes.c.text.in_(["one", "two"])))
