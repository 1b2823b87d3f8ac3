"""Purchase orders with their lines; a page of orders and the lines of all of them take one round trip each."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.inventory.models import Item, PurchaseOrder, PurchaseOrderLine, StockBalance, Supplier
from services.inventory.queries.adjustments import PERSON_COLUMNS
from services.inventory.queries.items import ITEM_COLUMNS
from services.inventory.queries.suppliers import SUPPLIER_COLUMNS

NO_ORDER = "No PurchaseOrder matches the given query."
NO_LINE = "No PurchaseOrderItem matches the given query."

_MINE = PurchaseOrder.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_status = bindparam("status", type_=sa.Text)
_supplier = bindparam("supplier_id", type_=sa.Uuid)
_WANTED = sa.and_(
    _MINE,
    sa.or_(_status.is_(None), PurchaseOrder.status == _status),
    sa.or_(_supplier.is_(None), PurchaseOrder.supplier_id == _supplier),
)
_FULL = (
    sa.select(
        PurchaseOrder.id,
        PurchaseOrder.restaurant_id,
        PurchaseOrder.order_date,
        PurchaseOrder.expected_delivery_date,
        PurchaseOrder.delivery_date,
        PurchaseOrder.status,
        PurchaseOrder.notes,
        PurchaseOrder.created_by,
        PurchaseOrder.created_at,
        PurchaseOrder.updated_at,
        *SUPPLIER_COLUMNS,
        *PERSON_COLUMNS,
    )
    .join(Supplier, Supplier.id == PurchaseOrder.supplier_id)
    .outerjoin(refdata.staff_ref, refdata.is_staff(PurchaseOrder.restaurant_id, PurchaseOrder.created_by))
)
_COUNT = Query(sa.select(sa.func.count()).select_from(PurchaseOrder).where(_WANTED))
_ROWS = Query(
    _FULL.where(_WANTED)
    .order_by(PurchaseOrder.order_date.desc(), PurchaseOrder.created_at.desc(), PurchaseOrder.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(_FULL.where(_MINE, PurchaseOrder.id == bindparam("id", type_=sa.Uuid)))

_FULL_LINE = (
    sa.select(
        PurchaseOrderLine.id,
        PurchaseOrderLine.purchase_order_id,
        PurchaseOrderLine.item_id.label("ordered_item_id"),
        PurchaseOrderLine.quantity,
        PurchaseOrderLine.unit,
        PurchaseOrderLine.unit_price,
        PurchaseOrderLine.received_quantity,
        PurchaseOrderLine.created_at,
        PurchaseOrderLine.updated_at,
        *ITEM_COLUMNS,
    )
    .join(Item, Item.id == PurchaseOrderLine.item_id)
    .join(StockBalance, StockBalance.item_id == Item.id)
)
_MY_LINES = PurchaseOrderLine.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_OF_ORDER = sa.and_(_MY_LINES, PurchaseOrderLine.purchase_order_id == bindparam("order_id", type_=sa.Uuid))
_LINES = Query(
    _FULL_LINE.where(
        _MY_LINES, PurchaseOrderLine.purchase_order_id == sa.any_(bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
    ).order_by(PurchaseOrderLine.created_at, PurchaseOrderLine.id)
)
_LINE_COUNT = Query(sa.select(sa.func.count()).select_from(PurchaseOrderLine).where(_OF_ORDER))
_LINE_PAGE = Query(
    _FULL_LINE.where(_OF_ORDER)
    .order_by(PurchaseOrderLine.created_at, PurchaseOrderLine.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE_LINE = Query(_FULL_LINE.where(_OF_ORDER, PurchaseOrderLine.id == bindparam("id", type_=sa.Uuid)))
_EXISTS = Query(sa.select(PurchaseOrder.id).where(_MINE, PurchaseOrder.id == bindparam("order_id", type_=sa.Uuid)))


async def page_of_orders(
    reader: Reader, restaurant_id: UUID, page: Page, *, status: str | None, supplier_id: UUID | None
) -> tuple[int, list[tuple[Any, list[Any]]]]:
    """How many orders fit, and those of one page with their lines. Raises NotFound beyond the end."""
    count, rows = await read_page(
        reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, status=status, supplier_id=supplier_id
    )
    return count, await _with_lines(reader, restaurant_id, rows)


async def order(reading: Reading, restaurant_id: UUID, order_id: UUID) -> tuple[Any, list[Any]]:
    """One order and its lines. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=order_id)
    if row is None:
        raise NotFound(NO_ORDER)
    return (await _with_lines(reading, restaurant_id, [row]))[0]


async def page_of_lines(reader: Reader, restaurant_id: UUID, order_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many lines an order has, and those of one page. Raises NotFound."""
    if await reader.first(_EXISTS, restaurant_id=restaurant_id, order_id=order_id) is None:
        raise NotFound(NO_ORDER)
    return await read_page(reader, _LINE_COUNT, _LINE_PAGE, page, restaurant_id=restaurant_id, order_id=order_id)


async def line(reading: Reading, restaurant_id: UUID, order_id: UUID, line_id: UUID) -> Any:
    """One line of an order. Raises NotFound."""
    row = await reading.first(_ONE_LINE, restaurant_id=restaurant_id, order_id=order_id, id=line_id)
    if row is None:
        raise NotFound(NO_LINE)
    return row


async def _with_lines(reading: Reading, restaurant_id: UUID, rows: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    lines: dict[UUID, list[Any]] = {row.id: [] for row in rows}
    for found in await reading.all(_LINES, restaurant_id=restaurant_id, ids=list(lines)):
        lines[found.purchase_order_id].append(found)
    return [(row, lines[row.id]) for row in rows]
