"""A database is backed up while it is used, restored, and the same."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from servicekit import migrate
from servicekit.testing.stack import FreshDatabase
from tools import cli
from tools.stack import Database, Endpoints

Mizan = Callable[..., Result]
SYSTEM = "SELECT set_config('mizan.scope', 'system', true)"

if not any(command.name == "backup" for command in cli.app.registered_commands):
    cli.mount()


@pytest.fixture(scope="module")
def database(fresh_database: FreshDatabase) -> Database:
    """Billing's: small, with tables of restaurants and of the platform, and the queue's functions and triggers."""
    made = fresh_database("billing", migrate.upgrade)
    with psycopg.connect(made.owner_dsn, connect_timeout=10) as connection:
        connection.execute(SYSTEM)
        for number in range(3):
            restaurant = uuid4()
            connection.execute(
                "INSERT INTO outbox (id, subject, type, payload, headers) VALUES (%s, 's', 't', %s, '{}')",
                (uuid4(), bytes([number, 255])),
            )
            connection.execute(
                "INSERT INTO restaurant_ref (id, name, restaurant_type, timezone, currency, language, radius, "
                "geofence_enabled, geofence_polygon, operating_hours, automatic_clock_out, break_duration, "
                "max_weekly_hours, min_rest_hours, version) VALUES (%s, %s, 'CAFE', 'UTC', 'MAD', 'ar', 100, true, "
                "'[]', '{}', true, 30, 44, 11, 1)",
                (restaurant, f"مطعم {number}"),
            )
    return made


@pytest.fixture
def empty(stack: Endpoints) -> Iterator[Database]:
    made = stack.databases.create(f"billing_restored_{uuid4().hex[:8]}", "billing")
    yield made
    stack.databases.drop(made)


@pytest.fixture
def mizan(database: Database, stack: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Mizan:
    monkeypatch.setenv("BILLING_OWNER_DATABASE_URL", database.owner_dsn)
    monkeypatch.setenv("ADMIN_DATABASE_URL", stack.admin_dsn)

    def run(*arguments: str, status: int = 0) -> Result:
        result: Any = CliRunner().invoke(cli.app, list(arguments))
        assert result.exit_code == status, result.output
        return result

    return run


def test_what_is_restored_is_what_was_backed_up(
    mizan: Mizan, database: Database, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    said = mizan("backup", str(folder), "--service", "billing", "--verify").output
    assert "billing: restored and compared, the same" in said
    assert (folder / "billing.dump").read_bytes().startswith(b"PGDMP")
    assert (folder / "billing.dump").stat().st_mode & 0o077 == 0
    held = json.loads((folder / "manifest.json").read_text())["billing"]["contents"]
    # A restaurant's rows are there although row-level security is forced on the owner too.
    assert held["restaurant_ref"]["rows"] == held["outbox"]["rows"] == 3

    monkeypatch.setenv("BILLING_OWNER_DATABASE_URL", empty.owner_dsn)
    assert "the same" in mizan("restore", str(folder), "--service", "billing").output
    with psycopg.connect(empty.app_dsn, connect_timeout=10) as connection:
        assert connection.execute("SELECT count(*) FROM restaurant_ref").fetchone() == (0,)
        connection.execute(SYSTEM)
        assert connection.execute("SELECT count(*) FROM restaurant_ref").fetchone() == (3,)
        # The sequences go on where they were.
        connection.execute(
            "INSERT INTO outbox (id, subject, type, payload, headers) VALUES (gen_random_uuid(), 's', 't', '', '{}')"
        )
        assert connection.execute("SELECT max(seq) FROM outbox").fetchone() == (4,)
    assert migrate.upgrade(empty.owner_dsn, "billing") is False
    assert migrate.check(empty.owner_dsn, "billing") == []


def test_a_database_that_holds_something_is_left_alone(mizan: Mizan, database: Database, tmp_path: Path) -> None:
    mizan("backup", str(tmp_path), "--service", "billing")
    refused = mizan("restore", str(tmp_path), "--service", "billing", status=1)
    assert "the database is not empty" in refused.output


def test_a_file_that_was_changed_is_refused(
    mizan: Mizan, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mizan("backup", str(tmp_path), "--service", "billing")
    dump = tmp_path / "billing.dump"
    dump.write_bytes(dump.read_bytes()[:-1] + b"x")
    monkeypatch.setenv("BILLING_OWNER_DATABASE_URL", empty.owner_dsn)
    assert "is not what the manifest says" in mizan("restore", str(tmp_path), "--service", "billing", status=1).output


def test_rows_that_differ_are_found(
    mizan: Mizan, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mizan("backup", str(tmp_path), "--service", "billing")
    manifest = tmp_path / "manifest.json"
    known = json.loads(manifest.read_text())
    known["billing"]["contents"]["restaurant_ref"]["digest"] = "1"
    manifest.write_text(json.dumps(known))
    monkeypatch.setenv("BILLING_OWNER_DATABASE_URL", empty.owner_dsn)
    said = mizan("restore", str(tmp_path), "--service", "billing", status=1).output
    assert "restored, but not the same: restaurant_ref" in said


def test_a_table_that_would_be_saved_in_part_stops_the_backup(mizan: Mizan, database: Database, tmp_path: Path) -> None:
    with psycopg.connect(database.owner_dsn, autocommit=True, connect_timeout=10) as connection:
        connection.execute("CREATE TABLE hidden (id int)")
        connection.execute("ALTER TABLE hidden ENABLE ROW LEVEL SECURITY")
        connection.execute("ALTER TABLE hidden FORCE ROW LEVEL SECURITY")
        try:
            refused = mizan("backup", str(tmp_path), "--service", "billing", status=1)
        finally:
            connection.execute("DROP TABLE hidden")
    assert "would hide rows of hidden" in refused.output
    assert not (tmp_path / "billing.dump").exists()


def test_what_is_missing_is_named(mizan: Mizan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "holds no backup of billing" in mizan("restore", str(tmp_path), "--service", "billing", status=1).output
    monkeypatch.delenv("BILLING_OWNER_DATABASE_URL")
    assert "is not set" in mizan("backup", str(tmp_path), "--service", "billing", status=2).output
