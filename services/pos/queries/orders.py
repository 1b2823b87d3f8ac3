"""Orders with their lines and payments: a fixed number of statements, however many there are."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.pos.models import BillSettings, DiningTable, Order, OrderLine, Payment
from services.pos.models.order import OPEN
from services.pos.queries.filters import LIMIT, OFFSET, contains, is_or_any, mine

NO_ORDER = "No Order matches the given query."
NO_LINE = "Line item not found"


@dataclass(frozen=True, slots=True)
class WholeOrder:
    """An order's row, with the number of its table and the name of who took it, its lines and its payments."""

    row: Any
    lines: list[Any] = field(default_factory=list)
    payments: list[Any] = field(default_factory=list)


_COLUMNS = (
    sa.select(Order.__table__, DiningTable.table_number, refdata.FULL_NAME.label("server_name"))
    .outerjoin(DiningTable, DiningTable.id == Order.table_id)
    .outerjoin(refdata.staff_ref, refdata.is_staff(Order.restaurant_id, Order.server_id))
)
_FILTERS = (
    mine(Order.restaurant_id),
    is_or_any(Order.status, "status", sa.Text),
    is_or_any(Order.order_type, "order_type", sa.Text),
    is_or_any(Order.table_id, "table_id", sa.Uuid),
    contains("search", Order.order_number, Order.customer_name, Order.customer_phone),
)
_ORDERS: dict[str, tuple[Any, ...]] = {
    "-order_time": (Order.order_time.desc(), Order.id),
    "order_time": (Order.order_time, Order.id),
    "-total_amount": (Order.total_amount.desc(), Order.id),
    "total_amount": (Order.total_amount, Order.id),
    "status": (Order.status, Order.order_time.desc()),
    "-status": (Order.status.desc(), Order.order_time.desc()),
}
_COUNT = Query(sa.select(sa.func.count()).select_from(Order).where(*_FILTERS))
_ROWS = {
    name: Query(_COLUMNS.where(*_FILTERS).order_by(*order).limit(LIMIT).offset(OFFSET))
    for name, order in _ORDERS.items()
}
_IS_OPEN = (mine(Order.restaurant_id), sa.text(f"orders.{OPEN}"))
_OPEN_COUNT = Query(sa.select(sa.func.count()).select_from(Order).where(*_IS_OPEN))
_OPEN_ROWS = Query(_COLUMNS.where(*_IS_OPEN).order_by(Order.order_time.desc(), Order.id).limit(LIMIT).offset(OFFSET))
_ONE = Query(_COLUMNS.where(mine(Order.restaurant_id), Order.id == bindparam("id", type_=sa.Uuid)))
_IDS: Any = bindparam("ids", type_=ARRAY(sa.Uuid))
_LINES = Query(
    sa.select(OrderLine.__table__)
    .where(mine(OrderLine.restaurant_id), OrderLine.order_id == any_(_IDS))
    .order_by(OrderLine.order_id, OrderLine.position)
)
_PAYMENTS = Query(
    sa.select(Payment.__table__)
    .where(mine(Payment.restaurant_id), Payment.order_id == any_(_IDS))
    .order_by(Payment.order_id, Payment.payment_time, Payment.id)
)
_LINE_FILTERS = (
    mine(OrderLine.restaurant_id),
    is_or_any(OrderLine.order_id, "order_id", sa.Uuid),
    is_or_any(OrderLine.status, "status", sa.Text),
)
_LINE_COUNT = Query(sa.select(sa.func.count()).select_from(OrderLine).where(*_LINE_FILTERS))
_LINE_ROWS = Query(
    sa.select(OrderLine.__table__)
    .where(*_LINE_FILTERS)
    .order_by(OrderLine.created_at.desc(), OrderLine.id)
    .limit(LIMIT)
    .offset(OFFSET)
)
_LINE = Query(
    sa.select(OrderLine.__table__).where(mine(OrderLine.restaurant_id), OrderLine.id == bindparam("id", type_=sa.Uuid))
)
_TERMS = Query(
    sa.select(
        refdata.restaurant_ref.c.timezone,
        refdata.restaurant_ref.c.currency,
        refdata.restaurant_ref.c.name,
        BillSettings.day_starts_at,
        BillSettings.service_charge_rate,
    )
    .select_from(sa.select(sa.literal(1)).subquery("one"))
    .outerjoin(refdata.restaurant_ref, mine(refdata.restaurant_ref.c.id))
    .outerjoin(BillSettings, mine(BillSettings.restaurant_id))
)


