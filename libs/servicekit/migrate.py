"""Migrations of a service's database: Alembic, run as the owner role, one service and one process at a time.

Each service keeps its revisions in `services/<name>/migrations/versions`; its `env.py` hands its metadata to `run_env`.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy.engine import make_url

from servicekit import jobs

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"
_ONE_AT_A_TIME = 0x6D697A616E  # the advisory lock that keeps two migration jobs of one database apart


def upgrade(owner_url: str, service: str, app_role: str | None = None) -> bool:
    """Brings the database to the newest revision; False when it was there already, or further.

    Further than this program knows is where a newer release left it that was taken back since: migrations only add what
    older code can do without, so it stays as it is. The application's role, when named, is granted the use of every
    table. Raises sqlalchemy's errors; a failed migration leaves the database at the revision before it.
    """
    config = _config(service)
    scripts = ScriptDirectory.from_config(config)
    with _connection(owner_url) as connection:
        current = set(MigrationContext.configure(connection).get_current_heads())
        known = {script.revision for script in scripts.walk_revisions()}
        if current == set(scripts.get_heads()) or not current <= known:
            return False
        connection.exec_driver_sql("SELECT pg_advisory_lock(%s)", (_ONE_AT_A_TIME,))
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if app_role:
            _grant(connection, app_role)
    return True


def check(owner_url: str, service: str) -> list[str]:
    """The differences between the migrated database and the models, one line each; none is the only good answer."""
    metadata = importlib.import_module(f"services.{service}.models").Base.metadata
    with _connection(owner_url) as connection:
        found = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _ours}), metadata
        )
    return [str(difference) for difference in found]


def run_env(metadata: sa.MetaData) -> None:
    """What a service's `migrations/env.py` does: runs the revisions on the connection that `upgrade` opened."""
    connection: sa.Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


def new_revision(owner_url: str, service: str, message: str) -> None:
    """Writes a revision file from the difference between the models and the database at the newest revision."""
    config = _config(service)
    with _connection(owner_url) as connection:
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True)


def _config(service: str) -> Config:
    package = importlib.import_module(f"services.{service}")
    if package.__file__ is None:
        raise RuntimeError(f"services.{service} has no place on disk")
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    return config


@contextmanager
def _connection(owner_url: str) -> Iterator[sa.Connection]:
    options = f"-c lock_timeout={LOCK_TIMEOUT} -c statement_timeout={STATEMENT_TIMEOUT}"
    engine = sa.create_engine(
        make_url(owner_url).set(drivername="postgresql+psycopg"),
        connect_args={"options": options, "application_name": "mizan-migrate"},
        poolclass=sa.NullPool,
    )
    with engine.connect() as connection:
        yield connection


def _grant(connection: sa.Connection, app_role: str) -> None:
    role = sql.Identifier(app_role).as_string(None)
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}",
    ):
        connection.exec_driver_sql(statement)
    jobs.grant(connection, app_role)
    connection.commit()


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """Leaves the job queue's tables to the library that owns them."""
    return not (kind == "table" and (name or "").startswith("procrastinate"))
