"""Procrastinate's tables, in a schema of their own so that a service's migrations and models do not see them."""

from importlib import metadata, resources

import sqlalchemy as sa
from psycopg import sql

SCHEMA = "procrastinate"

_FUNCTIONS = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'procrastinate'::regnamespace LOOP
        EXECUTE 'ALTER FUNCTION ' || name || ' SET search_path = procrastinate, pg_catalog, pg_temp';
    END LOOP;
END $$
"""


def install(connection: sa.Connection) -> None:
    """Brings the schema to the installed release of Procrastinate; for migrations, run as the tables' owner.

    A new release that changes its tables needs one more revision that calls this. Running it again changes nothing.
    """
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    release = metadata.version("procrastinate")
    known = connection.exec_driver_sql(f"SELECT obj_description('{SCHEMA}'::regnamespace)").scalar()
    if known == release:
        return
    before = connection.exec_driver_sql("SELECT current_setting('search_path')").scalar_one()
    connection.exec_driver_sql(f"SET LOCAL search_path = {SCHEMA}")
    for script in _scripts(known):
        connection.execution_options(no_parameters=True).exec_driver_sql(script)
    connection.exec_driver_sql("SELECT set_config('search_path', %s, true)", (before,))
    # Whoever calls the functions, and whatever fires the triggers, need not know where the tables are.
    connection.exec_driver_sql(_FUNCTIONS)
    connection.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS '{release}'")
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {SCHEMA} TO PUBLIC")


def grant(connection: sa.Connection, app_role: str) -> None:
    """Lets the application's role defer and run jobs."""
    role = sql.Identifier(app_role).as_string(None)
    for statement in (
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO {role}",
    ):
        connection.exec_driver_sql(statement)


def _scripts(known: str | None) -> list[str]:
    """What is missing: everything, or the release's own steps since the version that is there."""
    folder = resources.files("procrastinate.sql")
    if known is None:
        return [(folder / "schema.sql").read_text()]
    steps = sorted(
        (step for step in (folder / "migrations").iterdir() if step.name.endswith(".sql")), key=lambda step: step.name
    )
    return [step.read_text() for step in steps if _version(step.name.split("_")[0]) > _version(known)]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
