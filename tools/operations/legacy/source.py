"""The earlier database, which is only read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

Row = Mapping[str, Any]
BATCH = 200


class Source:
    """One session on the earlier database, with one view of it from beginning to end."""

    def __init__(self, connection: psycopg.Connection) -> None:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection = connection

    def find(self, candidates: Sequence[str]) -> str | None:
        """The first of the names under which there is a table."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))"
        known = {name for (name,) in self._connection.execute(query)}
        return next((name for name in candidates if name in known), None)

    def unread(self, read: set[str]) -> dict[str, int]:
        """The tables that nothing reads, and about how many rows each has."""
        query = (
            "SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE schemaname = ANY (current_schemas(false)) "
            "ORDER BY relname"
        )
        return {name: rows for name, rows in self._connection.execute(query) if name not in read}

    def batches(self, table: str) -> Iterator[list[Row]]:
        """Every row of a table, by its id."""
        after: Any = None
        beginning = sql.SQL("SELECT * FROM {} ORDER BY id LIMIT %s").format(sql.Identifier(table))
        further = sql.SQL("SELECT * FROM {} WHERE id > %s ORDER BY id LIMIT %s").format(sql.Identifier(table))
        with self._connection.cursor(row_factory=dict_row) as cursor:
            while True:
                if after is None:
                    cursor.execute(beginning, (BATCH,))
                else:
                    cursor.execute(further, (after, BATCH))
                rows: list[Row] = list(cursor.fetchall())
                if not rows:
                    return
                yield rows
                after = rows[-1]["id"]
