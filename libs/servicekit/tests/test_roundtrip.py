"""Reads that share one round trip, against real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from psycopg.pq import PipelineStatus

from servicekit.roundtrip import COMMIT, RoundTripConnection, Statement
from tools.stack import Endpoints


@pytest_asyncio.fixture
async def connection(stack: Endpoints) -> AsyncIterator[RoundTripConnection]:
    async with await RoundTripConnection.connect(stack.admin_dsn, autocommit=True, options="-c timezone=UTC") as made:
        yield made


def is_idle(connection: RoundTripConnection) -> bool:
    return connection.pgconn.pipeline_status == PipelineStatus.OFF and connection.info.transaction_status == 0


async def test_every_statement_has_its_own_rows_in_one_transaction(connection: RoundTripConnection) -> None:
    setting = "SELECT set_config('mizan.test', $1, true)"
    shown = "SELECT current_setting('mizan.test', true) AS value, txid_current_if_assigned() AS id"
    for value in ("first", "second", "third"):
        _, rows, again = await connection.fetch([Statement(setting, [value]), Statement(shown), Statement(shown)])
        assert [row.value for row in (*rows, *again)] == [value, value]
    ((row,),) = await connection.fetch([Statement(shown)])
    assert row.value in (None, "")
    assert is_idle(connection)


async def test_values_come_back_as_they_went(connection: RoundTripConnection) -> None:
    sql = "SELECT $1::uuid AS id, $2::numeric AS amount, $3::timestamptz AS at, $4::text AS note, $5::int[] AS numbers"
    now = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)
    for note in ("a'b", "ع", None):
        ((row,),) = await connection.fetch([Statement(sql, [UUID(int=7), Decimal("0.10"), now, note, [1, 2]])])
        assert row == (UUID(int=7), Decimal("0.10"), now, note, [1, 2])
        assert (row.id, row.note) == (UUID(int=7), note)


async def test_parameters_of_another_type_are_another_preparation(connection: RoundTripConnection) -> None:
    for number in (1, 40_000, 3_000_000_000, 1):
        (rows,) = await connection.fetch([Statement("SELECT $1 + 0::bigint AS sum", [number])])
        assert rows[0].sum == number


async def test_no_rows_and_many(connection: RoundTripConnection) -> None:
    sql = "SELECT n, repeat('x', 200) AS text FROM generate_series(1, $1::int) AS n"
    for count in (0, 5_000, 0, 3):
        (rows,) = await connection.fetch([Statement(sql, [count])])
        assert [row.n for row in rows] == list(range(1, count + 1))


async def test_a_failure_is_raised_and_the_connection_goes_on(connection: RoundTripConnection) -> None:
    divide = "SELECT 1 / $1::int AS result"
    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connection.fetch(
                [Statement("SELECT 1"), Statement(divide, [0]), Statement("SELECT 2 AS never_prepared")]
            )
        assert is_idle(connection)
        with pytest.raises(psycopg.errors.UndefinedTable):
            await connection.fetch([Statement("SELECT * FROM nowhere"), Statement("SELECT 3")])
        assert is_idle(connection)
    one, two = await connection.fetch([Statement(divide, [1]), Statement("SELECT 2 AS never_prepared")])
    assert (one[0].result, two[0].never_prepared) == (1, 2)


async def test_a_value_that_cannot_be_sent_sends_nothing(connection: RoundTripConnection) -> None:
    with pytest.raises(psycopg.ProgrammingError):
        await connection.fetch([Statement("SELECT 1"), Statement("SELECT $1", [object()])])
    assert is_idle(connection)
    assert await connection.fetch([Statement("SELECT 1")]) == [[(1,)]]


async def test_a_migration_may_change_a_column_meanwhile(connection: RoundTripConnection) -> None:
    await connection.execute("CREATE TEMPORARY TABLE things AS SELECT 'short'::varchar(5) AS name")
    for kind in ("varchar(10)", "text", "varchar(20)"):
        for _ in range(2):
            assert await connection.fetch([Statement("SELECT name FROM things")]) == [[("short",)]]
        await connection.execute(f"ALTER TABLE things ALTER COLUMN name TYPE {kind}")
    assert await connection.fetch([Statement("SELECT name FROM things")]) == [[("short",)]]


async def test_giving_up_cancels_the_statement(connection: RoundTripConnection) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await connection.fetch([Statement("SELECT 1"), Statement("SELECT pg_sleep(30)")])
    assert is_idle(connection)
    assert await connection.fetch([Statement("SELECT 1")]) == [[(1,)]]


async def test_a_lost_connection_is_an_operational_error(stack: Endpoints, connection: RoundTripConnection) -> None:
    await connection.fetch([Statement("SELECT 1")])
    async with await psycopg.AsyncConnection.connect(stack.admin_dsn, autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        await connection.fetch([Statement("SELECT 1")])
    assert connection.broken


@pytest_asyncio.fixture
async def transactions(stack: Endpoints) -> AsyncIterator[RoundTripConnection]:
    async with await RoundTripConnection.connect(stack.admin_dsn, prepare_threshold=0) as made:
        made.prelude = Statement("SELECT set_config('mizan.test', $1, true)", ("ours",))
        yield made
        await made.rollback()


SHOWN = "SELECT current_setting('mizan.test', true) AS value"


async def test_a_transaction_begins_with_its_prelude_whoever_sends_the_first_statement(
    transactions: RoundTripConnection,
) -> None:
    async def by_fetch() -> None:
        assert await transactions.fetch([Statement(SHOWN)]) == [[("ours",)]]

    async def by_cursor() -> None:
        assert await (await transactions.execute(SHOWN)).fetchall() == [("ours",)]

    async def by_many() -> None:
        async with transactions.cursor() as cursor:
            await cursor.executemany("SELECT set_config('mizan.other', %s, true)", [("a",), ("b",)])

    for first in (by_fetch, by_cursor, by_many):
        await first()
        assert await transactions.fetch([Statement(SHOWN)]) == [[("ours",)]]
        await transactions.rollback()
        transactions.prelude, kept = None, transactions.prelude
        assert await transactions.fetch([Statement(SHOWN)]) in ([[("",)]], [[(None,)]])
        await transactions.rollback()
        transactions.prelude = kept


async def test_a_commit_travels_with_the_last_statement(transactions: RoundTripConnection) -> None:
    await transactions.fetch([Statement("CREATE TEMPORARY TABLE things (name text)")])
    await transactions.fetch([Statement("INSERT INTO things VALUES ($1)", ("kept",)), COMMIT])
    assert is_idle(transactions)
    await transactions.commit()
    await transactions.fetch([Statement("INSERT INTO things VALUES ($1)", ("lost",))])
    await transactions.rollback()
    assert await transactions.fetch([Statement("SELECT name FROM things")]) == [[("kept",)]]


async def test_a_failure_undoes_the_transaction_it_began(transactions: RoundTripConnection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await transactions.fetch([Statement(SHOWN), Statement("SELECT 1 / 0"), COMMIT])
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        await transactions.fetch([Statement(SHOWN)])
    await transactions.rollback()
    assert await transactions.fetch([Statement(SHOWN)]) == [[("ours",)]]


async def test_parameters_that_are_cast_are_prepared_once(transactions: RoundTripConnection) -> None:
    sql = "SELECT $1::int AS number, $2::text[] AS words"
    for number, words in ((1, ["a", "b"]), (None, None), (40_000, []), (3, ["ع", 'a"b'])):
        ((row,),) = await transactions.fetch([Statement(sql, (number, words), cast=True)])
        assert row == (number, words)
    found = await transactions.fetch(
        [Statement("SELECT count(*) FROM pg_prepared_statements WHERE statement = $1", (sql,))]
    )
    assert found == [[(1,)]]
