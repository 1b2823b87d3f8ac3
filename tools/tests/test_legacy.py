"""The tables of an earlier backend are taken over: once, by the rules, and as far as their restaurants have arrived."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from click.testing import Result
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from mizan.scheduling.events.v1 import events_pb2 as scheduling_facts
from servicekit import migrate
from servicekit.testing.stack import FreshDatabase
from tools import cli
from tools.operations.legacy import sales, source
from tools.operations.legacy.command import SERVICES
from tools.stack import Database, Endpoints

Import = Callable[..., Result]
THEN = datetime(2025, 3, 1, 9, tzinfo=UTC)
MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
# In this order, so that of two with the same address it is the first that is taken over.
DAR, CAFE, STRANGE = sorted(uuid4() for _ in range(3))
AMINA, SAID, ROOT, LOST = uuid4(), uuid4(), uuid4(), uuid4()
SUPPLIER, FLOUR, OIL = uuid4(), uuid4(), uuid4()
DELIVERED, EXPECTED, OF_UNKNOWN = (uuid4() for _ in range(3))
MAINS, TAGINE, TABLE, CLEANING = uuid4(), uuid4(), uuid4(), uuid4()
SOLD, REFUNDED, CANCELLED, HELD, UNKNOWN_DISH = (uuid4() for _ in range(5))
WEEK, TIMELESS = uuid4(), uuid4()
NIGHT, TWICE = sorted(uuid4() for _ in range(2))
IN, PAUSE, RESUME, OUT, LEFT_OPEN, NO_PUNCH, OF_NOBODY = (uuid4() for _ in range(7))
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
CREATE TABLE inventory_purchaseorder (id uuid PRIMARY KEY, restaurant_id uuid, supplier_id uuid, order_date date,
    expected_delivery_date date, delivery_date date, total_amount numeric(10, 2), status text, created_by_id uuid,
    created_at timestamptz, updated_at timestamptz);
CREATE TABLE inventory_purchaseorderitem (id uuid PRIMARY KEY, purchase_order_id uuid, inventory_item_id uuid,
    quantity numeric(10, 2), unit_price numeric(10, 2), total_price numeric(10, 2));
CREATE TABLE menu_menucategory (id uuid PRIMARY KEY, restaurant_id uuid, name text, description text, is_active bool,
    display_order int);
CREATE TABLE menu_menuitem (id uuid PRIMARY KEY, restaurant_id uuid, category_id uuid, name text, description text,
    price numeric(10, 2), is_active bool, external_metadata jsonb);
CREATE TABLE pos_tables (id uuid PRIMARY KEY, restaurant_id uuid, table_number int, capacity int, status text,
    section text, is_active bool);
CREATE TABLE scheduling_taskcategory (id uuid PRIMARY KEY, restaurant_id uuid, name text, description text, color text);
CREATE TABLE pos_discounts (id uuid PRIMARY KEY, restaurant_id uuid, discount_code text, description text,
    discount_type text, discount_value numeric(10, 2), is_active bool, min_order_amount numeric(10, 2),
    max_discount_amount numeric(10, 2), max_usage int, usage_count int, valid_from timestamptz,
    valid_until timestamptz);
CREATE TABLE pos_orders (id uuid PRIMARY KEY, restaurant_id uuid, table_id uuid, server_id uuid, order_number text,
    order_type text, status text, subtotal numeric(10, 2) DEFAULT 0, tax_amount numeric(10, 2) DEFAULT 0,
    discount_amount numeric(10, 2) DEFAULT 0, discount_reason text, total_amount numeric(10, 2) DEFAULT 0,
    customer_name text, customer_phone text, customer_email text, delivery_address text, delivery_instructions text,
    order_time timestamptz, ready_time timestamptz, completion_time timestamptz, guest_count int DEFAULT 1, notes text,
    is_priority bool DEFAULT false, refund_status text, refund_reason text, refund_amount numeric(10, 2) DEFAULT 0,
    refund_date timestamptz, source_order_id uuid, created_at timestamptz, updated_at timestamptz);
CREATE TABLE pos_order_line_items (id uuid PRIMARY KEY, order_id uuid, menu_item_id uuid, quantity int,
    unit_price numeric(10, 2), total_price numeric(10, 2), special_instructions text, status text,
    created_at timestamptz, updated_at timestamptz);
CREATE TABLE pos_order_modifiers (id uuid PRIMARY KEY, line_item_id uuid, modifier_name text,
    modifier_price numeric(10, 2), created_at timestamptz);
CREATE TABLE pos_payments (id uuid PRIMARY KEY, order_id uuid, restaurant_id uuid, payment_method text,
    amount numeric(10, 2), status text, transaction_id text, amount_paid numeric(10, 2) DEFAULT 0,
    change_given numeric(10, 2) DEFAULT 0, tip_amount numeric(10, 2) DEFAULT 0, refund_amount numeric(10, 2) DEFAULT 0,
    refund_reason text, processed_by_id uuid, payment_time timestamptz, notes text, created_at timestamptz,
    updated_at timestamptz);
CREATE TABLE scheduling_weeklyschedule (id uuid PRIMARY KEY, restaurant_id uuid, week_start date, week_end date,
    is_published bool, created_at timestamptz);
CREATE TABLE scheduling_assignedshift (id uuid PRIMARY KEY, schedule_id uuid, staff_id uuid, shift_date date,
    start_time timestamptz, end_time timestamptz, break_duration interval, role text, status text, notes text,
    is_confirmed bool, color text, required_skills jsonb, created_by_id uuid);
CREATE TABLE scheduling_assignedshift_staff_members (id serial PRIMARY KEY, assignedshift_id uuid, user_id uuid);
CREATE TABLE timeclock_clockevent (id uuid PRIMARY KEY, staff_id uuid, event_type text, "timestamp" timestamptz,
    photo text, latitude float, longitude float, device_id text, notes text, location_encrypted text);
CREATE TABLE menu_recipe (id uuid PRIMARY KEY);
"""

