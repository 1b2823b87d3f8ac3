"""Sums of what was sold. A sale is a completed order; it counts on the business day on which it was taken.

Days whose sums hold are read from them, and the others from their orders.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from servicekit.db import Query, Reader
from servicekit.paging import Page
from servicekit.zones import beginning_of, local_time, offset_parameters

_MINE = "o.restaurant_id = CAST(:restaurant_id AS uuid)"
_LIVE = f"{_MINE} AND o.status = 'COMPLETED' AND o.business_date = ANY(CAST(:live AS date[]))"
_SUMMED = "s.restaurant_id = CAST(:restaurant_id AS uuid) AND s.business_date = ANY(CAST(:summed AS date[]))"
_AMOUNTS = ("total", "tax", "discounts", "service_charges", "tips", "refunds")
# One probe of the index finds the next day that has orders, however many each day has.
_CALENDAR = Query(
    text(
        """WITH RECURSIVE days AS (
            (SELECT o.business_date FROM orders o WHERE o.restaurant_id = CAST(:restaurant_id AS uuid)
             AND o.business_date BETWEEN CAST(:first AS date) AND CAST(:last AS date)
             ORDER BY o.business_date DESC LIMIT 1)
            UNION ALL
            SELECT (SELECT o.business_date FROM orders o WHERE o.restaurant_id = CAST(:restaurant_id AS uuid)
                    AND o.business_date < days.business_date AND o.business_date >= CAST(:first AS date)
                    ORDER BY o.business_date DESC LIMIT 1)
            FROM days WHERE days.business_date IS NOT NULL
        )
        SELECT days.business_date, coalesce(d.summed = d.changes, false) AS is_summed, d.orders, d.total, d.tax,
            d.discounts, d.service_charges, d.tips, d.refunds, d.first_at AS created_at, d.last_at AS updated_at
        FROM days LEFT JOIN sales_days d
            ON d.restaurant_id = CAST(:restaurant_id AS uuid) AND d.business_date = days.business_date
        WHERE days.business_date IS NOT NULL ORDER BY days.business_date DESC"""
    )
)
_LIVE_DAYS = Query(
    text(
        f"""SELECT o.business_date, count(*) AS orders, sum(o.total_amount) AS total, sum(o.tax_amount) AS tax,
            sum(o.discount_amount) AS discounts, sum(o.service_charge) AS service_charges, sum(o.tip_amount) AS tips,
            sum(o.refund_amount) AS refunds, min(o.created_at) AS created_at, max(o.updated_at) AS updated_at
        FROM orders o WHERE {_LIVE} GROUP BY o.business_date"""  # noqa: S608 - fixed texts
    )
)
_TODAY = Query(
    text(
        f"""SELECT o.status, o.order_type, count(*) AS orders, sum(o.total_amount) AS total
        FROM orders o WHERE {_MINE} AND o.business_date = CAST(:day AS date)
        GROUP BY o.status, o.order_type"""  # noqa: S608 - fixed texts
    )
)
_LINES = f"""FROM orders o JOIN order_lines l ON l.order_id = o.id AND l.status <> 'CANCELLED' WHERE {_LIVE}"""


def _both(grouping: str, live: str) -> str:
    """The sums of a grouping as rows of key, name, count and amount, from days with sums and days without."""
    return f"""SELECT key, max(name) AS name, sum(count)::bigint AS count, sum(amount) AS amount FROM (
        SELECT s.key, s.name, s.count, s.amount FROM daily_sums s WHERE s.grouping = '{grouping}' AND {_SUMMED}
        UNION ALL {live}) AS days GROUP BY key"""  # noqa: S608 - fixed texts


_ITEMS = _both(
    "item",
    f"""SELECT l.menu_item_id::text, max(l.name), sum(l.quantity), sum(l.total_price) {_LINES}
    GROUP BY l.menu_item_id""",
)
_BY_HOUR = Query(
    text(
        f"""SELECT key, lpad(key, 2, '0') || '\\:00' AS name, count, amount FROM (
        {
            _both(
                "hour",
                f'''SELECT hour::text, '', count(*), sum(amount) FROM (
                SELECT extract(hour FROM {local_time("o.order_time")})::int AS hour,
                o.total_amount AS amount FROM orders o WHERE {_LIVE}) AS hours GROUP BY hour''',
            )
        }) AS hours ORDER BY key::int"""  # noqa: S608 - fixed texts
    )
)
_BY_CATEGORY = Query(
    text(
        f"""SELECT sold.key, coalesce(c.name, '') AS name, sold.count, sold.amount FROM (
        {
            _both(
                "category",
                f'''SELECT coalesce(l.category_id::text, ''), '', sum(l.quantity), sum(l.total_price) {_LINES}
                GROUP BY l.category_id''',
            )
        }) AS sold LEFT JOIN menu_categories c
            ON c.restaurant_id = CAST(:restaurant_id AS uuid) AND c.id::text = sold.key
        ORDER BY sold.amount DESC, sold.key"""  # noqa: S608 - fixed texts
    )
)
_BY_ITEM = Query(text(f"{_ITEMS} ORDER BY amount DESC, key"))
_TOP_ITEMS = Query(text(f"{_ITEMS} ORDER BY count DESC, name LIMIT CAST(:limit AS integer)"))
_TOP_BY_DAY = Query(
    text(
        f"""SELECT business_date, item_id, name, count, amount FROM (
            SELECT sold.*, row_number() OVER (PARTITION BY business_date ORDER BY count DESC, name) AS place FROM (
                SELECT s.business_date, s.key AS item_id, s.name, s.count, s.amount FROM daily_sums s
                WHERE s.grouping = 'item' AND {_SUMMED}
                UNION ALL
                SELECT o.business_date, l.menu_item_id::text, max(l.name), sum(l.quantity), sum(l.total_price) {_LINES}
                GROUP BY o.business_date, l.menu_item_id) AS sold) AS ranked
        WHERE place <= 5 ORDER BY business_date, place"""  # noqa: S608 - fixed texts
    )
)
_BY_SERVER = Query(
    text(
        f"""SELECT sold.key, trim(coalesce(p.first_name, '') || ' ' || coalesce(p.last_name, '')) AS name,
        sold.count, sold.amount FROM (
        {
            _both(
                "server",
                f'''SELECT coalesce(o.server_id::text, ''), '', count(*), sum(o.total_amount)
                FROM orders o WHERE {_LIVE} GROUP BY o.server_id''',
            )
        }) AS sold LEFT JOIN staff_ref p
            ON p.restaurant_id = CAST(:restaurant_id AS uuid) AND p.user_id::text = sold.key
        ORDER BY sold.amount DESC, sold.key"""  # noqa: S608 - fixed texts
    )
)
_BY_PAYMENT = Query(
    text(
        f"""SELECT key, key AS name, count, amount FROM (
        {
            _both(
                "payment",
                f'''SELECT p.payment_method, '', count(*), sum(p.amount - p.refund_amount)
                FROM orders o JOIN payments p ON p.order_id = o.id WHERE {_LIVE} GROUP BY p.payment_method''',
            )
        }) AS sold ORDER BY amount DESC, key"""  # noqa: S608 - fixed texts
    )
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
    "hour": _BY_HOUR,
    "category": _BY_CATEGORY,
    "item": _BY_ITEM,
    "server": _BY_SERVER,
    "payment": _BY_PAYMENT,
}
BY_DAY = "day"


@dataclass(frozen=True, slots=True)
class Sales:
    """The sums of a range of business days, and its rows by each grouping."""

    totals: Any
    by: dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class _Days:
    """The days with orders in a range: those whose sums hold, and those whose orders have to be read."""

    summed: dict[date, Any]
    live: list[date]

    def parameters(self, restaurant_id: UUID) -> dict[str, Any]:
        """What the queries of both kinds of days take."""
        return {"restaurant_id": restaurant_id, "summed": list(self.summed), "live": self.live}

    def clock(self, zone: ZoneInfo) -> dict[str, Any]:
        """What queries take that read the clock of days without sums."""
        return clock_parameters(self.live, zone)


def clock_parameters(days: Sequence[date], zone: ZoneInfo) -> dict[str, Any]:
    """What queries take that read the clock of these business days, each of which may begin late on its date."""
    if not days:
        return {"changes": [], "offsets": [timedelta()]}
    return offset_parameters(zone, beginning_of(min(days), zone), beginning_of(max(days) + timedelta(days=2), zone))


async def sales(reader: Reader, restaurant_id: UUID, first: date, last: date, zone: ZoneInfo) -> Sales:
    """The sales of a range of business days, in two round trips."""
    days = await _days(reader, restaurant_id, first, last)
    both = days.parameters(restaurant_id)
    live, *groups = await reader.batch(
        (_LIVE_DAYS, {"restaurant_id": restaurant_id, "live": days.live}),
        *((query, both | days.clock(zone) if name == "hour" else both) for name, query in GROUPINGS.items()),
    )
    rows = _with_sales(days, live)
    return Sales(_total_of(rows), {BY_DAY: _by_day(rows), **dict(zip(GROUPINGS, map(list, groups), strict=True))})


async def grouped(reader: Reader, restaurant_id: UUID, first: date, last: date, zone: ZoneInfo, by: str) -> list[Any]:
    """The sales of a range of business days by one grouping."""
    days = await _days(reader, restaurant_id, first, last)
    if by == BY_DAY:
        return _by_day(_with_sales(days, await _live(reader, restaurant_id, days)))
    both = days.parameters(restaurant_id)
    return list(await reader.all(GROUPINGS[by], **(both | days.clock(zone) if by == "hour" else both)))


async def totals(reader: Reader, restaurant_id: UUID, day: date) -> Any:
    """The sales of one business day."""
    rows = await reader.all(_LIVE_DAYS, restaurant_id=restaurant_id, live=[day])
    return _total_of(rows)


async def today(reader: Reader, restaurant_id: UUID, day: date) -> list[Any]:
    """How many orders a business day has by status and type, sales or not."""
    return list(await reader.all(_TODAY, restaurant_id=restaurant_id, day=day))


async def top_items(reader: Reader, restaurant_id: UUID, first: date, last: date, limit: int) -> list[Any]:
    """The items that sold most."""
    days = await _days(reader, restaurant_id, first, last)
    return list(await reader.all(_TOP_ITEMS, **days.parameters(restaurant_id), limit=limit))


async def page_of_days(
    reader: Reader, restaurant_id: UUID, page: Page, first: date, last: date
) -> tuple[int, list[tuple[Any, list[Any]]]]:
    """How many business days had sales, and those of one page, the newest first, with what sold best on each.

    Raises NotFound beyond the end.
    """
    days = await _days(reader, restaurant_id, first, last)
    rows = _with_sales(days, await _live(reader, restaurant_id, days))
    page.check(len(rows))
    shown = rows[page.offset : page.offset + page.limit]
    best: dict[date, list[Any]] = defaultdict(list)
    if shown:
        wanted = {row.business_date for row in shown}
        parameters = _Days(
            {day: row for day, row in days.summed.items() if day in wanted}, [day for day in days.live if day in wanted]
        ).parameters(restaurant_id)
        for item in await reader.all(_TOP_BY_DAY, **parameters):
            best[item.business_date].append(item)
    return len(rows), [(row, best[row.business_date]) for row in shown]


async def quarters(reader: Reader, restaurant_id: UUID, begin: datetime, until: datetime) -> list[Any]:
    """What was ordered in each quarter of an hour that had orders."""
    return list(await reader.all(_QUARTERS, restaurant_id=restaurant_id, begin=begin, until=until))


async def _days(reader: Reader, restaurant_id: UUID, first: date, last: date) -> _Days:
    rows = await reader.all(_CALENDAR, restaurant_id=restaurant_id, first=first, last=last)
    return _Days(
        {row.business_date: row for row in rows if row.is_summed},
        [row.business_date for row in rows if not row.is_summed],
    )


async def _live(reader: Reader, restaurant_id: UUID, days: _Days) -> Sequence[Any]:
    if not days.live:
        return []
    return await reader.all(_LIVE_DAYS, restaurant_id=restaurant_id, live=days.live)


def _with_sales(days: _Days, live: Sequence[Any]) -> list[Any]:
    """The days that had sales, the newest first."""
    rows = [*(row for row in days.summed.values() if row.orders), *live]
    return sorted(rows, key=lambda row: row.business_date, reverse=True)


def _total_of(rows: Sequence[Any]) -> Any:
    amounts = {name: sum((getattr(row, name) for row in rows), Decimal(0)) for name in _AMOUNTS}
    return SimpleNamespace(orders=sum(row.orders for row in rows), **amounts)


def _by_day(rows: Sequence[Any]) -> list[Any]:
    return [
        SimpleNamespace(
            key=row.business_date.isoformat(), name=row.business_date.isoformat(), count=row.orders, amount=row.total
        )
        for row in reversed(rows)
    ]
