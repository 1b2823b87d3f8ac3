"""Statements that nobody waits for: they travel with the commit, in its round trip.

A write that has read what it needs mostly ends in a few statements without an answer: rows of one table, of another,
the outbox, COMMIT. Sent one by one, each costs both sides a round trip, about as much CPU as running it. What is
postponed here follows the transaction as any statement does: a rollback to a savepoint drops what came after it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from servicekit.db import Query, run
from servicekit.roundtrip import COMMIT, Statement

_POSTPONED = "mizan_postponed"


class BulkInsert:
    """Inserts any number of rows of a table in one statement that is prepared once.

    A row has a value for every column but those that the database fills by itself, `without` which it comes. Rows whose
    value of the column `known` is there already are left out. The rows travel as one JSON document: against an array
    for each column, that takes half the CPU on both sides.
    """

    def __init__(self, table: sa.Table, *, without: Sequence[str] = (), known: str | None = None) -> None:
        # Plain strings, which SQLAlchemy's names are not.
        self.columns = tuple(str(name) for name in table.columns.keys() if name not in without)  # noqa: SIM118 - no dict
        names = ", ".join(f'"{name}"' for name in self.columns)
        types = ", ".join(f'"{name}" {_type_of(table.columns[name])}' for name in self.columns)
        # Names and types of the table's own, and no values.
        self.sql = f"INSERT INTO {table.name} ({names}) SELECT * FROM json_to_recordset($1::json) AS r ({types})"  # noqa: S608
        if known is not None:
            self.sql += f" ON CONFLICT ({known}) DO NOTHING"

    def statement(self, rows: Sequence[Mapping[str, Any]]) -> Statement:
        """The statement for these rows. Raises KeyError when one lacks a value."""
        document = orjson.dumps([{name: row[name] for name in self.columns} for row in rows], default=_in_json)
        return Statement(self.sql, (document.decode(),), cast=True)


def _type_of(column: sa.Column[Any]) -> str:
    """What a column's values are read as: without limits, which would cut them before the column itself checks."""
    if isinstance(column.type, sa.String):
        return "text"
    if isinstance(column.type, sa.Numeric):
        return "numeric"
    return str(column.type.compile(dialect=_DIALECT))


def _in_json(value: object) -> str:
    """What JSON has no form for as PostgreSQL reads it from text. Raises TypeError for anything else."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"{type(value).__name__} cannot be inserted in bulk")


_DIALECT: Any = PGDialect_psycopg()  # type: ignore[no-untyped-call] # no annotations


class _Postponed:
    """What a transaction has postponed, and how much of it there was when each savepoint began."""

    __slots__ = ("before", "entries")

    def __init__(self) -> None:
        self.entries: list[tuple[Query | BulkInsert, Mapping[str, Any]]] = []
        self.before: dict[SessionTransaction, int] = {}

    def statements(self) -> list[Statement]:
        """Queries in their order, rows of one table together where the first of them stood."""
        rows: dict[BulkInsert, list[Mapping[str, Any]]] = {}
        order: list[tuple[Query | BulkInsert, Mapping[str, Any]]] = []
        for statement, values in self.entries:
            if isinstance(statement, Query):
                order.append((statement, values))
            elif statement in rows:
                rows[statement].append(values)
            else:
                rows[statement] = [values]
                order.append((statement, values))
        return [
            statement.bound(dict(values)) if isinstance(statement, Query) else statement.statement(rows[statement])
            for statement, values in order
        ]


def postpone(session: AsyncSession, statement: Query | BulkInsert, values: Mapping[str, Any]) -> None:
    """Runs a query or inserts a row when the session commits, after everything else.

    Its result is nobody's, and the session does not see its effect. psycopg's errors, such as a violated constraint,
    are raised by the commit.
    """
    if not session.in_transaction():
        # So that whatever ends this transaction, a close included, also ends what was postponed in it.
        session.sync_session.begin()
    _postponed(session.sync_session).entries.append((statement, values))


async def send(session: AsyncSession) -> None:
    """Runs what was postponed so far; a commit does that by itself."""
    await session.run_sync(_send)


def _postponed(session: Session) -> _Postponed:
    postponed: _Postponed | None = session.info.get(_POSTPONED)
    if postponed is None:
        postponed = session.info[_POSTPONED] = _Postponed()
    return postponed


def _send(session: Session, *following: Statement) -> None:
    postponed: _Postponed | None = session.info.get(_POSTPONED)
    if postponed is None or not postponed.entries:
        return
    run(session, [*postponed.statements(), *following])
    postponed.entries.clear()
    postponed.before.clear()


@event.listens_for(Session, "before_commit")
def _before_commit(session: Session) -> None:
    # The release of a savepoint is no commit: what was postponed inside it still shares the transaction's fate.
    if not session.in_nested_transaction():
        # psycopg's own COMMIT, which follows, finds the transaction at its end and sends nothing.
        _send(session, COMMIT)


@event.listens_for(Session, "after_transaction_create")
def _begin_savepoint(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        postponed = _postponed(session)
        postponed.before[transaction] = len(postponed.entries)


@event.listens_for(Session, "after_soft_rollback")
def _undo_savepoint(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        postponed = _postponed(session)
        del postponed.entries[postponed.before.pop(transaction, 0) :]


@event.listens_for(Session, "after_transaction_end")
def _end(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_POSTPONED, None)
