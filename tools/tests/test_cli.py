"""The operator's command, on a real database."""

import asyncio
import os
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from mizan.audit.events.v1 import events_pb2 as audit_facts
from servicekit import deadletters, events, migrate
from servicekit.cli import transaction
from servicekit.db import Database as ServiceDatabase
from servicekit.inbox import Delivery
from servicekit.testing.stack import FreshDatabase
from services.identity.cli import make_key, retire_keys
from services.identity.domain.credentials import password_problem
from services.identity.models import Invitation, Restaurant
from services.identity.settings import Settings
from services.identity.vault import build_vault, load_signing_keys, random_password, random_pin
from tools import cli
from tools.devkeys import DevKeys
from tools.stack import Database, Endpoints

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
Mizan = Callable[..., Result]

cli.mount()


@pytest.fixture(scope="module")
def database(fresh_database: FreshDatabase) -> Database:
    return fresh_database("identity", migrate.upgrade)


@pytest.fixture
def environment(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = DevKeys(tmp_path / "secrets")
    keys.make_internal_keys(["identity"])
    keys.make_jwt_key()
    for name, value in {
        "IDENTITY_DATABASE_URL": database.app_dsn,
        "IDENTITY_OWNER_DATABASE_URL": database.owner_dsn,
        "IDENTITY_JWT_KEYS_DIR": str(keys.jwt_keys),
        "IDENTITY_PIN_PEPPER": keys.text("pin.pepper"),
        "IDENTITY_ENCRYPTION_KEYS": keys.fernet_key("encryption.key"),
        "INTERNAL_KEYS_DIR": str(keys.internal_keys),
        "NATS_URL": "nats://127.0.0.1:9",
        "REDIS_URL": "redis://127.0.0.1:9",
        "SMTP_URL": "smtp://127.0.0.1:9",
        "FILES_URL": (tmp_path / "files").as_uri(),
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "files").mkdir()


@pytest.fixture
def mizan(environment: None) -> Mizan:
    """Runs the command as from a shell."""

    def run(*arguments: str, status: int = 0, typed: str | None = None) -> Result:
        result: Any = CliRunner().invoke(cli.app, list(arguments), input=typed)
        assert result.exit_code == status, result.output
        return result

    return run


def rows(database: Database, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.app_dsn, connect_timeout=10) as connection:
        connection.execute("SELECT set_config('mizan.scope', 'system', true)")
        return connection.execute(statement, parameters).fetchall()


def test_a_database_is_migrated_once(stack: Endpoints, mizan: Mizan, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = stack.databases.create(f"identity_cli_{uuid4().hex[:8]}", "identity")
    monkeypatch.setenv("IDENTITY_OWNER_DATABASE_URL", empty.owner_dsn)
    try:
        assert "identity: migrated" in mizan("migrate", "identity").output
        assert "identity: at the newest schema" in mizan("migrate", "identity").output
        assert rows(empty, "SELECT count(*) FROM restaurants") == [(0,)]
    finally:
        stack.databases.drop(empty)


def test_a_database_of_a_newer_release_is_left_as_it_is(
    stack: Endpoints, mizan: Mizan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a release that was taken back: its pods migrate before they start, and must start."""
    newer = stack.databases.create(f"identity_cli_{uuid4().hex[:8]}", "identity")
    monkeypatch.setenv("IDENTITY_OWNER_DATABASE_URL", newer.owner_dsn)
    try:
        mizan("migrate", "identity")
        with psycopg.connect(newer.owner_dsn, connect_timeout=10) as connection:
            connection.execute("UPDATE alembic_version SET version_num = 'of_tomorrow'")
        assert "identity: at the newest schema" in mizan("migrate", "identity").output
        with psycopg.connect(newer.owner_dsn, connect_timeout=10) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("of_tomorrow",)]
    finally:
        stack.databases.drop(newer)


def test_what_cannot_be_migrated_is_named(mizan: Mizan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no service kitchen" in mizan("migrate", "kitchen", status=2).output
    monkeypatch.delenv("IDENTITY_OWNER_DATABASE_URL")
    assert "IDENTITY_OWNER_DATABASE_URL is not set" in mizan("migrate", "identity", status=2).output


def test_a_missing_variable_is_named_and_nothing_is_done(mizan: Mizan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDENTITY_PIN_PEPPER")
    refused = mizan("identity", "populate-languages", status=2)
    assert "PIN_PEPPER: Field required" in refused.output


@pytest.mark.parametrize("how", ["stdin", "variable", "prompt"])
def test_a_superuser_is_created_with_a_password_that_was_given(
    database: Database, mizan: Mizan, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    email, password = f"{uuid4().hex[:8]}@example.com", random_password()
    arguments, typed = ["create_superuser", "--email", email], None
    if how == "stdin":
        arguments, typed = [*arguments, "--password-stdin"], f"{password}\n"
    elif how == "variable":
        monkeypatch.setenv("MIZAN_SUPERUSER_PASSWORD", password)
    else:
        typed = f"{password}\n{password}\n"
    created = mizan(*arguments, typed=typed)
    assert password not in created.output
    ((stored, superuser, verified, restaurant),) = rows(
        database, "SELECT password_hash, is_superuser, is_verified, restaurant_id FROM users WHERE email = %s", email
    )
    assert (superuser, verified, restaurant) == (True, True, None)
    assert asyncio.run(build_vault(Settings()).verify(stored, password))
    ((audited,),) = rows(database, "SELECT count(*) FROM outbox WHERE type = 'mizan.audit.events.v1.EntryRecorded'")
    assert audited >= 1
    again = mizan("create-superuser", "--email", email, "--password-stdin", typed=f"{password}\n", status=2)
    assert "already exists" in again.output


@pytest.mark.parametrize(("email", "password"), [("root@example.com", "short"), ("no address", "Str0ng!password")])
def test_a_superuser_needs_a_good_password_and_an_address(
    database: Database, mizan: Mizan, email: str, password: str
) -> None:
    before = rows(database, "SELECT count(*) FROM users")
    mizan("create-superuser", "--email", email, "--password-stdin", typed=f"{password}\n", status=2)
    assert rows(database, "SELECT count(*) FROM users") == before


def test_initial_data_is_made_once_with_secrets_that_work(database: Database, mizan: Mizan) -> None:
    names = ("--email", "first@cli.example.com", "--admin-email", "admin@cli.example.com")
    first = mizan("identity", "create_initial_data", *names)
    printed = dict(re.findall(r"^  [A-Z_]+ +(\S+@\S+) +(\S+)$", first.output, re.MULTILINE))
    assert len(printed) == 4
    vault = build_vault(Settings())
    for address, secret in printed.items():
        ((password_hash, pin_hash),) = rows(
            database, "SELECT password_hash, pin_hash FROM users WHERE email = %s", address
        )
        assert asyncio.run(vault.verify(password_hash or pin_hash, secret)), address
    again = mizan("identity", "create-initial-data", *names)
    assert "exists already" in again.output
    assert not any(secret in again.output for secret in printed.values())
    assert rows(database, "SELECT count(*) FROM restaurants WHERE email = 'first@cli.example.com'") == [(1,)]


def test_languages_are_written_however_often(database: Database, mizan: Mizan) -> None:
    for spelling in ("populate_languages", "populate-languages"):
        assert "3 languages" in mizan("identity", spelling).output
    assert rows(database, "SELECT code, right_to_left FROM languages ORDER BY code") == [
        ("ar", True),
        ("en", False),
        ("fr", False),
    ]


def test_every_restaurant_and_person_is_announced_with_the_version_they_have(database: Database, mizan: Mizan) -> None:
    mizan("identity", "create-initial-data", "--email", "said@example.com", "--admin-email", "owner@example.com")
    kinds = "SELECT type FROM outbox WHERE type LIKE 'mizan.identity.events.%%Updated' AND seq > %s"
    ((last,),) = rows(database, "SELECT max(seq) FROM outbox")
    ((restaurants,),) = rows(database, "SELECT count(*) FROM restaurants")
    ((people,),) = rows(database, "SELECT count(*) FROM users WHERE restaurant_id IS NOT NULL")
    assert "facts announced" in mizan("identity", "announce").output
    said = [kind.rpartition(".")[2] for (kind,) in rows(database, kinds, last)]
    # A public event stands in the outbox twice: for the platform and for integrators.
    assert said.count("RestaurantUpdated") == 2 * restaurants
    assert said.count("StaffUpdated") == 2 * people


def test_invitations_that_nobody_accepted_are_deleted_when_they_are_over(database: Database, mizan: Mizan) -> None:
    restaurant = uuid4()
    ids = {name: uuid4() for name in ("over", "open", "accepted")}

    async def invite() -> None:
        async with transaction(Settings(), "test") as session:
            session.add(Restaurant(id=restaurant, name="Chez", email=f"{restaurant}@example.com", settings_version=1))
            await session.flush()
            for name, status, days in (("over", "PENDING", -1), ("open", "PENDING", 1), ("accepted", "ACCEPTED", -9)):
                ends = datetime.now(UTC) + timedelta(days=days)
                session.add(
                    Invitation(
                        id=ids[name],
                        restaurant_id=restaurant,
                        email=f"{name}@example.com",
                        role="WAITER",
                        status=status,
                        expires_at=ends,
                    )
                )

    def left() -> set[Any]:
        return {row[0] for row in rows(database, "SELECT id FROM invitations WHERE restaurant_id = %s", restaurant)}

    asyncio.run(invite())
    assert "would delete 1 invitations" in mizan("identity", "cleanup_invites", "--dry-run").output
    assert left() == set(ids.values())
    assert str(ids["over"]) in mizan("identity", "cleanup_invites").output
    assert left() == {ids["open"], ids["accepted"]}
    mizan("identity", "cleanup-invites", "--all")
    assert left() == {ids["accepted"]}


def test_a_rotated_key_signs_and_the_one_before_still_verifies(mizan: Mizan) -> None:
    folder = Path(os.environ["IDENTITY_JWT_KEYS_DIR"])
    (before,) = load_signing_keys(folder)
    os.utime(next(folder.glob("*.pem")), (1, 1))
    mizan("identity", "rotate-keys", "--retire")
    newest, older = load_signing_keys(folder)
    assert older.key_id == before.key_id
    assert newest.key_id != before.key_id
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.glob("*.pem"))


def test_a_key_is_retired_when_its_last_token_has_expired(tmp_path: Path) -> None:
    made = [make_key(tmp_path, NOW - timedelta(days=days)) for days in (90, 40, 5)]
    for path, days in zip(made, (90, 40, 5), strict=True):
        moment = (NOW - timedelta(days=days)).timestamp()
        os.utime(path, (moment, moment))
    assert retire_keys(tmp_path, timedelta(days=30), NOW) == [made[0]]
    assert retire_keys(tmp_path, timedelta(days=30), NOW) == []
    assert {key.name for key in tmp_path.glob("*.pem")} == {made[1].name, made[2].name}


def test_dead_letters_are_listed_replayed_and_discarded(database: Database, mizan: Mizan) -> None:
    entry = audit_facts.EntryRecorded(actor="POS", action="OTHER", entity_type="Order", service="pos")
    entry.occurred_at.FromDatetime(NOW)
    kind = events.type_of(audit_facts.EntryRecorded)
    good, bad = uuid4(), uuid4()

    async def give_up() -> None:
        service = ServiceDatabase(database.app_dsn, application="test", pool_size=1)
        await service.start()
        try:
            for message_id, payload in ((good, entry.SerializeToString()), (bad, b"\xff\xff")):
                headers = {
                    events.MESSAGE_ID: str(message_id),
                    events.TYPE: kind.name,
                    events.AGGREGATE: "a",
                    events.VERSION: "0",
                    events.TIME: NOW.isoformat(),
                }
                await deadletters.bury(
                    service,
                    "identity-audit",
                    Delivery(kind.subject, payload, headers),
                    message_id=str(message_id),
                    reason="failed",
                    error=RuntimeError("the disk was full"),
                )
        finally:
            await service.stop()

    asyncio.run(give_up())
    assert "2 dead letters" in mizan("dead-letters", "identity").output
    assert "applied 1, applied before 0, failed 1" in mizan("replay", "identity", "--all", status=1).output
    assert rows(database, "SELECT actor FROM audit_entries WHERE id = %s", good) == [("POS",)]
    listed = mizan("dead_letters", "identity").output
    (letter,) = re.findall(r"^([0-9a-f-]{36})  ", listed, re.MULTILINE)
    assert "failed 1" in mizan("replay", "identity", letter, status=1).output
    assert "discarded 1" in mizan("dead-letters", "identity", "--discard", letter).output
    assert "0 dead letters" in mizan("dead-letters", "identity").output


def test_a_replay_says_what_it_is_about(mizan: Mizan) -> None:
    assert "name dead letters, or say --all" in mizan("replay", "identity", status=2).output
    mizan("replay", "identity", str(uuid4()), "--all", status=2)
    mizan("replay", "kitchen", "--all", status=2)


def test_routes_name_path_rpc_and_permission(mizan: Mizan) -> None:
    (line,) = [line for line in mizan("routes").output.splitlines() if " /api/audit-logs/ " in line]
    assert line.split() == ["GET", "/api/audit-logs/", "mizan.identity.v1.AuditService/ListAuditEntries", "audit.view"]


def test_health_names_what_does_not_answer(mizan: Mizan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_TARGET", "127.0.0.1:9")
    monkeypatch.setenv("PUBLIC_URL", "http://127.0.0.1:9")
    found = mizan("health", status=1).output
    assert re.search(r"^identity +UNAVAILABLE$", found, re.MULTILINE)
    assert re.search(r"^gateway +ConnectError$", found, re.MULTILINE)


def test_random_secrets_satisfy_the_rules() -> None:
    assert all(password_problem(random_password()) is None for _ in range(200))
    assert all(re.fullmatch(r"[0-9]{6}", random_pin()) for _ in range(200))
