"""What the earlier backend left, as far as tests of taking it over need it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

THEN = datetime(2025, 3, 1, 9, tzinfo=UTC)
MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
# In this order, so that of two with the same address it is the first that is taken over.
DAR, CAFE, STRANGE = sorted(uuid4() for _ in range(3))
AMINA, SAID, ROOT, LOST = uuid4(), uuid4(), uuid4(), uuid4()
SUPPLIER, FLOUR, OIL = uuid4(), uuid4(), uuid4()
DELIVERED, EXPECTED, OF_UNKNOWN = (uuid4() for _ in range(3))
BOUGHT, SPOILT, MOVED, NOTHING, OF_NO_ITEM = (uuid4() for _ in range(5))
MAINS, TAGINE, TABLE, CLEANING = uuid4(), uuid4(), uuid4(), uuid4()
SOLD, REFUNDED, CANCELLED, HELD, UNKNOWN_DISH = (uuid4() for _ in range(5))
WEEK, TIMELESS = uuid4(), uuid4()
NIGHT, TWICE = sorted(uuid4() for _ in range(2))
IN, PAUSE, RESUME, OUT, LEFT_OPEN, NO_PUNCH, OF_NOBODY = (uuid4() for _ in range(7))
PRAISE, OF_NO_SESSION = uuid4(), uuid4()
# Two periods that overlap, of which the first is taken over.
PAID, OVERLAPPING = sorted(uuid4() for _ in range(2))
ENDLESS = uuid4()

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
CREATE TABLE inventory_stockadjustment (id uuid PRIMARY KEY, restaurant_id uuid, inventory_item_id uuid,
    adjustment_type text, quantity_changed numeric(10, 2), reason text, adjusted_by_id uuid, created_at timestamptz);
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
CREATE TABLE attendance_shift_reviews (id uuid PRIMARY KEY, session_id uuid, staff_id uuid, rating int, tags jsonb,
    comments text, completed_at timestamptz, hours_decimal numeric(6, 2), restaurant_id uuid, created_at timestamptz,
    updated_at timestamptz);
CREATE TABLE attendance_review_likes (id uuid PRIMARY KEY, review_id uuid, user_id uuid, created_at timestamptz);
CREATE TABLE timesheets (id uuid PRIMARY KEY, staff_id uuid, restaurant_id uuid, start_date date, end_date date,
    total_hours numeric(6, 2), total_earnings numeric(10, 2), hourly_rate numeric(6, 2) DEFAULT 0, status text,
    notes text, submitted_at timestamptz, approved_at timestamptz, approved_by_id uuid, paid_at timestamptz,
    created_at timestamptz, updated_at timestamptz);
CREATE TABLE timesheet_entries (id uuid PRIMARY KEY, timesheet_id uuid, shift_id uuid, hours_worked numeric(6, 2),
    notes text, created_at timestamptz);
CREATE TABLE menu_recipe (id uuid PRIMARY KEY);
"""


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


def fill_adjustments(connection: psycopg.Connection) -> None:
    """Adjustments of an item, one of nothing, and one of an item that is not there."""
    made = [
        (BOUGHT, "ADD", "5.00", FLOUR),
        (SPOILT, "WASTE", "2.00", FLOUR),
        (MOVED, "TRANSFER", "1.00", FLOUR),
        (NOTHING, "REMOVE", "0.00", FLOUR),
        (OF_NO_ITEM, "ADD", "5.00", uuid4()),
    ]
    for adjustment, kind, quantity, item in made:
        fill(connection, "inventory_stockadjustment", id=adjustment, restaurant_id=DAR, adjustment_type=kind,
             quantity_changed=quantity, inventory_item_id=item, reason="Late", adjusted_by_id=AMINA,
             created_at=THEN)  # fmt: skip


def fill_words(connection: psycopg.Connection) -> None:
    """What Amina was paid, twice for some days, and what she said of her evening and of none."""
    sheet = {"staff_id": AMINA, "restaurant_id": DAR, "hourly_rate": "20.00", "total_hours": "7.50"}
    spans = [(PAID, "PAID", 6), (OVERLAPPING, "DRAFT", 6), (ENDLESS, "DRAFT", 0)]
    for timesheet, status, days in spans:
        fill(connection, "timesheets", id=timesheet, status=status, start_date=MONDAY.date(), total_earnings="150.00",
             end_date=MONDAY.date() + timedelta(days=days), paid_at=THEN, notes="March", **sheet)  # fmt: skip
    fill(connection, "timesheet_entries", id=uuid4(), timesheet_id=PAID, shift_id=NIGHT, hours_worked="7.50")
    for review, said_of in ((PRAISE, IN), (OF_NO_SESSION, OUT)):
        fill(connection, "attendance_shift_reviews", id=review, session_id=said_of, staff_id=AMINA, rating=4,
             tags=["busy"], comments="Fine", completed_at=THEN, hours_decimal="2.50", updated_at=THEN)  # fmt: skip
    for liker in (AMINA, SAID):
        fill(connection, "attendance_review_likes", id=uuid4(), review_id=PRAISE, user_id=liker, created_at=THEN)


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


def fill_everything(connection: psycopg.Connection) -> None:
    """Two restaurants, their people, stock and menu, what happened there, and what breaks rules."""
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
    fill_adjustments(connection)
    fill_purchases(connection)
    fill(connection, "menu_menucategory", id=MAINS, restaurant_id=DAR, name="Mains", display_order=1)
    fill(connection, "menu_menuitem", id=TAGINE, restaurant_id=DAR, category_id=MAINS, name="Tagine", price="60.00",
         is_active=True, external_metadata={})  # fmt: skip
    fill(connection, "pos_tables", id=TABLE, restaurant_id=DAR, table_number=7, capacity=4, status="OCCUPIED",
         is_active=True)  # fmt: skip
    fill(connection, "scheduling_taskcategory", id=CLEANING, restaurant_id=DAR, name="Cleaning", color="#00FF00")
    fill_sales(connection)
    fill_work(connection)
    fill_words(connection)