if not any(command.name == "import-legacy" for command in cli.app.registered_commands):
    cli.mount()


def fill(connection: psycopg.Connection, table: str, **values: Any) -> None:
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - a test's own words
    connection.execute(statement.encode(), [Jsonb(v) if isinstance(v, dict | list) else v for v in values.values()])


def fill_sales(connection: psycopg.Connection) -> None:
    """Orders: one paid in cash, one that was refunded, one cancelled, one open, and one of a dish that is not there."""
    fill(connection, "pos_discounts", id=uuid4(), restaurant_id=DAR, discount_code="RAMADAN", usage_count=3,
         discount_type="PERCENTAGE", discount_value="10.00", is_active=True, valid_from=THEN)  # fmt: skip
    dish = {"menu_item_id": TAGINE, "quantity": 2, "unit_price": "60.00", "total_price": "120.00", "status": "PENDING"}
    bills: list[tuple[UUID, str, UUID]] = [
        (SOLD, "COMPLETED", TAGINE),
        (REFUNDED, "COMPLETED", TAGINE),
        (CANCELLED, "CANCELLED", TAGINE),
        (HELD, "SERVED", TAGINE),
        (UNKNOWN_DISH, "COMPLETED", uuid4()),
    ]
    for order, status, item in bills:
        fill(connection, "pos_orders", id=order, restaurant_id=DAR, table_id=TABLE, server_id=AMINA,
             order_type="DINE_IN", order_number=f"ORD-{order.hex[:8]}", status=status, subtotal="120.00",
             tax_amount="12.00", discount_amount="10.00", total_amount="122.00", order_time=THEN,
             completion_time=THEN, created_at=THEN, updated_at=THEN)  # fmt: skip
        line = uuid4()
        fill(connection, "pos_order_line_items", id=line, order_id=order, **dish | {"menu_item_id": item})
        fill(
            connection, "pos_order_modifiers", id=uuid4(), line_item_id=line, modifier_name="Bread", modifier_price="0"
        )
    paid = {"restaurant_id": DAR, "payment_method": "CASH", "payment_time": THEN, "processed_by_id": AMINA}
    fill(connection, "pos_payments", id=uuid4(), order_id=SOLD, amount="150.00", amount_paid="150.00",
         tip_amount="5.00", change_given="28.00", status="COMPLETED", transaction_id="t-1", **paid)  # fmt: skip
    fill(connection, "pos_payments", id=uuid4(), order_id=REFUNDED, amount="122.00", amount_paid="122.00",
         refund_amount="61.00", refund_reason="Cold", status="PARTIALLY_REFUNDED", **paid)  # fmt: skip
    fill(connection, "pos_payments", id=uuid4(), order_id=CANCELLED, amount="122.00", status="FAILED", **paid)


