"""The tables of an earlier backend are taken over: once, by the rules, and as far as their restaurants have arrived."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from click.testing import Result
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from servicekit import migrate
from servicekit.testing.stack import FreshDatabase
from tools import cli
from tools.operations.legacy.command import SERVICES
from tools.stack import Database, Endpoints

Import = Callable[..., Result]
THEN = datetime(2025, 3, 1, 9, tzinfo=UTC)
# In this order, so that of two with the same address it is the first that is taken over.
DAR, CAFE, STRANGE = sorted(uuid4() for _ in range(3))
AMINA, SAID, ROOT, LOST = uuid4(), uuid4(), uuid4(), uuid4()
SUPPLIER, FLOUR, OIL = uuid4(), uuid4(), uuid4()
MAINS, TAGINE, TABLE, CLEANING = uuid4(), uuid4(), uuid4(), uuid4()
TABLES = """
CREATE TABLE restaurants (id uuid PRIMARY KEY, name text, address text, phone text, email text, latitude numeric(9, 6),
    longitude numeric(9, 6), radius numeric(9, 2), geofence_enabled bool, geofence_polygon jsonb, timezone text,
    currency text, language text, operating_hours jsonb, automatic_clock_out bool, break_duration int,
    email_notifications jsonb, push_notifications jsonb, general_settings jsonb, restaurant_type text,
    max_weekly_hours numeric(5, 2), min_rest_hours numeric(4, 2), pos_api_key text, created_at timestamptz,
    updated_at timestamptz);
CREATE TABLE users (id uuid PRIMARY KEY, email text, password text, pin_code text, first_name text, last_name text,
    role text, phone text, restaurant_id uuid, is_verified bool, is_active bool, is_superuser bool,
    last_successful_login timestamptz, preferred_language text, created_at timestamptz, updated_at timestamptz);
CREATE TABLE accounts_staffprofile (id serial PRIMARY KEY, user_id uuid, hourly_rate numeric(12, 2), salary_type text,
    department text, promotion_history jsonb, notes text);
CREATE TABLE staff_staffprofile (id serial PRIMARY KEY, user_id uuid, hire_date date, position text, skills jsonb,
    hourly_rate numeric(10, 2), notes text);
CREATE TABLE inventory_supplier (id uuid PRIMARY KEY, restaurant_id uuid, name text, contact_person text, phone text,
    email text, address text);
CREATE TABLE inventory_inventoryitem (id uuid PRIMARY KEY, restaurant_id uuid, name text, current_stock numeric(10, 2),
    unit text, reorder_level numeric(10, 2), cost_per_unit numeric(10, 2), supplier_id uuid, is_active bool);
CREATE TABLE menu_menucategory (id uuid PRIMARY KEY, restaurant_id uuid, name text, description text, is_active bool,
    display_order int);
CREATE TABLE menu_menuitem (id uuid PRIMARY KEY, restaurant_id uuid, category_id uuid, name text, description text,
    price numeric(10, 2), is_active bool, external_metadata jsonb);
CREATE TABLE pos_tables (id uuid PRIMARY KEY, restaurant_id uuid, table_number int, capacity int, status text,
    section text, is_active bool);
