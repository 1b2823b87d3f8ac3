"""Tables of the dining room, and the open order at each."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import distinct_on

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.pos.models import DiningTable, Order
from services.pos.models.order import OPEN
from services.pos.queries.filters import LIMIT, OFFSET, is_or_any, mine

NO_TABLE = "No Table matches the given query."
_FILTERS = (
    mine(DiningTable.restaurant_id),
    is_or_any(DiningTable.status, "status", sa.Text),
    is_or_any(DiningTable.section, "section", sa.Text),
    is_or_any(DiningTable.is_active, "is_active", sa.Boolean),
)
_ORDERS: dict[str, tuple[Any, ...]] = {
    "table_number": (DiningTable.table_number,),
    "-table_number": (DiningTable.table_number.desc(),),
    "status": (DiningTable.status, DiningTable.table_number),
    "-status": (DiningTable.status.desc(), DiningTable.table_number),
}
_OPEN = (
    sa.select(Order.id, Order.table_id, Order.order_type, Order.status, Order.total_amount)
    .ext(distinct_on(Order.table_id))
    .where(mine(Order.restaurant_id), Order.table_id.is_not(None), sa.text(f"orders.{OPEN}"))
    .order_by(Order.table_id, Order.order_time.desc())
    .subquery("open_orders")
)
_COLUMNS = sa.select(
    DiningTable.id,
    DiningTable.restaurant_id,
    DiningTable.table_number,
    DiningTable.capacity,
    DiningTable.status,
    DiningTable.section,
    DiningTable.is_active,
    DiningTable.created_at,
    DiningTable.updated_at,
    _OPEN.c.id.label("order_id"),
    _OPEN.c.order_type,
    _OPEN.c.status.label("order_status"),
    _OPEN.c.total_amount,
).outerjoin(_OPEN, _OPEN.c.table_id == DiningTable.id)
_COUNT = Query(sa.select(sa.func.count()).select_from(DiningTable).where(*_FILTERS))
_ROWS = {
    name: Query(_COLUMNS.where(*_FILTERS).order_by(*order).limit(LIMIT).offset(OFFSET))
    for name, order in _ORDERS.items()
}
_ONE = Query(_COLUMNS.where(mine(DiningTable.restaurant_id), DiningTable.id == bindparam("id", type_=sa.Uuid)))
_BY_STATUS = Query(
    sa.select(DiningTable.status, sa.func.count().label("tables"))
    .where(mine(DiningTable.restaurant_id), DiningTable.is_active)
    .group_by(DiningTable.status)
)


async def page_of_tables(
    reader: Reader,
    restaurant_id: UUID,
    page: Page,
    *,
    status: str | None = None,
    section: str | None = None,
    is_active: bool | None = None,
    ordering: str = "table_number",
) -> tuple[int, list[Any]]:
    """How many tables match, and those of one page. Raises NotFound beyond the end."""
    filters = {"status": status, "section": section, "is_active": is_active}
    return await read_page(reader, _COUNT, _ROWS[ordering], page, restaurant_id=restaurant_id, **filters)


async def table(reading: Reading, restaurant_id: UUID, table_id: UUID) -> Any:
    """One table with its open order. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=table_id)
    if row is None:
        raise NotFound(NO_TABLE)
    return row


async def by_status(reader: Reader, restaurant_id: UUID) -> dict[str, int]:
    """How many active tables are in each state."""
    return {row.status: row.tables for row in await reader.all(_BY_STATUS, restaurant_id=restaurant_id)}
