"""The earlier database, which is only read."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

Row = Mapping[str, Any]
BATCH = 200


@dataclass(frozen=True)
class Owner:
    """Of rows that do not name their restaurant: the table that does, and their column that refers to it.

    What else is wanted of it becomes a part of the row.
    """

    tables: tuple[str, ...]
    column: str
    wanted: tuple[str, ...] = ("restaurant_id",)


@dataclass(frozen=True)
class Part:
    """Rows of another table that are taken over with the row that they refer to, as a list under a name."""

    name: str
    tables: tuple[str, ...]
    column: str
    # The part whose rows they refer to, where it is not the row itself.
    of: str | None = None


class Source:
    """One session on the earlier database, with one view of it from beginning to end."""

    def __init__(self, connection: psycopg.Connection) -> None:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection = connection
        self._found: set[str] = set()

    def find(self, candidates: Sequence[str]) -> str | None:
        """The first of the names under which there is a table; it counts as read."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))"
        known = {name for (name,) in self._connection.execute(query)}
        found = next((name for name in candidates if name in known), None)
        if found is not None:
            self._found.add(found)
        return found

    def unread(self) -> dict[str, int]:
        """The tables that nothing reads, and about how many rows each has."""
        query = (
            "SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE schemaname = ANY (current_schemas(false)) "
            "ORDER BY relname"
        )
        return {name: rows for name, rows in self._connection.execute(query) if name not in self._found}

    def batches(
        self, table: str, order: Sequence[str] = ("id",), owner: Owner | None = None, parts: Sequence[Part] = ()
    ) -> Iterator[list[Row]]:
        """Every row of a table in an order of which no two rows share a place, with its owner's columns and its parts.

        The owner's columns are null where there is no owner. In an order by several columns, rows that have the first
        one in common are never in different batches.
        """
        columns: list[sql.Composable] = [sql.SQL("t.*")]
        origin = sql.SQL("{} AS t").format(sql.Identifier(table))
        if owner is not None and (owning := self.find(owner.tables)) is not None:
            columns += [sql.Identifier("o", name) for name in owner.wanted]
            join = sql.SQL("{} LEFT JOIN {} AS o ON o.id = {}")
            origin = join.format(origin, sql.Identifier(owning), sql.Identifier("t", owner.column))
        place = sql.SQL(", ").join(sql.Identifier("t", name) for name in order)
        marks = sql.SQL(", ").join(sql.Placeholder() * len(order))
        beginning = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(columns), origin)
        further = sql.SQL(" WHERE ({}) > ({})").format(place, marks)
        alike = sql.SQL(" AND {} = %s ORDER BY {}").format(sql.Identifier("t", order[0]), place)
        end = sql.SQL(" ORDER BY {} LIMIT %s").format(place)
        after: list[Any] = []
        with self._connection.cursor(row_factory=dict_row) as cursor:
            while True:
                cursor.execute(beginning + further + end if after else beginning + end, (*after, BATCH))
                rows = cursor.fetchall()
                if not rows:
                    return
                after = [rows[-1][name] for name in order]
                if len(order) > 1:
                    rows += cursor.execute(beginning + further + alike, (*after, after[0])).fetchall()
                    after = [rows[-1][name] for name in order]
                self._add(rows, parts)
                yield list(rows)

    def _add(self, rows: list[dict[str, Any]], parts: Sequence[Part]) -> None:
        """Hands rows their parts, in the order of their ids."""
        within: dict[str | None, list[dict[str, Any]]] = {None: rows}
        for part in parts:
            parents, found = within[part.of], defaultdict(list)
            if (table := self.find(part.tables)) is not None:
                query = sql.SQL("SELECT * FROM {} WHERE {} = ANY (%s) ORDER BY id").format(
                    sql.Identifier(table), sql.Identifier(part.column)
                )
                with self._connection.cursor(row_factory=dict_row) as cursor:
                    for child in cursor.execute(query, ([parent["id"] for parent in parents],)):
                        found[child[part.column]].append(child)
            for parent in parents:
                parent[part.name] = found[parent["id"]]
            within[part.name] = [child for parent in parents for child in parent[part.name]]
