"""Measures the sales report of a restaurant with 700,000 orders in a year, loaded by COPY, with sums of its days.

    python -m tests.bench.sales_report --orders 700000

It prints how long the report takes, by the clock and in processor time of PostgreSQL and of this process, which runs
the service's own queries; a machine that does other work leaves the clock worth little. Fewer than 100,000 orders are
also measured without sums.
"""

import argparse
import asyncio
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
from psycopg.conninfo import make_conninfo

from servicekit import migrate
from servicekit.clock import SystemClock
from servicekit.db import Database, Scope
from services.pos.queries import sales
from services.pos.summing import Summing
from tools.stack import Database as Made
from tools.stack import make_stack

ITEMS = 60
PEOPLE = 8
DAYS = 365
LAST = date(2025, 12, 31)
REPEATS = 7
LIVE_AT_MOST = 100_000
ZONE = ZoneInfo("Africa/Casablanca")
_ORDERS = """COPY orders (id, restaurant_id, business_date, sequence, order_number, order_type, status, server_id,
    currency, subtotal, tax_amount, total_amount, amount_paid, tip_amount, order_time, completion_time) FROM STDIN"""
_LINES = """COPY order_lines (id, restaurant_id, order_id, position, menu_item_id, name, quantity, base_price,
    unit_price, total_price, status) FROM STDIN"""
_PAYMENTS = """COPY payments (id, restaurant_id, order_id, payment_method, status, currency, amount, amount_paid,
    tip_amount, payment_time) FROM STDIN"""


def load(dsn: str, restaurant: UUID, orders: int) -> None:
    """A year of orders of two lines and a payment each, as an import writes them."""
    draw = random.Random(1)
    items = [(uuid4(), f"Dish {n}", Decimal(20 + n)) for n in range(ITEMS)]
    people = [uuid4() for _ in range(PEOPLE)]
    first = LAST - timedelta(days=DAYS - 1)
    made = [(uuid4(), first + timedelta(days=n * DAYS // orders), n) for n in range(orders)]
    chosen = [(draw.choice(items), draw.choice(items)) for _ in made]
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT set_config('mizan.scope', 'system', true)")
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO menu_items (id, restaurant_id, name, price) VALUES (%s, %s, %s, %s)",
                [(item, restaurant, name, price) for item, name, price in items],
            )
            with cursor.copy(_ORDERS) as copy:
                for (order, day, n), (one, two) in zip(made, chosen, strict=True):
                    at = datetime(day.year, day.month, day.day, 11 + n % 11, tzinfo=UTC)
                    total = one[2] + two[2]
                    head = (order, restaurant, day, n, f"ORD-{n}", "DINE_IN", "COMPLETED", people[n % PEOPLE], "MAD")
                    copy.write_row((*head, total, 0, total, total, 2, at, at))
            with cursor.copy(_LINES) as copy:
                for (order, _, _), pair in zip(made, chosen, strict=True):
                    for position, (item, name, price) in enumerate(pair, 1):
                        line = (uuid4(), restaurant, order, position, item, name, 1, price, price, price, "SERVED")
                        copy.write_row(line)
            with cursor.copy(_PAYMENTS) as copy:
                for (order, day, n), (one, two) in zip(made, chosen, strict=True):
                    method, total = ("CARD", "CASH")[n % 2], one[2] + two[2]
                    row = (uuid4(), restaurant, order, method, "COMPLETED", "MAD", total, total, 2, day)
                    copy.write_row(row)
        connection.execute(
            "INSERT INTO sales_days (restaurant_id, business_date)"
            " SELECT DISTINCT restaurant_id, business_date FROM orders"
        )
        connection.execute("ANALYZE")


def say(line: str) -> None:
    """Shows a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def measure(database: Database, restaurant: UUID, postgres_cpu: Callable[[], float]) -> str:
    """The figures of a year's report, in milliseconds."""
    reader = database.read(Scope(restaurant))
    first = LAST - timedelta(days=DAYS - 1)
    await sales.sales(reader, restaurant, first, LAST, ZONE)
    clocks = []
    before, own = postgres_cpu(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
    for _ in range(REPEATS):
        began = time.perf_counter()
        report = await sales.sales(reader, restaurant, first, LAST, ZONE)
        clocks.append((time.perf_counter() - began) * 1000)
    after, then = postgres_cpu(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
    assert len(report.by["day"]) == DAYS
    assert sum(row.count for row in report.by["hour"]) == report.totals.orders
    assert sum(row.amount for row in report.by["payment"]) == report.totals.total
    return (
        f"{report.totals.orders} orders: {statistics.median(clocks):.0f} ms by the clock (median of {REPEATS}), CPU"
        f" {(after - before) * 1000 / REPEATS:.0f} ms in PostgreSQL, {(then - own) * 1000 / REPEATS:.0f} ms here"
    )


async def run(made: Made, restaurant: UUID, *, also_without: bool) -> None:
    """Sums up and measures, before too where that takes no age."""
    database = Database(made.app_dsn, application="bench", pool_size=2)
    await database.start()
    try:
        cpu = _cpu_of_backends(made.owner_dsn)
        if also_without:
            say(f"without sums: {await measure(database, restaurant, cpu)}")
        began = time.perf_counter()
        days = await Summing(database, SystemClock()).sum_stale()
        say(f"summed {days} days in {time.perf_counter() - began:.0f} s")
        say(f"with sums: {await measure(database, restaurant, cpu)}")
    finally:
        await database.stop()


def _cpu_of_backends(dsn: str) -> Callable[[], float]:
    """A function that says how many seconds of processor the backends of the bench have used."""

    def used() -> float:
        with psycopg.connect(dsn) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'bench'").fetchall()
        ticks = 0
        for (pid,) in found:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / 100

    return used


def main() -> None:
    """Reads the command line, loads and measures."""
    parser = argparse.ArgumentParser(description="Measures the sales report of a year.")
    parser.add_argument("--orders", type=int, default=700_000)
    orders = parser.parse_args().orders
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL's data may belong to another user than the folder.
        Path(folder).chmod(0o711)
        with make_stack(Path(folder) / "stack", durable=False) as stack:
            made, restaurant = stack.create_database("pos"), uuid4()
            migrate.upgrade(made.owner_dsn, "pos")
            began = time.perf_counter()
            # Nobody else may COPY into tables under row-level security.
            load(make_conninfo(stack.admin_dsn, dbname=made.name), restaurant, orders)
            say(f"loaded {orders} orders in {time.perf_counter() - began:.0f} s")
            asyncio.run(run(made, restaurant, also_without=orders <= LIVE_AT_MOST))


if __name__ == "__main__":
    main()
