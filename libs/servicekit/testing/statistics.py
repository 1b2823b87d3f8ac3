"""What PostgreSQL knows of tables that a test has filled."""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tools.stack import Endpoints

CONNECT_TIMEOUT_SECONDS = 10


def vacuum(stack: Endpoints, database_url: str, *tables: str) -> None:
    """Does at once what the server's own housekeeping would do in time, so that plans rest on what is in the tables.

    As the administrator: asked by the application's role, PostgreSQL would only warn that it has skipped them.
    """
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(
        stack.admin_dsn, dbname=name, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
    ) as admin:
        admin.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))