def fill_purchases(connection: psycopg.Connection) -> None:
    """An order that came, one that is expected, and one of an item that is not there."""
    bought = [(DELIVERED, "RECEIVED", FLOUR), (EXPECTED, "ORDERED", FLOUR), (OF_UNKNOWN, "PENDING", uuid4())]
    for order, status, item in bought:
        fill(connection, "inventory_purchaseorder", id=order, restaurant_id=DAR, supplier_id=SUPPLIER, status=status,
             order_date=THEN.date(), total_amount="80.00", created_by_id=AMINA, created_at=THEN)  # fmt: skip
        fill(connection, "inventory_purchaseorderitem", id=uuid4(), purchase_order_id=order, inventory_item_id=item,
             quantity="10", unit_price="8.00", total_price="80.00")  # fmt: skip


def fill_work(connection: psycopg.Connection) -> None:
    """A published week of the past, with a night shift, an overlapping one and one without times, and who punched."""
    fill(
        connection, "scheduling_weeklyschedule", id=WEEK, restaurant_id=DAR, week_start=MONDAY.date(), is_published=True
    )
    shift = {"schedule_id": WEEK, "shift_date": MONDAY.date(), "role": "WAITER", "status": "COMPLETED"}
    night = {"start_time": MONDAY.replace(hour=20), "end_time": MONDAY.replace(hour=2)}
    fill(connection, "scheduling_assignedshift", id=NIGHT, **shift, **night, staff_id=AMINA, notes="Late",
         break_duration=timedelta(minutes=45), required_skills=["grill"], created_by_id=AMINA)  # fmt: skip
    fill(connection, "scheduling_assignedshift_staff_members", assignedshift_id=NIGHT, user_id=AMINA)
    fill(connection, "scheduling_assignedshift", id=TWICE, **shift, **night)
    fill(connection, "scheduling_assignedshift_staff_members", assignedshift_id=TWICE, user_id=AMINA)
    fill(connection, "scheduling_assignedshift", id=TIMELESS, **shift)
    punches = [
        (IN, "in", 20, 0),
        (PAUSE, "break_start", 21, 0),
        (RESUME, "break_end", 21, 30),
        (OUT, "out", 23, 0),
        (NO_PUNCH, "lunch", 23, 5),
        (LEFT_OPEN, "in", 23, 30),
    ]
    for punch, kind, hour, minute in punches:
        fill(connection, "timeclock_clockevent", id=punch, staff_id=AMINA, event_type=kind, device_id="door",
             timestamp=MONDAY.replace(hour=hour, minute=minute), latitude=33.5, longitude=-7.6, notes="")  # fmt: skip
    fill(connection, "timeclock_clockevent", id=OF_NOBODY, staff_id=uuid4(), event_type="in", timestamp=MONDAY)


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
        fill_purchases(connection)
        fill(connection, "menu_menucategory", id=MAINS, restaurant_id=DAR, name="Mains", display_order=1)
        fill(connection, "menu_menuitem", id=TAGINE, restaurant_id=DAR, category_id=MAINS, name="Tagine", price="60.00",
             is_active=True, external_metadata={})  # fmt: skip
        fill(connection, "pos_tables", id=TABLE, restaurant_id=DAR, table_number=7, capacity=4, status="OCCUPIED",
             is_active=True)  # fmt: skip
        fill(connection, "scheduling_taskcategory", id=CLEANING, restaurant_id=DAR, name="Cleaning", color="#00FF00")
        fill_sales(connection)
        fill_work(connection)
    yield made.owner_dsn
    stack.databases.drop(made)


