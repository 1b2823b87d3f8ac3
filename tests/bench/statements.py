"""How many statements a request sends to PostgreSQL, as PostgreSQL itself counts them."""

from collections.abc import Callable

import psycopg

from tools.installation import Installation

REPEATS = 20
# What every transaction costs whatever it does; the rest is the request's own, and what follows it: relay and audit.
_FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SELECT set_config(")
_COUNT = """
    SELECT query, calls FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
    WHERE datname = %s AND calls >= %s AND toplevel
"""


def start_counting(installation: Installation) -> None:
    """Loads pg_stat_statements, which takes a restart of PostgreSQL; the services come back by themselves."""
    with psycopg.connect(installation.stack.admin_dsn, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    installation.restart("postgres")
    with psycopg.connect(installation.stack.admin_dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")


def statements_of(installation: Installation, service: str, ask: Callable[[], object]) -> list[str]:
    """The statements of one request, each as often as it is sent; `ask` makes the request."""
    with psycopg.connect(installation.stack.admin_dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_statements_reset()")
        for _ in range(REPEATS):
            ask()
        counted = connection.execute(_COUNT, (installation.databases[service].name, REPEATS)).fetchall()
    return [
        statement
        for statement, calls in counted
        if not statement.startswith(_FRAME)
        for _ in range(round(calls / REPEATS))
    ]
