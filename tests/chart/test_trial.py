"""The trial's databases as its PostgreSQL makes them at its first start."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy.engine import make_url

from deploy.helm.trial_secrets import SERVICES, trial_secrets
from servicekit import migrate
from tools.services import service_names
from tools.stack import Stack, make_stack


@pytest.fixture
def own_stack(tmp_path) -> Iterator[Stack]:
    """A server of this test's own: roles belong to a whole server."""
    with make_stack(tmp_path, durable=False, mode="wheels") as booted:
        yield booted


def test_the_first_start_makes_databases_that_migrate_and_serve(own_stack):
    made = {one["metadata"]["name"]: one["stringData"] for one in trial_secrets("mizan", "smtp://mail:25")}
    run_script(own_stack.admin_dsn, made["mizan-trial-postgresql"]["init.sql"])
    application = moved(made["mizan-identity"]["database-url"], own_stack.admin_dsn)
    owner = moved(made["mizan-identity-owner"]["owner-database-url"], own_stack.admin_dsn)
    assert migrate.upgrade(owner, "identity", make_url(application).username)
    with psycopg.connect(application, connect_timeout=5) as connection:
        found = connection.execute("SELECT current_user, count(*) FROM outbox").fetchone()
        assert found == ("identity_app", 0)
        rights = connection.execute("SELECT rolbypassrls, rolsuper FROM pg_roles WHERE rolname = current_user")
        assert rights.fetchone() == (False, False)
    elsewhere = make_url(application).set(database="pos").render_as_string(hide_password=False)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(elsewhere, connect_timeout=5)


def test_every_service_has_a_database():
    assert list(SERVICES) == service_names()


def run_script(dsn: str, script: str) -> None:
    """What psql does with the script: each line a statement, or the change to another database."""
    connection = psycopg.connect(dsn, autocommit=True, connect_timeout=5)
    for line in script.splitlines():
        if line.startswith("\\connect "):
            connection.close()
            database = line.removeprefix("\\connect ")
            connection = psycopg.connect(dsn, dbname=database, autocommit=True, connect_timeout=5)
        else:
            connection.execute(line.encode())
    connection.close()


def moved(url: str, dsn: str) -> str:
    """The same database and role on the server behind another URL."""
    server = make_url(dsn)
    return make_url(url).set(host=server.host, port=server.port).render_as_string(hide_password=False)
