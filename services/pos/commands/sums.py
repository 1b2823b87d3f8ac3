"""Keeping what was sold summed up by business day."""

from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import Query, Reading
from servicekit.postponed import postpone
from servicekit.zones import local_time
from services.pos.models import DailySum, Order, SalesDay
from services.pos.queries.sales import clock_parameters

_TOUCH = Query(
    insert(SalesDay)
    .values(
        restaurant_id=sa.bindparam("restaurant_id", type_=sa.Uuid),
        business_date=sa.bindparam("business_date", type_=sa.Date),
        changes=1,
        summed=0,
    )
    .on_conflict_do_update(index_elements=["restaurant_id", "business_date"], set_={"changes": SalesDay.changes + 1})
)
_STALE = Query(
    sa.select(SalesDay.restaurant_id, SalesDay.business_date)
    .where(SalesDay.summed != SalesDay.changes, SalesDay.business_date < sa.bindparam("before", type_=sa.Date))
    .order_by(SalesDay.restaurant_id, SalesDay.business_date)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_OF_DAY = """o.restaurant_id = CAST(:restaurant_id AS uuid) AND o.business_date = CAST(:day AS date)
    AND o.status = 'COMPLETED'"""
_LINES = "JOIN order_lines l ON l.order_id = o.id AND l.status <> 'CANCELLED'"
_GROUPS = {
    "hour": (
        f"extract(hour FROM {local_time('o.order_time')})::int::text",
        "''",
        "count(*)",
        "sum(o.total_amount)",
        "",
    ),
    "server": ("coalesce(o.server_id::text, '')", "''", "count(*)", "sum(o.total_amount)", ""),
    "category": ("coalesce(l.category_id::text, '')", "''", "sum(l.quantity)", "sum(l.total_price)", _LINES),
    "item": ("l.menu_item_id::text", "max(l.name)", "sum(l.quantity)", "sum(l.total_price)", _LINES),
    "payment": (
        "p.payment_method",
        "''",
        "count(*)",
        "sum(p.amount - p.refund_amount)",
        "JOIN payments p ON p.order_id = o.id",
    ),
}
_ROWS = " UNION ALL ".join(
    f"""SELECT o.restaurant_id, '{grouping}', o.business_date, {key}, {name}, {count}, {amount}
    FROM orders o {join} WHERE {_OF_DAY} GROUP BY 1, 3, 4"""  # noqa: S608 - fixed texts
    for grouping, (key, name, count, amount, join) in _GROUPS.items()
)
# One statement sees one state of the day: had it been changed since `changes` was read, that would be seen to differ.
_SUM = sa.text(
    f"""WITH totals AS (
        SELECT count(*) AS orders, coalesce(sum(o.total_amount), 0) AS total, coalesce(sum(o.tax_amount), 0) AS tax,
            coalesce(sum(o.discount_amount), 0) AS discounts,
            coalesce(sum(o.service_charge), 0) AS service_charges, coalesce(sum(o.tip_amount), 0) AS tips,
            coalesce(sum(o.refund_amount), 0) AS refunds, coalesce(min(o.created_at), now()) AS first_at,
            coalesce(max(o.updated_at), now()) AS last_at
        FROM orders o WHERE {_OF_DAY}
    ), rows AS (
        INSERT INTO daily_sums (restaurant_id, grouping, business_date, key, name, count, amount) {_ROWS}
    )
    UPDATE sales_days d SET summed = d.changes, orders = t.orders, total = t.total, tax = t.tax,
        discounts = t.discounts, service_charges = t.service_charges, tips = t.tips, refunds = t.refunds,
        first_at = t.first_at, last_at = t.last_at
    FROM totals t
    WHERE d.restaurant_id = CAST(:restaurant_id AS uuid) AND d.business_date = CAST(:day AS date)
    """  # noqa: S608 - fixed texts
)


def touch(session: AsyncSession, order: Order) -> None:
    """Counts a change of what a business day sold, so that its sums no longer hold.

    Of all that are sold on a day, each holds the day's row no longer than its commit takes.
    """
    postpone(session, _TOUCH, {"restaurant_id": order.restaurant_id, "business_date": order.business_date})


async def stale(reading: Reading, before: date, limit: int) -> list[tuple[UUID, date]]:
    """Restaurants and business days whose sums do not hold; `reading` sees every restaurant."""
    return [(row.restaurant_id, row.business_date) for row in await reading.all(_STALE, before=before, limit=limit)]


async def sum_up(session: AsyncSession, restaurant_id: UUID, day: date, zone: ZoneInfo) -> None:
    """Sums a business day up; whatever changes its sales from now on makes the sums stale again."""
    # Nobody else counts a change while the row is held, so what is summed is what `changes` says.
    await session.execute(
        sa.select(SalesDay.changes)
        .where(SalesDay.restaurant_id == restaurant_id, SalesDay.business_date == day)
        .with_for_update()
    )
    await session.execute(
        sa.delete(DailySum).where(DailySum.restaurant_id == restaurant_id, DailySum.business_date == day)
    )
    await session.execute(_SUM, {"restaurant_id": restaurant_id, "day": day, **clock_parameters([day], zone)})
