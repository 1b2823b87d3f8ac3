"""Sums of what was sold. A sale is a completed order; it counts on the business day on which it was taken."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from servicekit.db import Query, Reader
from servicekit.paging import Page, read_page

_MINE = "o.restaurant_id = CAST(:restaurant_id AS uuid)"
_SOLD = f"{_MINE} AND o.status = 'COMPLETED' AND o.business_date BETWEEN CAST(:first AS date) AND CAST(:last AS date)"
_AMOUNTS = """
    count(*) AS orders,
    coalesce(sum(o.total_amount), 0) AS total,
    coalesce(sum(o.tax_amount), 0) AS tax,
    coalesce(sum(o.discount_amount), 0) AS discounts,
    coalesce(sum(o.service_charge), 0) AS service_charges,
    coalesce(sum(o.tip_amount), 0) AS tips,
    coalesce(sum(o.refund_amount), 0) AS refunds
"""
_TOTALS = Query(text(f"SELECT {_AMOUNTS} FROM orders o WHERE {_SOLD}"))  # noqa: S608 - fixed texts
_TODAY = Query(
    text(
        f"""SELECT o.status, o.order_type, count(*) AS orders, sum(o.total_amount) AS total
        FROM orders o WHERE {_MINE} AND o.business_date = CAST(:day AS date)
        GROUP BY o.status, o.order_type"""  # noqa: S608 - fixed texts
    )
)
_BY_DAY = Query(
    text(
        f"""SELECT o.business_date::text AS key, o.business_date::text AS name, count(*) AS count,
        sum(o.total_amount) AS amount FROM orders o WHERE {_SOLD} GROUP BY o.business_date
        ORDER BY o.business_date"""  # noqa: S608 - fixed texts
    )
)
_BY_HOUR = Query(
    text(
        f"""SELECT hour::text AS key, lpad(hour::text, 2, '0') || '\\:00' AS name, count(*) AS count,
        sum(amount) AS amount
        FROM (SELECT extract(hour FROM o.order_time AT TIME ZONE CAST(:zone AS text))::int AS hour,
              o.total_amount AS amount FROM orders o WHERE {_SOLD}) AS hours
        GROUP BY hour ORDER BY hour"""  # noqa: S608 - fixed texts
    )
)
_LINES = f"""FROM orders o JOIN order_lines l ON l.order_id = o.id AND l.status <> 'CANCELLED' WHERE {_SOLD}"""
_BY_CATEGORY = Query(
    text(
        f"""SELECT coalesce(sold.category_id::text, '') AS key, coalesce(c.name, '') AS name, sold.count, sold.amount
        FROM (SELECT l.category_id, sum(l.quantity) AS count, sum(l.total_price) AS amount {_LINES}
              GROUP BY l.category_id) AS sold
        LEFT JOIN menu_categories c ON c.id = sold.category_id ORDER BY sold.amount DESC, key"""  # noqa: S608 - fixed texts
    )
)
_BY_ITEM = Query(
    text(
        f"""SELECT l.menu_item_id::text AS key, max(l.name) AS name, sum(l.quantity) AS count,
        sum(l.total_price) AS amount {_LINES} GROUP BY l.menu_item_id ORDER BY amount DESC, key"""
    )
)
_TOP_ITEMS = Query(
    text(
        f"""SELECT max(l.name) AS name, sum(l.quantity) AS count, sum(l.total_price) AS amount {_LINES}
        GROUP BY l.menu_item_id ORDER BY count DESC, name LIMIT CAST(:limit AS integer)"""
    )
)
_TOP_BY_DAY = Query(
    text(
        f"""SELECT business_date, item_id, name, count, amount FROM (
            SELECT o.business_date, l.menu_item_id AS item_id, max(l.name) AS name, sum(l.quantity) AS count,
            sum(l.total_price) AS amount,
            row_number() OVER (PARTITION BY o.business_date ORDER BY sum(l.quantity) DESC, max(l.name)) AS place
            {_LINES} GROUP BY o.business_date, l.menu_item_id) AS ranked
        WHERE place <= 5 ORDER BY business_date, place"""  # noqa: S608 - fixed texts
    )
)
_BY_SERVER = Query(
    text(
        f"""SELECT coalesce(sold.server_id::text, '') AS key,
        trim(coalesce(s.first_name, '') || ' ' || coalesce(s.last_name, '')) AS name, sold.count, sold.amount
        FROM (SELECT o.restaurant_id, o.server_id, count(*) AS count, sum(o.total_amount) AS amount
              FROM orders o WHERE {_SOLD} GROUP BY o.restaurant_id, o.server_id) AS sold
        LEFT JOIN staff_ref s ON s.restaurant_id = sold.restaurant_id AND s.user_id = sold.server_id
        ORDER BY sold.amount DESC, key"""  # noqa: S608 - fixed texts
    )
)
_BY_PAYMENT = Query(
    text(
        f"""SELECT p.payment_method AS key, p.payment_method AS name, count(*) AS count,
        sum(p.amount - p.refund_amount) AS amount
        FROM orders o JOIN payments p ON p.order_id = o.id WHERE {_SOLD}
        GROUP BY p.payment_method ORDER BY amount DESC, key"""  # noqa: S608 - fixed texts
    )
)
_DAYS = f"""SELECT o.business_date, {_AMOUNTS}, min(o.created_at) AS created_at, max(o.updated_at) AS updated_at
    FROM orders o WHERE {_SOLD} GROUP BY o.business_date"""  # noqa: S608 - fixed texts
_DAY_COUNT = Query(text(f"SELECT count(DISTINCT o.business_date) AS days FROM orders o WHERE {_SOLD}"))  # noqa: S608 - fixed texts
_DAY_ROWS = Query(
    text(f"{_DAYS} ORDER BY o.business_date DESC LIMIT CAST(:limit AS integer) OFFSET CAST(:offset AS integer)")
)
_QUARTERS = Query(
    text(
        f"""SELECT date_bin('15 minutes', o.order_time, TIMESTAMPTZ '2000-01-01') AS starts_at, count(*) AS orders,
        coalesce(sum(o.guest_count), 0) AS guests, sum(o.total_amount) AS sales FROM orders o
        WHERE {_MINE} AND o.status <> 'CANCELLED' AND o.order_time >= CAST(:begin AS timestamptz)
        AND o.order_time < CAST(:until AS timestamptz) GROUP BY starts_at ORDER BY starts_at"""  # noqa: S608 - fixed texts
    )
)

GROUPINGS = {
    "day": _BY_DAY,
    "hour": _BY_HOUR,
    "category": _BY_CATEGORY,
    "item": _BY_ITEM,
    "server": _BY_SERVER,
    "payment": _BY_PAYMENT,
}


@dataclass(frozen=True, slots=True)
class Sales:
    """The sums of a range of business days, and its rows by each grouping."""

    totals: Any
    by: dict[str, list[Any]]


async def sales(reader: Reader, restaurant_id: UUID, first: date, last: date, zone: str) -> Sales:
    """The sales of a range of business days, in one round trip."""
    days = _range(restaurant_id, first, last)
    totals, *groups = await reader.batch(
        (_TOTALS, days),
        *((query, {**days, "zone": zone} if name == "hour" else days) for name, query in GROUPINGS.items()),
    )
    return Sales(totals[0], dict(zip(GROUPINGS, groups, strict=True)))


async def grouped(reader: Reader, restaurant_id: UUID, first: date, last: date, zone: str, by: str) -> list[Any]:
    """The sales of a range of business days by one grouping."""
    days = _range(restaurant_id, first, last)
    return list(await reader.all(GROUPINGS[by], **({**days, "zone": zone} if by == "hour" else days)))


async def totals(reader: Reader, restaurant_id: UUID, day: date) -> Any:
    """The sums of one business day."""
    return await reader.first(_TOTALS, **_range(restaurant_id, day, day))


async def today(reader: Reader, restaurant_id: UUID, day: date) -> list[Any]:
    """How many orders a business day has by status and type, sales or not."""
    return list(await reader.all(_TODAY, restaurant_id=restaurant_id, day=day))


async def top_items(reader: Reader, restaurant_id: UUID, first: date, last: date, limit: int) -> list[Any]:
    """The items that sold most."""
    return list(await reader.all(_TOP_ITEMS, **_range(restaurant_id, first, last), limit=limit))


async def page_of_days(
    reader: Reader, restaurant_id: UUID, page: Page, first: date, last: date
) -> tuple[int, list[tuple[Any, list[Any]]]]:
    """How many business days had sales, and those of one page, the newest first, with what sold best on each."""
    days = _range(restaurant_id, first, last)
    count, rows = await read_page(reader, _DAY_COUNT, _DAY_ROWS, page, **days)
    best: dict[date, list[Any]] = {row.business_date: [] for row in rows}
    if rows:
        shown = _range(restaurant_id, min(best), max(best))
        for item in await reader.all(_TOP_BY_DAY, **shown):
            best[item.business_date].append(item)
    return count, [(row, best[row.business_date]) for row in rows]


async def quarters(reader: Reader, restaurant_id: UUID, begin: datetime, until: datetime) -> list[Any]:
    """What was ordered in each quarter of an hour that had orders."""
    return list(await reader.all(_QUARTERS, restaurant_id=restaurant_id, begin=begin, until=until))


def _range(restaurant_id: UUID, first: date, last: date) -> dict[str, Any]:
    return {"restaurant_id": restaurant_id, "first": first, "last": last}