SURROUNDINGS = Query(
    sa.select(
        refdata.restaurant_ref.c.timezone,
        refdata.restaurant_ref.c.currency,
        refdata.restaurant_ref.c.name,
        BillSettings.day_starts_at,
        BillSettings.service_charge_rate,
        DiningTable.table_number,
        refdata.FULL_NAME.label("server_name"),
    )
    .select_from(sa.select(sa.literal(1)).subquery("one"))
    .outerjoin(refdata.restaurant_ref, mine(refdata.restaurant_ref.c.id))
    .outerjoin(BillSettings, mine(BillSettings.restaurant_id))
    .outerjoin(
        DiningTable,
        sa.and_(mine(DiningTable.restaurant_id), DiningTable.id == bindparam("table_id", type_=sa.Uuid)),
    )
    .outerjoin(
        refdata.staff_ref,
        refdata.is_staff(bindparam("restaurant_id", type_=sa.Uuid), bindparam("server_id", type_=sa.Uuid)),
    )
)
"""What a new order takes over from around it: the restaurant's terms, the number of its table, who takes it."""


async def terms(reading: Reading, restaurant_id: UUID) -> Any:
    """The restaurant's zone, currency, turn of the day and service charge; each None where nothing is known yet."""
    return await reading.first(_TERMS, restaurant_id=restaurant_id)


async def page_of_orders(
    reader: Reader,
    restaurant_id: UUID,
    page: Page,
    *,
    status: str | None = None,
    order_type: str | None = None,
    table_id: UUID | None = None,
    search: str | None = None,
    ordering: str = "-order_time",
) -> tuple[int, list[WholeOrder]]:
    """How many orders match, and those of one page. Raises NotFound beyond the end."""
    filters = {"status": status, "order_type": order_type, "table_id": table_id, "search": search}
    count, rows = await read_page(reader, _COUNT, _ROWS[ordering], page, restaurant_id=restaurant_id, **filters)
    return count, await _whole(reader, restaurant_id, rows)


async def page_of_open_orders(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[WholeOrder]]:
    """How many orders are neither completed nor cancelled, and those of one page, the newest first."""
    count, rows = await read_page(reader, _OPEN_COUNT, _OPEN_ROWS, page, restaurant_id=restaurant_id)
    return count, await _whole(reader, restaurant_id, rows)


async def order(reading: Reading, restaurant_id: UUID, order_id: UUID) -> WholeOrder:
    """One order. Raises NotFound."""
    rows, lines, payments = await reading.batch(
        (_ONE, {"restaurant_id": restaurant_id, "id": order_id}),
        (_LINES, {"restaurant_id": restaurant_id, "ids": [order_id]}),
        (_PAYMENTS, {"restaurant_id": restaurant_id, "ids": [order_id]}),
    )
    if not rows:
        raise NotFound(NO_ORDER)
    return WholeOrder(rows[0], list(lines), list(payments))


async def page_of_lines(
    reader: Reader, restaurant_id: UUID, page: Page, *, order_id: UUID | None = None, status: str | None = None
) -> tuple[int, list[Any]]:
    """How many lines of orders match, and those of one page, the newest first. Raises NotFound beyond the end."""
    filters = {"order_id": order_id, "status": status}
    return await read_page(reader, _LINE_COUNT, _LINE_ROWS, page, restaurant_id=restaurant_id, **filters)


async def line(reading: Reading, restaurant_id: UUID, line_id: UUID) -> Any:
    """One line of an order. Raises NotFound."""
    row = await reading.first(_LINE, restaurant_id=restaurant_id, id=line_id)
    if row is None:
        raise NotFound(NO_LINE)
    return row


async def _whole(reading: Reading, restaurant_id: UUID, rows: list[Any]) -> list[WholeOrder]:
    parameters = {"restaurant_id": restaurant_id, "ids": [row.id for row in rows]}
    found_lines, found_payments = await reading.batch((_LINES, parameters), (_PAYMENTS, parameters))
    lines, payments = defaultdict(list), defaultdict(list)
    for line in found_lines:
        lines[line.order_id].append(line)
    for payment in found_payments:
        payments[payment.order_id].append(payment)
    return [WholeOrder(row, lines[row.id], payments[row.id]) for row in rows]
