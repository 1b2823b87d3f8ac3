"""Several prepared statements in one round trip to PostgreSQL, as one transaction.

psycopg's own pipeline mode does this too, but sends each statement in a packet of its own and passes every result
through a cursor. Here they leave together, and the rows come back through psycopg's compiled loaders, for half the CPU.
"""

from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from psycopg import AsyncConnection, AsyncPipeline, abc, errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.waiting import Wait

_Key = tuple[str, tuple[int, ...]]


class Statement(NamedTuple):
    """SQL with `$1` placeholders and its parameters.

    Parameters say their types by themselves, unless `cast`: then the SQL casts each of them, and the statement is
    prepared once, whatever they are.
    """

    sql: str
    parameters: Sequence[Any] = ()
    cast: bool = False


BEGIN = Statement("BEGIN")
COMMIT = Statement("COMMIT")


class _Prepared:
    """A statement that one connection has prepared for parameters of certain types."""

    __slots__ = ("loader", "make_row", "name")

    def __init__(self, name: bytes, loader: abc.Transformer) -> None:
        self.name = name
        self.loader = loader
        self.make_row: Callable[[Sequence[Any]], Any] | None = None

    def rows(self, result: PGresult) -> list[Any]:
        """The rows of a result as named tuples."""
        make_row, loader = self.make_row, self.loader
        loader.set_pgresult(result, set_loaders=make_row is None, format=Format.BINARY)
        if make_row is None:
            make_row = self.make_row = _row_maker(*((result.fname(i) or b"") for i in range(result.nfields)))
        rows = loader.load_rows(0, result.ntuples, make_row)
        loader.set_pgresult(None, set_loaders=False)
        return rows


@lru_cache(maxsize=1024)
def _row_maker(*names: bytes) -> Callable[[Sequence[Any]], Any]:
    row: Any = namedtuple("Row", [name.decode() for name in names], rename=True)  # type: ignore[misc] # made at run time
    maker: Callable[[Sequence[Any]], Any] = row._make
    return maker


class RoundTripConnection(AsyncConnection[Any]):
    """A connection that remembers what it has prepared.

    When it is not in autocommit mode, its transactions begin with the `prelude`, in the round trip of their first
    statement. What is `due` goes ahead of the next statement, once.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.prelude: Statement | None = None
        self.due: Statement | None = None
        self._statements: dict[_Key, _Prepared] = {}
        self._numbers = count()
        self._dumper = Transformer(self)

    async def fetch(self, statements: Sequence[Statement]) -> list[list[Any]]:
        """The rows of each statement.

        Raises psycopg's errors for the first statement that fails; in autocommit mode none of them has happened then.
        """
        try:
            return await self.wait(self._exchange(statements))
        except errors.FeatureNotSupported:
            # "cached plan must not change result type": a migration changed a column after this was prepared.
            self._statements.clear()
            if not self.autocommit:
                raise
            return await self.wait(self._exchange(statements))

    def _start_query(self) -> abc.PQGen[None]:
        # psycopg's hook in front of its own cursors' statements.
        if self._begins() or self.due is not None:
            yield from self._exchange(())

    @asynccontextmanager
    async def _pipeline_nolock(self) -> AsyncIterator[AsyncPipeline]:
        # And the one around its executemany, inside which one exchange cannot begin another.
        if self._begins() or self.due is not None:
            await self.wait(self._exchange(()))
        async with super()._pipeline_nolock() as pipeline:
            yield pipeline

    def _deallocate(self, name: bytes | None) -> abc.PQGen[None]:
        # psycopg's hook, too: without a name, after a rollback, the server forgets every prepared statement.
        if name is None:
            self._statements.clear()
        yield from super()._deallocate(name)

    def _begins(self) -> bool:
        return not self.autocommit and self.pgconn.transaction_status == TransactionStatus.IDLE

    def _exchange(self, statements: Sequence[Statement]) -> abc.PQGen[list[list[Any]]]:
        ahead = self._ahead()
        encoded = [self._encode(statement) for statement in (*ahead, *statements)]
        pgconn = self.pgconn
        pgconn.enter_pipeline_mode()
        try:
            sent = [self._send(*one) for one in encoded]
            pgconn.pipeline_sync()
            results = iter((yield from self._results()))
        finally:
            self._leave_pipeline()
        return [self._take(prepared, new, results) for prepared, new in sent][len(ahead) :]

    def _ahead(self) -> tuple[Statement, ...]:
        """What goes in front of the next statement: a transaction's beginning, or what is due in it."""
        due, self.due = self.due, None
        if self._begins():
            return (BEGIN,) if self.prelude is None else (BEGIN, self.prelude)
        return (due,) if due is not None else ()

    def _encode(self, statement: Statement) -> tuple[_Key, Sequence[Any], Sequence[Format]]:
        sql, parameters, cast = statement
        if not parameters:
            return (sql, ()), (), ()
        dumper = self._dumper
        # What is cast goes as text, which says nothing of its type.
        values = dumper.dump_sequence(parameters, [PyFormat.TEXT if cast else PyFormat.AUTO] * len(parameters))
        return (sql, () if cast else dumper.types or ()), values, dumper.formats or ()

    def _send(self, key: _Key, values: Sequence[Any], formats: Sequence[Format]) -> tuple[_Prepared, _Key | None]:
        """Queues a statement, behind its preparation where this connection does not know it yet."""
        prepared = self._statements.get(key)
        new = None
        if prepared is None:
            new = key
            prepared = _Prepared(b"mizan_%d" % next(self._numbers), Transformer(self))
            self.pgconn.send_prepare(prepared.name, key[0].encode(), key[1])
        self.pgconn.send_query_prepared(prepared.name, values, formats, result_format=Format.BINARY)
        return prepared, new

    def _results(self) -> abc.PQGen[list[PGresult]]:
        """Everything that the server answers up to the end of the transaction."""
        pgconn = self.pgconn
        while pgconn.flush():
            if (yield Wait.RW) & Wait.R:
                pgconn.consume_input()
        results: list[PGresult] = []
        while True:
            while pgconn.is_busy():
                yield Wait.R
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                return results
            results.append(result)

    def _take(self, prepared: _Prepared, new: _Key | None, results: Iterator[PGresult]) -> list[Any]:
        if new is not None:
            self._check(next(results))
            self._statements[new] = prepared
        return prepared.rows(self._check(next(results)))

    def _check(self, result: PGresult) -> PGresult:
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise errors.error_from_result(result)
        return result

    def _leave_pipeline(self) -> None:
        """Makes the connection usable again, or closes it when answers are still missing."""
        if self.pgconn.status != ConnStatus.OK:
            return
        try:
            self.pgconn.exit_pipeline_mode()
        except errors.OperationalError:
            self.pgconn.finish()