CREATE TABLE scheduling_taskcategory (id uuid PRIMARY KEY, restaurant_id uuid, name text, description text, color text);
CREATE TABLE menu_recipe (id uuid PRIMARY KEY);
"""

if not any(command.name == "import-legacy" for command in cli.app.registered_commands):
    cli.mount()


def fill(connection: psycopg.Connection, table: str, **values: Any) -> None:
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - a test's own words
    connection.execute(statement.encode(), [Jsonb(v) if isinstance(v, dict | list) else v for v in values.values()])


@pytest.fixture(scope="module")
def legacy(stack: Endpoints) -> Iterator[str]:
    """What the earlier backend left: two restaurants, their people, stock and menu, and what breaks rules."""
    made = stack.databases.create(f"legacy_{uuid4().hex[:8]}", "identity")
    with psycopg.connect(made.owner_dsn, connect_timeout=10) as connection:
        connection.execute(TABLES)
        for id, email, radius in ((DAR, "dar@legacy.example", 250), (CAFE, "cafe@legacy.example", None)):
            fill(
                connection,
                "restaurants",
                id=id,
                name="Dar",
                email=email,
                radius=radius,
                language="es",
                timezone="Africa/Casablanca",
                currency="MAD",
                operating_hours={"Monday": {"open": "12:00", "close": "23:00", "isClosed": False}},
                pos_api_key="in the clear",
                updated_at=THEN,
                created_at=THEN,
            )
        fill(connection, "restaurants", id=STRANGE, name="Twin", email="DAR@legacy.example", updated_at=THEN)
        person = {"first_name": "A", "last_name": "B", "is_verified": True, "is_active": True, "is_superuser": False}
        hashed = "argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng"
        fill(connection, "users", id=AMINA, email="amina@legacy.example", password=hashed, role="ADMIN",
             phone="0612345678", restaurant_id=DAR, **person)  # fmt: skip
        fill(connection, "users", id=SAID, email="said@legacy.example", password="pbkdf2_sha256$1$x$y", pin_code="hash",
             role="CHEF", restaurant_id=CAFE, **person)  # fmt: skip
        fill(connection, "users", id=ROOT, email="root@legacy.example", role="SUPER_ADMIN",
             **{**person, "is_superuser": True})  # fmt: skip
        fill(connection, "users", id=LOST, email="lost@legacy.example", role="WAITER", **person)
        fill(connection, "accounts_staffprofile", user_id=SAID, hourly_rate="45.50", salary_type="HOURLY",
             department="Kitchen", promotion_history=[], notes="")  # fmt: skip
        fill(connection, "staff_staffprofile", user_id=SAID, hire_date=THEN.date(), position="Chef", skills=["grill"],
             hourly_rate="1.00", notes="kind")  # fmt: skip
        fill(connection, "inventory_supplier", id=SUPPLIER, restaurant_id=DAR, name="Mill", phone="+212612345678")
        fill(connection, "inventory_inventoryitem", id=FLOUR, restaurant_id=DAR, name="Flour", current_stock="12.50",
             unit="KG", cost_per_unit="8.00", supplier_id=SUPPLIER, is_active=True)  # fmt: skip
        fill(connection, "inventory_inventoryitem", id=OIL, restaurant_id=DAR, name="Oil", current_stock="-3", unit="L",
             cost_per_unit="0", is_active=False)  # fmt: skip
        fill(connection, "menu_menucategory", id=MAINS, restaurant_id=DAR, name="Mains", display_order=1)
        fill(connection, "menu_menuitem", id=TAGINE, restaurant_id=DAR, category_id=MAINS, name="Tagine", price="60.00",
             is_active=True, external_metadata={})  # fmt: skip
        fill(connection, "pos_tables", id=TABLE, restaurant_id=DAR, table_number=7, capacity=4, status="OCCUPIED",
             is_active=True)  # fmt: skip
        fill(connection, "scheduling_taskcategory", id=CLEANING, restaurant_id=DAR, name="Cleaning", color="#00FF00")
    yield made.owner_dsn
    stack.databases.drop(made)


@pytest.fixture(scope="module")
def databases(fresh_database: FreshDatabase) -> dict[str, Database]:
    return {name: fresh_database(name, migrate.upgrade) for name in SERVICES}


@pytest.fixture
def take_over(legacy: str, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch) -> Import:
    monkeypatch.setenv("LEGACY_DATABASE_URL", legacy)
    for name, database in databases.items():
        monkeypatch.setenv(f"{name.upper()}_DATABASE_URL", database.app_dsn)

    def run(status: int) -> Result:
        result: Any = CliRunner().invoke(cli.app, ["import-legacy"])
        assert result.exit_code == status, (result.output, result.exception)
        return result

    return run


def rows(database: Database, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.app_dsn, connect_timeout=10, options="-c mizan.scope=system") as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def arrive(database: Database, restaurant: UUID) -> None:
    """What the event about a restaurant does in another service."""
    with psycopg.connect(database.app_dsn, connect_timeout=10, options="-c mizan.scope=system") as connection:
        fill(
            connection,
            "restaurant_ref",
            id=restaurant,
            name="Dar",
            restaurant_type="CAFE",
            timezone="Africa/Casablanca",
            currency="MAD",
            language="en",
            radius=100,
            geofence_enabled=True,
            geofence_polygon=[],
            operating_hours={},
            automatic_clock_out=False,
            break_duration=30,
            max_weekly_hours=40,
            min_rest_hours=11,
            version=1,
        )


def test_everything_is_taken_over_once(take_over: Import, databases: dict[str, Database]) -> None:
    identity, inventory, pos = databases["identity"], databases["inventory"], databases["pos"]
    said = take_over(1).output
    assert "restaurants: 2 taken over, 0 known before, 0 waiting, 1 refused" in said
    assert "users: 3 taken over, 0 known before, 0 waiting, 1 refused" in said
    assert f"{LOST}: {{'restaurant':" in said
    # Nothing is put under a restaurant that the service has not heard of.
    assert "inventory_supplier: 0 taken over, 0 known before, 1 waiting, 0 refused" in said
    assert rows(inventory, "SELECT count(*) FROM suppliers") == [(0,)]
    assert "menu_recipe: not taken over" in said

    for name in ("inventory", "pos", "scheduling"):
        arrive(databases[name], DAR)
    said = take_over(1).output
    assert "users: 0 taken over, 3 known before, 0 waiting, 1 refused" in said
    assert "inventory_inventoryitem: 2 taken over, 0 known before, 0 waiting, 0 refused" in said
    again = take_over(1).output
    assert "inventory_inventoryitem: 0 taken over, 2 known before, 0 waiting, 0 refused" in again
    assert "staff_staffprofile: 0 taken over, 1 known before, 0 waiting, 0 refused" in again

    kept = rows(
        identity, "SELECT radius, language, pos_api_key_encrypted, settings_version FROM restaurants WHERE id = %s", DAR
    )
    assert kept == [(100, "en", None, int(THEN.timestamp()))]
    people = rows(
        identity, "SELECT password_hash LIKE '$argon2id$%%', pin_hash, phone_digits FROM users WHERE id = %s", AMINA
    )
    assert people == [(True, None, "212612345678")]
    assert rows(identity, "SELECT password_hash FROM users WHERE id = %s", SAID) == [(None,)]
    profile = (
        "SELECT hourly_rate, department, position, skills, notes, join_date FROM staff_profiles WHERE user_id = %s"
    )
    assert rows(identity, profile, SAID) == [(45.5, "Kitchen", "Chef", ["grill"], "kind", THEN.date())]
    # Each service was told by the same facts as if it had happened today.
    said_so = "SELECT split_part(type, '.', 5), count(*) FROM outbox WHERE subject LIKE 'evt.identity.%%' GROUP BY 1"
    told = dict(rows(identity, said_so))
    assert (told["RestaurantCreated"], told["StaffJoined"], told["StaffUpdated"]) == (2, 2, 2)

    balance = "SELECT name, quantity, is_active FROM items JOIN stock_balances ON item_id = items.id ORDER BY name"
    assert rows(inventory, balance) == [("Flour", 12.5, True), ("Oil", 0, False)]
    assert rows(inventory, "SELECT kind, quantity FROM stock_entries") == [("OPENING", 12.5)]
    assert rows(pos, "SELECT id, category_id, price FROM menu_items") == [(TAGINE, MAINS, 60)]
    assert rows(pos, "SELECT id, status FROM dining_tables") == [(TABLE, "AVAILABLE")]
    assert rows(databases["scheduling"], "SELECT id, name, color FROM task_categories") == [
        (CLEANING, "Cleaning", "#00FF00")
    ]


def test_what_is_missing_is_named(take_over: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEGACY_DATABASE_URL")
    assert "LEGACY_DATABASE_URL is not set" in take_over(2).output
