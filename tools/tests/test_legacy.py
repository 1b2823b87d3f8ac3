"""The tables of an earlier backend are taken over: once, by the rules, and as far as their restaurants have arrived."""

import asyncio
import csv
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from click.testing import Result
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from mizan.scheduling.events.v1 import events_pb2 as scheduling_facts
from servicekit import db, migrate
from servicekit.testing.stack import FreshDatabase
from services.inventory.queries import integrity
from services.timeclock.commands import timesheets
from tools import cli
from tools.operations.legacy import sales, source
from tools.operations.legacy.command import SERVICES
from tools.stack import Database, Endpoints
from tools.tests.legacy_source import (
    AMINA,
    BOUGHT,
    CAFE,
    CANCELLED,
    CLEANING,
    DAR,
    DELIVERED,
    ENDLESS,
    EXPECTED,
    FLOUR,
    HELD,
    IN,
    LEFT_OPEN,
    LOST,
    MAINS,
    MONDAY,
    MOVED,
    NIGHT,
    NO_PUNCH,
    NOTHING,
    OF_NO_SESSION,
    OF_NOBODY,
    OUT,
    OVERLAPPING,
    PAID,
    PRAISE,
    REFUNDED,
    SAID,
    SOLD,
    SPOILT,
    TABLE,
    TAGINE,
    THEN,
    TIMELESS,
    UNKNOWN_DISH,
    fill,
    fill_everything,
)

Import = Callable[..., Result]
if not any(command.name == "import-legacy" for command in cli.app.registered_commands):
    cli.mount()


@pytest.fixture(scope="module")
def legacy(stack: Endpoints) -> Iterator[str]:
    made = stack.databases.create(f"legacy_{uuid4().hex[:8]}", "identity")
    with psycopg.connect(made.owner_dsn, connect_timeout=10) as connection:
        fill_everything(connection)
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
    assert rows(inventory, "SELECT kind, quantity FROM stock_entries WHERE source_type = 'item'") == [("OPENING", 12.5)]
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


async def test_adjustments_of_the_past_are_not_made_again(take_over: Import, databases: dict[str, Database]) -> None:
    inventory = databases["inventory"]
    # It runs an event loop of its own.
    said = (await asyncio.to_thread(take_over, 1)).output
    assert "inventory_stockadjustment: 0 taken over, 3 known before, 1 waiting, 1 refused" in said
    assert f"{NOTHING}: quantity_changed: Must be more than 0." in said

    entered = (
        "SELECT a.id, adjustment_type, quantity_changed, a.value, a.reason, adjusted_by, a.occurred_at, e.kind, "
        "e.quantity FROM stock_adjustments a LEFT JOIN stock_entries e ON e.id = entry_id ORDER BY adjustment_type"
    )
    of_then = ("Late", AMINA, THEN)
    assert rows(inventory, entered) == [
        (BOUGHT, "ADD", 5, 40, *of_then, "ADD", 5),
        (MOVED, "TRANSFER", 1, 0, *of_then, None, None),
        (SPOILT, "WASTE", 2, -16, *of_then, "WASTE", -2),
    ]
    # Each is shown where it belongs, and taken out of the opening, so that what there is stays what was counted.
    counted = "SELECT kind, sum(quantity), sum(value) FROM stock_entries GROUP BY kind ORDER BY kind"
    assert rows(inventory, counted) == [("ADD", 5, 40), ("OPENING", 9.5, 76), ("WASTE", -2, -16)]
    balances = "SELECT quantity, value, unit_cost FROM stock_balances WHERE item_id = %s"
    assert rows(inventory, balances, FLOUR) == [(12.5, 100, 8)]
    told = "SELECT count(*) FROM outbox WHERE subject = 'evt.inventory.stock.moved.v1'"
    assert rows(inventory, told) == [(1,)]
    async with write_to(inventory) as session:
        assert await integrity.wrong_items(db.SessionReader(session), DAR) == ([], [])


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


def test_what_was_paid_and_said_stays_as_it_was(take_over: Import, databases: dict[str, Database]) -> None:
    timeclock = databases["timeclock"]
    said = take_over(1).output
    assert "timesheets: 0 taken over, 0 known before, 3 waiting, 0 refused" in said
    assert "attendance_shift_reviews: 0 taken over, 0 known before, 1 waiting, 1 refused" in said
    assert f"{OF_NO_SESSION}: session_id: This person has no session {OUT}." in said

    employ(timeclock, DAR, AMINA)
    employ(timeclock, CAFE, SAID)
    said = take_over(1).output
    assert "timesheets: 1 taken over, 0 known before, 0 waiting, 2 refused" in said
    assert f"{OVERLAPPING}: start_date: There is a timesheet from 2025-03-03 to 2025-03-09" in said
    assert f"{ENDLESS}: end_date: Must be after the start date." in said
    assert "attendance_shift_reviews: 1 taken over, 0 known before, 0 waiting, 1 refused" in said
    again = take_over(1).output
    assert "timesheets: 0 taken over, 1 known before, 0 waiting, 2 refused" in again
    assert "attendance_shift_reviews: 0 taken over, 1 known before, 0 waiting, 1 refused" in again

    sums = "SELECT id, status, total_seconds, total_earnings, hourly_rate, notes, paid_at FROM timesheets"
    assert rows(timeclock, sums) == [(PAID, "PAID", 27000, 150, 20, "March", THEN)]
    lines = "SELECT timesheet_id, kind, seconds, amount FROM timesheet_lines"
    assert rows(timeclock, lines) == [(PAID, "MANUAL", 27000, 150)]
    assert rows(timeclock, "SELECT shift_id, hours_worked, is_manual FROM timesheet_entries") == [(NIGHT, 7.5, True)]
    reviews = "SELECT id, restaurant_id, session_id, rating, tags, comments, hours FROM shift_reviews"
    assert rows(timeclock, reviews) == [(PRAISE, DAR, IN, 4, ["busy"], "Fine", 2.5)]
    # Somebody of another restaurant liked it too, which is not possible here.
    assert rows(timeclock, "SELECT review_id, user_id FROM shift_review_likes") == [(PRAISE, AMINA)]
    told = "SELECT count(*) FROM outbox WHERE type LIKE '%%.Timesheet%%' OR type LIKE '%%.ShiftReview%%'"
    assert rows(timeclock, told) == [(0,)]


async def test_what_was_paid_by_other_rules_is_not_settled_by_ours(databases: dict[str, Database]) -> None:
    timeclock = databases["timeclock"]
    worked = "SELECT sum(worked_seconds) FROM work_sessions WHERE staff_id = %s"
    assert rows(timeclock, worked, AMINA) == [(9000,)]
    following = MONDAY.date() + timedelta(days=7)
    async with write_to(timeclock) as session:
        made = await timesheets.create(session, DAR, AMINA, following, following + timedelta(days=6))
        assert (made.total_seconds, made.adjustment_seconds, made.total_earnings) == (0, 0, Decimal(0))


@asynccontextmanager
async def write_to(made: Database) -> AsyncIterator[AsyncSession]:
    database = db.Database(made.app_dsn, application="test-legacy", pool_size=1)
    await database.start()
    try:
        async with database.write(db.SYSTEM) as session:
            yield session
    finally:
        await database.stop()


def test_what_is_missing_is_named(take_over: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEGACY_DATABASE_URL")
    assert "LEGACY_DATABASE_URL is not set" in take_over(2).output
