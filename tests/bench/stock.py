"""Measures a large stock: a year of movements, its list, its reports, and the ledger added up entry by entry.

`python -m tests.bench.stock --items 5000 --movements 1000000` starts servers of its own. Times are those of the
service: database, rows and messages, without the gateway.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import sqlalchemy as sa

from mizan.inventory.v1 import item_pb2
from servicekit import migrate
from servicekit.db import Database, Query, Scope
from servicekit.zones import beginning_of
from services.inventory.queries import items, reports
from services.inventory.queries.integrity import ADDED_UP
from services.inventory.service.convert import item_message, supplier_info
from tools.stack import make_stack

ZONE = ZoneInfo("Africa/Casablanca")
REPEATS = 5
DAYS = 365
CONTROL = "every entry added up (control)"
_FILL = (
    "SELECT set_config('mizan.scope', 'system', true)",
    "INSERT INTO suppliers (id, restaurant_id, name) VALUES (%(restaurant)s, %(restaurant)s, 'Moulin')",
    "INSERT INTO items (id, restaurant_id, name, unit, reorder_level, supplier_id)"
    " SELECT gen_random_uuid(), %(restaurant)s, 'Item ' || n, 'kg', 5, %(restaurant)s"
    " FROM generate_series(1, %(items)s) AS n",
    "INSERT INTO stock_balances (item_id, restaurant_id, quantity, value, unit_cost, entries, state)"
    " SELECT id, restaurant_id, %(each)s, %(each)s, 1, %(each)s, 'OK' FROM items",
    "INSERT INTO stock_entries (id, restaurant_id, item_id, number, kind, quantity, unit_cost, value, balance_quantity,"
    " balance_value, source_type, source_id, occurred_at)"
    " SELECT gen_random_uuid(), restaurant_id, id, n, CASE n %% 4 WHEN 0 THEN 'ADD' ELSE 'SALE' END, 1, 1, 1, n, n,"
    " 'order', gen_random_uuid(), now() - (%(each)s - n + random()) * interval '1 day' * %(days)s / %(each)s"
    " FROM generate_series(1, %(each)s) AS n, items",
)
_EVERY_ENTRY = Query(
    sa.text("SELECT item_id, kind, sum(quantity) FROM stock_entries WHERE restaurant_id = :restaurant_id GROUP BY 1, 2")
)


def fill(owner_url: str, restaurant_id: UUID, *, count: int, movements: int) -> None:
    """Makes a restaurant with so many items, and so many movements over a year."""
    about = {"restaurant": restaurant_id, "items": count, "each": movements // count, "days": DAYS}
    with psycopg.connect(owner_url) as connection:
        for statement in _FILL:
            connection.execute(statement, about)
        added_up = Query(ADDED_UP)
        connection.execute(
            "INSERT INTO stock_sums (restaurant_id, grain, starts_on, item_id, cause, quantity, value) "
            + added_up.text,
            added_up.parameters({"mine": restaurant_id}),
        )
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


async def measure(app_url: str, restaurant_id: UUID) -> dict[str, tuple[float, int]]:
    """The best of several times in milliseconds, and the number of rows, of each question."""
    database = Database(app_url, application="bench-stock")
    await database.start()
    today = datetime.now(UTC).date()

    async def listed() -> list[item_pb2.Item]:
        reader = database.read(Scope(restaurant_id))
        _, rows, suppliers = await items.page_of_items(
            reader, restaurant_id, items.EVERYTHING, search=None, category=None, state=None
        )
        known = {row.supplier_id: supplier_info(row) for row in suppliers}
        return [item_message(row, known.get(row.item_supplier_id)) for row in rows]

    def used(last: date) -> Awaitable[list[Any]]:
        start = beginning_of(last - timedelta(days=6), ZONE)
        end = beginning_of(last + timedelta(days=1), ZONE)
        return reports.usage(database.read(Scope(restaurant_id)), restaurant_id, start, end)

    def days() -> Awaitable[list[Any]]:
        first = today - timedelta(days=30)
        return reports.days(database.read(Scope(restaurant_id)), restaurant_id, first, today, ZONE)

    async def balance() -> list[Any]:
        return [await items.item(database.read(Scope(restaurant_id)), restaurant_id, some_item)]

    async def everything() -> Any:
        return await database.read(Scope(restaurant_id)).all(_EVERY_ENTRY, restaurant_id=restaurant_id)

    questions: dict[str, Callable[[], Awaitable[Any]]] = {
        CONTROL: everything,
        "list of all items": listed,
        "balance of one item": balance,
        "usage of this week": lambda: used(today),
        "usage of a week half a year ago": lambda: used(today - timedelta(days=DAYS // 2)),
        "reports of 31 days": days,
    }
    try:
        some_item = UUID((await listed())[0].id)
        return {name: await _best(question) for name, question in questions.items()}
    finally:
        await database.stop()


async def _best(question: Callable[[], Awaitable[Any]]) -> tuple[float, int]:
    times = []
    rows = 0
    for _ in range(REPEATS):
        began = time.perf_counter()
        rows = len(await question())
        times.append(time.perf_counter() - began)
    return min(times) * 1000, rows


def main() -> int:
    """Fills, measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--items", type=int, default=5_000)
    options.add_argument("--movements", type=int, default=1_000_000)
    chosen = options.parse_args()
    restaurant_id = uuid4()
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL's data may belong to another user than the folder.
        Path(folder).chmod(0o711)
        with make_stack(Path(folder) / "stack", durable=False) as stack:
            database = stack.create_database("inventory")
            migrate.upgrade(database.owner_dsn, "inventory")
            fill(database.owner_dsn, restaurant_id, count=chosen.items, movements=chosen.movements)
            measured = asyncio.run(measure(database.app_dsn, restaurant_id))
    control = measured[CONTROL][0]
    for name, (milliseconds, rows) in measured.items():
        sys.stdout.write(f"{name:<34}{milliseconds:8.1f} ms {milliseconds / control:6.2f} x control {rows:7} rows\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
