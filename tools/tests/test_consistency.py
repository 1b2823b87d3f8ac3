"""What must not be in the databases is found."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from servicekit import migrate
from servicekit.testing.stack import FreshDatabase
from tools import cli
from tools.services import ORDER
from tools.stack import Database

Check = Callable[..., Result]
COLUMNS = (
    "id, name, restaurant_type, timezone, currency, language, radius, geofence_enabled, geofence_polygon, "
    "operating_hours, automatic_clock_out, break_duration, max_weekly_hours, min_rest_hours, version"
)
REF = (
    f"INSERT INTO restaurant_ref ({COLUMNS}) "  # noqa: S608 - the columns stand above
    "VALUES (%s, 'Chez', 'CAFE', 'UTC', 'MAD', 'fr', 100, true, '[]', '{}', true, 30, 44, 11, %s)"
)

if not any(command.name == "db-consistency-check" for command in cli.app.registered_commands):
    cli.mount()


@pytest.fixture(scope="module")
def identity(fresh_database: FreshDatabase) -> Database:
    return fresh_database("identity", migrate.upgrade)


@pytest.fixture(scope="module")
def billing(fresh_database: FreshDatabase) -> Database:
    return fresh_database("billing", migrate.upgrade)


@pytest.fixture
def check(identity: Database, billing: Database, monkeypatch: pytest.MonkeyPatch) -> Check:
    for name in ORDER:
        monkeypatch.delenv(f"{name.upper()}_OWNER_DATABASE_URL", raising=False)
    monkeypatch.setenv("IDENTITY_OWNER_DATABASE_URL", identity.owner_dsn)
    monkeypatch.setenv("BILLING_OWNER_DATABASE_URL", billing.owner_dsn)

    def run(status: int) -> Result:
        result: Any = CliRunner().invoke(cli.app, ["db-consistency-check"])
        assert result.exit_code == status, result.output
        return result

    return run


@pytest.fixture
def change(identity: Database, billing: Database) -> Iterator[Callable[..., None]]:
    """Runs a statement as the owner, and another one when the test is over."""
    undone: list[tuple[Database, str, tuple[Any, ...]]] = []

    def execute(database: Database, statement: str, *parameters: Any) -> None:
        with psycopg.connect(
            database.owner_dsn, autocommit=True, connect_timeout=10, options="-c mizan.scope=system"
        ) as connection:
            connection.execute(statement.encode(), parameters or None)

    def run(service: str, statement: str, undo: str, *parameters: Any) -> None:
        database = identity if service == "identity" else billing
        execute(database, statement, *parameters)
        undone.append((database, undo, parameters[:1] if "%s" in undo else ()))

    yield run
    for database, undo, parameters in reversed(undone):
        execute(database, undo, *parameters)


def test_a_fresh_installation_is_consistent(check: Check) -> None:
    assert check(0).output.splitlines() == ["identity: consistent", "billing: consistent"]


@pytest.mark.parametrize(
    ("service", "statement", "undo", "said"),
    [
        (
            "billing",
            "ALTER TABLE restaurant_ref NO FORCE ROW LEVEL SECURITY; ALTER TABLE staff_ref NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE restaurant_ref FORCE ROW LEVEL SECURITY; ALTER TABLE staff_ref FORCE ROW LEVEL SECURITY",
            "the rows of staff_ref belong to restaurants and are not guarded",
        ),
        (
            "billing",
            "ALTER TABLE outbox ADD CONSTRAINT later CHECK (subject <> '') NOT VALID",
            "ALTER TABLE outbox DROP CONSTRAINT later",
            "the constraint outbox.later was never checked",
        ),
        (
            "billing",
            "ALTER TABLE outbox ADD COLUMN surprising int",
            "ALTER TABLE outbox DROP COLUMN surprising",
            "the schema differs from what the service expects",
        ),
        (
            "identity",
            "INSERT INTO outbox (id, subject, type, payload, headers, created_at) "
            "VALUES (gen_random_uuid(), 's', 't', '', '{}', now() - interval '1 hour')",
            "DELETE FROM outbox",
            "1 facts have waited in the outbox",
        ),
    ],
)
def test_what_one_database_shows_is_named(
    check: Check, change: Callable[..., None], service: str, statement: str, undo: str, said: str
) -> None:
    change(service, statement, undo)
    output = check(1).output
    assert f"{service}: {said}" in output
    assert f"{'billing' if service == 'identity' else 'identity'}: consistent" in output


def test_copies_are_compared_with_identity(check: Check, change: Callable[..., None]) -> None:
    restaurant, stranger = uuid4(), uuid4()
    change(
        "identity",
        "INSERT INTO restaurants (id, name, email, settings_version) VALUES (%s, 'Chez', 'chez@example.com', 3)",
        "DELETE FROM restaurants WHERE id = %s",
        restaurant,
    )
    assert f"billing: 1 restaurants are unknown here ({restaurant})" in check(1).output
    change("billing", REF, "DELETE FROM restaurant_ref WHERE id = %s", restaurant, 2)
    assert f"billing: 1 restaurants are outdated here ({restaurant})" in check(1).output
    change("billing", "UPDATE restaurant_ref SET version = 3 WHERE id = %s", "SELECT 1", restaurant)
    check(0)
    change("billing", REF, "DELETE FROM restaurant_ref WHERE id = %s", stranger, 1)
    assert f"billing: 1 restaurants are unknown to identity ({stranger})" in check(1).output


def test_a_database_that_does_not_answer_is_named(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POS_OWNER_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/pos")
    assert "pos: connection failed" in check(1).output