@pytest.fixture(scope="module")
def databases(fresh_database: FreshDatabase) -> dict[str, Database]:
    return {name: fresh_database(name, migrate.upgrade) for name in SERVICES}


@pytest.fixture
def take_over(legacy: str, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch) -> Import:
    monkeypatch.setenv("LEGACY_DATABASE_URL", legacy)
    # So that a table takes several batches, as large ones do.
    monkeypatch.setattr(source, "BATCH", 2)
    for name, database in databases.items():
        monkeypatch.setenv(f"{name.upper()}_DATABASE_URL", database.app_dsn)

    def run(status: int, *options: str) -> Result:
        result: Any = CliRunner().invoke(cli.app, ["import-legacy", *options])
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


async def fall_over(*_: Any) -> None:
    """As the connection or the machine does in the middle of a table."""
    raise ConnectionError("gone")


def test_everything_is_taken_over_once(
    take_over: Import, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, inventory, pos = databases["identity"], databases["inventory"], databases["pos"]
    said = take_over(1).output
    assert "restaurants: 2 taken over, 0 known before, 0 waiting, 1 refused" in said
    assert "users: 3 taken over, 0 known before, 0 waiting, 1 refused" in said
    assert f"{LOST}: restaurant: " in said
    # Nothing is put under a restaurant that the service has not heard of.
    assert "inventory_supplier: 0 taken over, 0 known before, 1 waiting, 0 refused" in said
    assert rows(inventory, "SELECT count(*) FROM suppliers") == [(0,)]
    assert "menu_recipe: not taken over" in said

    for name in ("inventory", "pos", "scheduling"):
        arrive(databases[name], DAR)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(sales, "terms_of", fall_over)
        said = take_over(1).output
    assert "users: 0 taken over, 3 known before, 0 waiting, 1 refused" in said
    assert "inventory_inventoryitem: 2 taken over, 0 known before, 0 waiting, 0 refused" in said
    assert "pos_orders" not in said
    assert rows(pos, "SELECT count(*) FROM orders") == [(0,)]
    # What had been taken until then is there, and the next run goes on behind it.
    again = take_over(1).output
    assert "inventory_inventoryitem: 0 taken over, 2 known before, 0 waiting, 0 refused" in again
    assert "pos_orders: 3 taken over, 0 known before, 0 waiting, 2 refused" in again
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
    # What an order brought before is part of what there is, and not received once more.
    assert "inventory_purchaseorder: 0 taken over, 2 known before, 1 waiting, 0 refused" in again
    assert rows(inventory, "SELECT kind, quantity FROM stock_entries") == [("OPENING", 12.5)]
    ordered = (
        "SELECT o.id, status, order_date, created_by, item_id, quantity, unit, unit_price, received_quantity"
        " FROM purchase_orders o JOIN purchase_order_lines l ON purchase_order_id = o.id ORDER BY status"
    )
    of_flour = (THEN.date(), AMINA, FLOUR, 10, "KG", 8)
    assert rows(inventory, ordered) == [
        (EXPECTED, "ORDERED", *of_flour, 0),
        (DELIVERED, "RECEIVED", *of_flour, 10),
    ]
    assert rows(pos, "SELECT id, category_id, price FROM menu_items") == [(TAGINE, MAINS, 60)]
    assert rows(pos, "SELECT id, status FROM dining_tables") == [(TABLE, "AVAILABLE")]
    assert rows(databases["scheduling"], "SELECT id, name, color FROM task_categories") == [
        (CLEANING, "Cleaning", "#00FF00")
    ]


def employ(database: Database, restaurant: UUID, person: UUID) -> None:
    """What the event about somebody does in another service."""
    with psycopg.connect(database.app_dsn, connect_timeout=10, options="-c mizan.scope=system") as connection:
        fill(connection, "staff_ref", restaurant_id=restaurant, user_id=person, first_name="A", last_name="B",
             version=1, email="amina@legacy.example", role="ADMIN", is_active=True, language="en")  # fmt: skip


def test_orders_of_the_past_keep_what_was_on_their_bills(
    take_over: Import, databases: dict[str, Database], tmp_path: Path
) -> None:
    pos, refused = databases["pos"], tmp_path / "refused.csv"
    said = take_over(1, "--refused", str(refused)).output
    # Those taken before are known; what is open, and what the menu does not have, is refused each time.
    assert "pos_orders: 0 taken over, 3 known before, 0 waiting, 2 refused" in said
    assert f"{HELD}: status: It is SERVED: only orders that are over are taken over." in said
    assert f"{UNKNOWN_DISH}: lines: The menu does not have " in said
    named = list(csv.DictReader(refused.read_text().splitlines()))
    assert {row["id"] for row in named if row["table"] == "pos_orders"} == {str(HELD), str(UNKNOWN_DISH)}
    assert "pos_order_line_items: not taken over" not in said
    assert "pos_payments: not taken over" not in said

    bills = {
        row[0]: row[1:]
        for row in rows(
            pos,
            "SELECT id, status, order_number, business_date, subtotal, discount_amount, tax_amount, total_amount, "
            "amount_paid, tip_amount, refund_amount, table_id, server_id, currency FROM orders",
        )
    }
    day, amounts = date(2025, 3, 1), (Decimal(120), Decimal(10), Decimal(12), Decimal(122))
    around = (TABLE, AMINA, "MAD")
    assert bills == {
        SOLD: ("COMPLETED", f"ORD-{SOLD.hex[:8]}", day, *amounts, 122, 5, 0, *around),
        REFUNDED: ("COMPLETED", f"ORD-{REFUNDED.hex[:8]}", day, *amounts, 122, 0, 61, *around),
        CANCELLED: ("CANCELLED", f"ORD-{CANCELLED.hex[:8]}", day, *amounts, 0, 0, 0, *around),
    }
    assert sorted(rows(pos, "SELECT sequence FROM orders")) == [(1,), (2,), (3,)]
    assert rows(pos, "SELECT taken FROM order_counters WHERE business_date = %s", day) == [(3,)]
    lines = (
        "SELECT name, quantity, unit_price, total_price, status, modifiers->0->>'name' FROM order_lines ORDER BY status"
    )
    served = ("Tagine", 2, Decimal(60), Decimal(120))
    assert rows(pos, lines) == [
        (*served, "CANCELLED", "Bread"),
        (*served, "SERVED", "Bread"),
        (*served, "SERVED", "Bread"),
    ]
    payments = "SELECT order_id, amount, amount_paid, change_given, refund_amount, status FROM payments"
    assert set(rows(pos, payments)) == {
        (SOLD, 122, 150, 28, 0, "COMPLETED"),
        (REFUNDED, 122, 122, 0, 61, "PARTIALLY_REFUNDED"),
    }
    assert rows(pos, "SELECT amount, tax_amount, reason FROM refunds") == [(61, 6, "Cold")]
    assert rows(pos, "SELECT discount_code, usage_count FROM discounts") == [("RAMADAN", 3)]
    # The day is summed up anew, and nobody is told of food that was eaten long ago.
    assert rows(pos, "SELECT business_date, summed < changes FROM sales_days") == [(day, True)]
    assert rows(pos, "SELECT count(*) FROM outbox WHERE type LIKE '%%.Order%%' OR type LIKE '%%.Payment%%'") == [(0,)]


def test_shifts_of_past_weeks_are_there_and_nobody_is_told(take_over: Import, databases: dict[str, Database]) -> None:
    scheduling = databases["scheduling"]
    said = take_over(1).output
    assert "scheduling_assignedshift: 0 taken over, 0 known before, 2 waiting, 1 refused" in said
    assert f"{TIMELESS}: start_time: It says no time." in said
    assert rows(scheduling, "SELECT count(*) FROM weekly_schedules") == [(0,)]

    employ(scheduling, DAR, AMINA)
    said = take_over(1).output
    assert "scheduling_assignedshift: 1 taken over, 0 known before, 0 waiting, 2 refused" in said
    assert "scheduling_assignedshift: 0 taken over, 1 known before, 0 waiting, 2 refused" in take_over(1).output

    weeks = "SELECT week_start, is_published FROM weekly_schedules"
    assert rows(scheduling, weeks) == [(MONDAY.date(), True)]
    (taken,) = rows(
        scheduling,
        "SELECT starts_at, ends_at, shift_date, break_minutes, role, status, notes, required_skills, created_by, "
        "clock_out_reminded_at IS NULL FROM shifts",
    )
    starts, ends = MONDAY.replace(hour=20), MONDAY + timedelta(days=1, hours=2)
    assert taken == (starts, ends, MONDAY.date(), 45, "WAITER", "COMPLETED", "Late", ["grill"], AMINA, False)
    assert len(rows(scheduling, "SELECT FROM shift_people WHERE user_id = %s", AMINA)) == 1
    assert told_drafts(scheduling) == [False]


def told_drafts(database: Database) -> list[bool]:
    """Whether the shifts that others heard of are of a published week."""
    facts = rows(
        database, "SELECT payload FROM outbox WHERE subject LIKE 'evt.scheduling.%%' AND type LIKE '%%.ShiftCreated'"
    )
    return [scheduling_facts.ShiftCreated.FromString(payload).shift.is_published for (payload,) in facts]


def test_punches_become_sessions(take_over: Import, databases: dict[str, Database]) -> None:
    timeclock = databases["timeclock"]
    said = take_over(1).output
    assert "timeclock_clockevent: 0 taken over, 0 known before, 6 waiting, 1 refused" in said
    assert f"{OF_NOBODY}: restaurant: It belongs to no restaurant." in said

    arrive(timeclock, DAR)
    said = take_over(1).output
    assert "timeclock_clockevent: 5 taken over, 0 known before, 0 waiting, 2 refused" in said
    assert f"{NO_PUNCH}: event_type: lunch is no punch." in said
    assert "timeclock_clockevent: 0 taken over, 5 known before, 0 waiting, 2 refused" in take_over(1).output

    sessions = "SELECT id, status, business_date, worked_seconds, break_seconds FROM work_sessions ORDER BY started_at"
    assert rows(timeclock, sessions) == [(IN, "CLOSED", MONDAY.date(), 9000, 1800)]
    # Who never clocked out is not at work still; the punch stays, for a manager to set right.
    void = "SELECT revision, voided, reason FROM punches WHERE punch_id = %s ORDER BY revision"
    assert rows(timeclock, void, LEFT_OPEN) == [(0, False, ""), (1, True, "Nobody clocked out")]
    told = "SELECT split_part(type, '.', 5), count(*) FROM outbox WHERE subject LIKE 'evt.timeclock.%%' GROUP BY 1"
    assert dict(rows(timeclock, told)) == {
        "PunchRecorded": 5,
        "PunchCorrected": 1,
        "SessionClosed": 1,
        "SessionOpened": 1,
        "SessionDiscarded": 1,
    }


def test_what_is_missing_is_named(take_over: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEGACY_DATABASE_URL")
    assert "LEGACY_DATABASE_URL is not set" in take_over(2).output
