"""PostgreSQL for one service: a pool for reads, an engine for writes, and the tenant in every transaction.

Row-level security lets a transaction see the rows of the restaurant named by `mizan.restaurant_id`, which is set here,
locally to the transaction, and nowhere else. A read costs one round trip: the setting and the statements travel in one
pipeline, which PostgreSQL runs as one transaction. A write is an SQLAlchemy session in an explicit transaction.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests
from sqlalchemy import CompoundSelect, Connection, Select, TextClause, UpdateBase, event, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.util import await_only

from servicekit import telemetry
from servicekit.identity import Principal
from servicekit.roundtrip import COMMIT, RoundTripConnection, Statement

CONNECT_TIMEOUT_SECONDS = 5
READ_WAIT_SECONDS = 2.0
SECOND_WAIT_SECONDS = 1.0
# A session keeps its connection over several round trips, so its queue is slower than that of the reads.
POOL_WAIT_SECONDS = 5.0
RECONNECT_SECONDS = 2.0
STATEMENT_TIMEOUT_MS = 15_000
_SET_SCOPE = (
    "SELECT set_config('mizan.restaurant_id', $1, true) AS restaurant, set_config('mizan.scope', $2, true) AS scope"
)
_TRANSACTION = "mizan_transaction"

# Four times as fast as the standard library's, which psycopg would take.
set_json_loads(orjson.loads)

statements_run: ContextVar["StatementLog | None"] = ContextVar("mizan_statements_run", default=None)


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows a transaction may touch: those of one restaurant, or with `system` those of all."""

    restaurant_id: UUID | None = None
    system: bool = False

    @property
    def statement(self) -> Statement:
        """Sets what the row-level policies read, until the transaction ends."""
        restaurant = str(self.restaurant_id) if self.restaurant_id else ""
        return Statement(_SET_SCOPE, (restaurant, "system" if self.system else ""))


SYSTEM = Scope(system=True)
"""Every tenant: relays, consumers, jobs, and credentials whose tenant is not known yet. Nothing else may use it."""


def scope_of(principal: Principal) -> Scope:
    """The scope a caller acts in: its own restaurant, or no tenant's rows at all."""
    return Scope(principal.restaurant_id)


class StatementLog(list[str]):
    """The statements that ran while it was installed; lets a test state how many a list costs."""


class Query:
    """A SQLAlchemy Core statement, compiled once to the text that psycopg prepares and caches.

    Parameters are the statement's named `bindparam`s; every other literal is fixed at compile time. Lists go in as one
    array parameter (`column == any_(bindparam("ids"))`), never as a growing IN, which raises ValueError. With `cast`,
    the statement's own text casts every parameter, and values that are None do not have it prepared once more.
    """

    _dialect: Any = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call] # no annotations
    _named: Any = PGDialect_psycopg()  # type: ignore[no-untyped-call] # as above

    def __init__(
        self,
        statement: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | UpdateBase | TextClause,
        *,
        cast: bool = False,
    ) -> None:
        self.statement = statement
        self._cast = cast
        compiled: Any = statement.compile(dialect=self._dialect)
        self.sql = str(compiled)
        if "POSTCOMPILE" in self.sql:
            raise ValueError(f"a growing IN cannot be prepared; compare with any_(): {self.sql}")
        self._names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._fixed = dict(compiled.params)

    @cached_property
    def text(self) -> str:
        """The statement with named placeholders, as psycopg's cursors take it."""
        return str(self.statement.compile(dialect=self._named))

    def parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        """The statement's parameters with the given ones filled in. Raises TypeError for a name it does not have."""
        unknown = given.keys() - self._fixed.keys()
        if unknown:
            raise TypeError(f"the query has no parameters {sorted(unknown)}")
        return {**self._fixed, **given} if given else self._fixed

    def bound(self, given: dict[str, Any]) -> Statement:
        """The statement with these parameters. Raises TypeError for a name it does not have."""
        parameters = self.parameters(given)
        return Statement(self.sql, [parameters[name] for name in self._names], self._cast)


_PING = Query(text("SELECT 1"))


