"""Looks for what must not be in the databases, each by itself and all together: `mizan db-consistency-check`."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import typer
from psycopg import sql

from servicekit import migrate
from tools.operations.choice import refuse
from tools.operations.postgresql import POLICY, DatabaseProblem, connect, tables_of
from tools.services import ORDER

IDENTITY = "identity"
# Facts wait in the outbox for a moment only, even while NATS restarts.
OUTBOX_MINUTES = 10
NAMED_AT_MOST = 5
Versions = dict[Any, int]
AGAIN = "mizan identity announce says it again"


def main() -> None:
    """Look at every database in <SERVICE>_OWNER_DATABASE_URL; ends with 1 when something is found, and changes nothing.

    Asks whether each schema is the newest and its rules hold, whether the rows of restaurants are guarded, whether
    facts arrive, and whether what services keep of restaurants and people is what identity has.
    """
    urls = {name: url for name in ORDER if (url := os.environ.get(f"{name.upper()}_OWNER_DATABASE_URL"))}
    if not urls:
        refuse("no <SERVICE>_OWNER_DATABASE_URL is set")
    found = 0
    with ExitStack() as open_connections:
        connections: dict[str, psycopg.Connection] = {}
        for name, url in urls.items():
            try:
                connections[name] = open_connections.enter_context(connect(url))
            except DatabaseProblem as problem:
                typer.echo(f"{name}: {problem}")
                found += 1
        for name, connection in connections.items():
            connection.read_only = True
            lines = [*_schema(urls[name], name), *_alone(connection), *_together(connections, name)]
            for line in lines:
                typer.echo(f"{name}: {line}")
            if not lines:
                typer.echo(f"{name}: consistent")
            found += len(lines)
    if found:
        raise typer.Exit(1)


def _schema(url: str, service: str) -> Iterator[str]:
    for difference in migrate.check(url, service):
        yield f"the schema differs from what the service expects: {difference}"


def _alone(connection: psycopg.Connection) -> Iterator[str]:
    """What one database shows by itself."""
    invalid = "SELECT conrelid::regclass || '.' || conname FROM pg_constraint WHERE NOT convalidated"
    for (name,) in connection.execute(invalid):
        yield f"the constraint {name} was never checked against the rows that there were"
    for (name,) in connection.execute("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"):
        yield f"the index {name} is not valid; make it anew"
    unguarded = (
        "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'restaurant_id' "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnotnull AND NOT EXISTS (SELECT FROM "
        "pg_policy WHERE polrelid = pg_class.oid AND relforcerowsecurity AND pg_get_expr(polqual, polrelid) LIKE %s)"
    )
    for (name,) in connection.execute(unguarded, (f"%{POLICY}%",)):
        yield f"the rows of {name} belong to restaurants and are not guarded by row-level security"
    tables = tables_of(connection)
    if "outbox" in tables:
        late = "SELECT count(*) FROM outbox WHERE created_at < now() - make_interval(mins => %s)"
        for (count,) in connection.execute(late, (OUTBOX_MINUTES,)):
            if count:
                yield f"{count} facts have waited in the outbox for more than {OUTBOX_MINUTES} minutes"
    if "dead_letter" in tables:
        for (count,) in connection.execute("SELECT count(*) FROM dead_letter"):
            if count:
                yield f"{count} events were given up; mizan dead-letters names them"


def _together(connections: dict[str, psycopg.Connection], service: str) -> Iterator[str]:
    """What a service keeps of others, against identity."""
    if service == IDENTITY or IDENTITY not in connections:
        return
    own, identity = connections[service], connections[IDENTITY]
    restaurants: Versions = dict(identity.execute("SELECT id, settings_version FROM restaurants").fetchall())
    employed = "SELECT restaurant_id, id, version FROM users WHERE restaurant_id IS NOT NULL"
    people: Versions = {(restaurant, user): version for restaurant, user, version in identity.execute(employed)}
    tables = tables_of(own)
    if "restaurant_ref" in tables:
        kept: Versions = dict(own.execute("SELECT id, version FROM restaurant_ref").fetchall())
        yield from _copies("restaurants", restaurants, kept)
    if "staff_ref" in tables:
        # Somebody who moved leaves an inactive copy behind.
        left = "SELECT restaurant_id, user_id, version, is_active FROM staff_ref"
        rows = own.execute(left).fetchall()
        copies: Versions = {
            (place, user): version for place, user, version, active in rows if active or (place, user) in people
        }
        yield from _copies("people", people, copies)
    for table in tables:
        yield from _strangers(own, table, set(restaurants))


def _copies(what: str, own: Versions, kept: Versions) -> Iterator[str]:
    """Missing, outdated and foreign copies."""
    missing = [key for key in own if key not in kept]
    older = [key for key in own if key in kept and kept[key] < own[key]]
    foreign = [key for key in kept if key not in own]
    for kind, keys in (("unknown here", missing), ("outdated here", older), ("unknown to identity", foreign)):
        if keys:
            names = ", ".join(map(str, keys[:NAMED_AT_MOST]))
            yield f"{len(keys)} {what} are {kind} ({names}); {AGAIN}"


def _strangers(connection: psycopg.Connection, table: str, known: set[object]) -> Iterator[str]:
    """Rows of restaurants that identity does not have."""
    has_column = (
        "SELECT FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s "
        "AND column_name = 'restaurant_id' AND data_type = 'uuid'"
    )
    if not connection.execute(has_column, (table,)).rowcount:
        return
    query = "SELECT DISTINCT restaurant_id FROM {} WHERE restaurant_id IS NOT NULL"
    found = {id for (id,) in connection.execute(sql.SQL(query).format(sql.Identifier(table)))}
    if strangers := found - known:
        names = ", ".join(sorted(map(str, strangers))[:NAMED_AT_MOST])
        yield f"{table} has rows of {len(strangers)} restaurants that identity does not have ({names})"