class Reading(ABC):
    """Where queries run; rows come as named tuples."""

    @abstractmethod
    async def all(self, query: Query, **parameters: Any) -> Sequence[Any]:
        """Every row."""

    async def batch(self, *queries: tuple[Query, dict[str, Any]]) -> Sequence[Sequence[Any]]:
        """The rows of several queries."""
        return [await self.all(query, **parameters) for query, parameters in queries]

    async def first(self, query: Query, **parameters: Any) -> Any | None:
        """The first row, or None."""
        rows = await self.all(query, **parameters)
        return rows[0] if rows else None

    async def scalar(self, query: Query, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = await self.first(query, **parameters)
        return row[0] if row is not None else None


class SessionReader(Reading):
    """Runs queries inside a write session, where they see what it changed and flushed."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self, query: Query, **parameters: Any) -> Sequence[Any]:
        """Every row."""
        return (await self.batch((query, parameters)))[0]

    async def batch(self, *queries: tuple[Query, dict[str, Any]]) -> list[list[Any]]:
        """The rows of several queries, in one round trip; pending changes are flushed first."""
        statements = [query.bound(parameters) for query, parameters in queries]
        return await self._session.run_sync(run, statements)


class Reader(Reading):
    """Runs read-only queries in one scope, each call in a transaction of its own."""

    def __init__(self, pool: AsyncConnectionPool[RoundTripConnection], scope: Scope) -> None:
        self._pool = pool
        self._scope = scope

    async def all(self, query: Query, **parameters: Any) -> Sequence[Any]:
        """Every row."""
        return (await self.batch((query, parameters)))[0]

    async def batch(self, *queries: tuple[Query, dict[str, Any]]) -> list[list[Any]]:
        """The rows of several queries, in one transaction and one round trip."""
        for query, _ in queries:
            log_statement(query.sql)
        with telemetry.sql_span(queries[0][0].sql):
            try:
                return await self._run(queries, READ_WAIT_SECONDS)
            except psycopg.OperationalError as error:
                if not _is_lost(error):
                    raise
                # Every connection from before a restart of the server is dead: sort them out, and ask once more.
                await self._pool.check()
                return await self._run(queries, SECOND_WAIT_SECONDS)

    async def _run(self, queries: Sequence[tuple[Query, dict[str, Any]]], wait_seconds: float) -> list[list[Any]]:
        statements = [self._scope.statement]
        statements += [query.bound(parameters) for query, parameters in queries]
        connection = await self._pool.getconn(timeout=wait_seconds)
        try:
            return (await connection.fetch(statements))[1:]
        finally:
            await self._pool.putconn(connection)


def _is_lost(error: psycopg.OperationalError) -> bool:
    """Whether the connection broke: the server went away, or says that it is going to."""
    if isinstance(error, PoolTimeout | TooManyRequests):
        return False
    return error.sqlstate is None or error.sqlstate.startswith("57P")


class Database:
    """One service's database: `read` and `write` are the only ways in."""

    name = "database"

    def __init__(self, url: str, *, application: str, pool_size: int = 8) -> None:
        self._url = url
        self._application = application
        self._pool_size = pool_size
        self._pool: AsyncConnectionPool[RoundTripConnection] | None = None
        self._engine: AsyncEngine | None = None

    @property
    def url(self) -> str:
        """The libpq connection URL, for parts that need a connection of their own."""
        return self._url

    @property
    def engine(self) -> AsyncEngine:
        """The engine of the write side. Raises RuntimeError before `start`."""
        if self._engine is None:
            raise RuntimeError("the database is not started")
        return self._engine

    async def start(self) -> None:
        """Opens the pools. Raises PoolTimeout when the database does not answer."""
        options = (
            f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c idle_in_transaction_session_timeout=30000 -c timezone=UTC"
        )
        settings = {
            "application_name": self._application,
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "options": options,
            "prepare_threshold": 2,
        }
        self._pool = AsyncConnectionPool(
            self._url,
            connection_class=RoundTripConnection,
            kwargs={**settings, "autocommit": True},
            min_size=1,
            max_size=self._pool_size,
            max_waiting=200,
            # The delay between attempts grows until they are given up; the next request then tries at once.
            reconnect_timeout=RECONNECT_SECONDS,
            open=False,
            check=None,
        )
        await self._pool.open(wait=True, timeout=30)
        self._engine = create_async_engine(
            make_url(self._url).set(drivername="postgresql+psycopg"),
            pool_size=self._pool_size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            connect_args={**settings, "async_creator_fn": RoundTripConnection.connect},
            json_deserializer=orjson.loads,
            query_cache_size=2000,
        )
        event.listen(self._engine.sync_engine, "before_cursor_execute", _before_cursor_execute)
        event.listen(self._engine.sync_engine, "checkin", _forget_scope)
        telemetry.instrument(self._engine)

    async def stop(self) -> None:
        """Closes the pools after their last transaction."""
        if self._pool is not None:
            await self._pool.close(timeout=5)
        if self._engine is not None:
            await self._engine.dispose()

    async def ping(self) -> None:
        """Fails when the database does not answer a trivial query in time."""
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            await self.read(SYSTEM).scalar(_PING)

    def read(self, scope: Scope | Principal) -> Reader:
        """A reader for one scope."""
        if self._pool is None:
            raise RuntimeError("the database is not started")
        return Reader(self._pool, scope if isinstance(scope, Scope) else scope_of(scope))

    @asynccontextmanager
    async def write(self, scope: Scope | Principal) -> AsyncIterator[AsyncSession]:
        """A session in one transaction: committed when the block ends, rolled back when it raises."""
        session = self.open_session(scope)
        try:
            yield session
            await session.commit()
        finally:
            await session.close()

    def open_session(self, scope: Scope | Principal) -> AsyncSession:
        """A session whose every transaction carries the scope; the caller commits or closes it."""
        session = AsyncSession(self.engine, expire_on_commit=False, autoflush=False)
        session.sync_session.info["scope"] = scope if isinstance(scope, Scope) else scope_of(scope)
        return session


def act_in(session: AsyncSession, scope: Scope) -> None:
    """Has whatever the session runs from now on see another scope's rows, in the transaction that is under way."""
    info = session.sync_session.info
    if info["scope"] == scope:
        return
    info["scope"] = scope
    if (driver := info.get(_TRANSACTION)) is not None:
        # Nothing is sent yet: it goes with the next statement.
        driver.due = scope.statement


@event.listens_for(Session, "after_begin")
def _set_scope(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    scope = session.info.get("scope")
    if scope is None:
        raise RuntimeError("a session was opened without a scope")
    driver: Any = connection.connection.driver_connection
    # Nothing is sent yet: it goes with BEGIN and the first statement.
    driver.prelude = scope.statement
    session.info[_TRANSACTION] = driver


@event.listens_for(Session, "after_transaction_end")
def _end(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_TRANSACTION, None)


def _forget_scope(connection: Any, _record: Any) -> None:
    """Whoever gets the connection next, a transaction without a session included, sees no tenant of before."""
    if connection is not None:
        connection.driver_connection.prelude = connection.driver_connection.due = None


def run(session: Session, statements: Sequence[Statement]) -> list[list[Any]]:
    """The rows of statements that go past SQLAlchemy, in one round trip of the session's transaction.

    Pending changes are flushed first. Needs to be called by `AsyncSession.run_sync` or an event of the session. Raises
    psycopg's errors.
    """
    session.flush()
    if _TRANSACTION not in session.info:
        session.connection()
    driver: RoundTripConnection = session.info[_TRANSACTION]
    for statement in statements:
        if statement is not COMMIT:
            log_statement(statement.sql)
    with telemetry.sql_span(statements[0].sql):
        try:
            return await_only(driver.fetch(statements))
        except psycopg.OperationalError as error:
            if _is_lost(error):
                # As SQLAlchemy does itself: no other connection of before a restart of the server is worth a try.
                session.get_bind().engine.dispose()
            raise


def log_statement(sql: str) -> None:
    """Notes a statement for whoever counts."""
    log = statements_run.get()
    if log is not None:
        log.append(sql)


def _before_cursor_execute(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    log_statement(statement)


def tenant_policies(tables: Sequence[str], column: str = "restaurant_id") -> list[str]:
    """The statements that force row-level security on tenant tables, for migrations."""
    mine = f"{column} = NULLIF(current_setting('mizan.restaurant_id', true), '')::uuid"
    everything = "current_setting('mizan.scope', true) = 'system'"
    return [
        statement
        for table in tables
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant ON {table} USING ({mine} OR {everything}) WITH CHECK ({mine} OR {everything})",
        )
    ]
