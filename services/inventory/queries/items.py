"""Items, their ledger, what was paid for them, and what to order."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.inventory.models import Item, PurchaseOrder, PurchaseOrderLine, StockBalance, StockEntry, Supplier
from services.inventory.queries.suppliers import ALL as ALL_SUPPLIERS
from services.inventory.queries.suppliers import SUPPLIER_COLUMNS

NO_ITEM = "No InventoryItem matches the given query."
EVERYTHING = Page(1, 100_000)

_MINE = Item.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)

ITEM_COLUMNS = (
    Item.id.label("item_id"),
    Item.restaurant_id.label("item_restaurant_id"),
    Item.name.label("item_name"),
    Item.description,
    Item.category,
    Item.unit.label("item_unit"),
    Item.conversions,
    Item.reorder_level,
    Item.par_level,
    Item.supplier_id.label("item_supplier_id"),
    Item.last_restock_date,
    Item.is_active,
    Item.created_at.label("item_created_at"),
    sa.func.greatest(Item.updated_at, StockBalance.moved_at).label("item_updated_at"),
    StockBalance.quantity.label("stock_quantity"),
    StockBalance.value.label("stock_value"),
    StockBalance.unit_cost,
    StockBalance.state,
)
"""An item with its balance, under names that do not collide with those of what it is joined to."""

_search = bindparam("search", type_=sa.Text)
_category = bindparam("category", type_=sa.Text)
_state = bindparam("state", type_=sa.Text)
_WANTED = sa.and_(
    _MINE,
    Item.is_active,
    sa.or_(_search.is_(None), sa.func.strpos(sa.func.lower(Item.name), _search) > 0),
    sa.or_(_category.is_(None), Item.category == _category),
    sa.or_(_state.is_(None), StockBalance.state == _state),
)
_FROM = sa.join(Item, StockBalance, StockBalance.item_id == Item.id)
_COUNT = Query(sa.select(sa.func.count()).select_from(_FROM).where(_WANTED))
_WITH_SUPPLIER = (
    sa.select(*ITEM_COLUMNS, *SUPPLIER_COLUMNS).select_from(_FROM).outerjoin(Supplier, Supplier.id == Item.supplier_id)
)
ROWS = Query(
    sa.select(*ITEM_COLUMNS)
    .select_from(_FROM)
    .where(_WANTED)
    .order_by(Item.name, Item.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(_WITH_SUPPLIER.where(_MINE, Item.id == bindparam("id", type_=sa.Uuid)))

_LEDGER = sa.and_(
    StockEntry.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
    StockEntry.item_id == bindparam("item_id", type_=sa.Uuid),
)
_ENTRY_COUNT = Query(sa.select(sa.func.coalesce(sa.func.max(StockEntry.number), 0)).where(_LEDGER))
ENTRIES = Query(
    sa.select(*StockEntry.__table__.columns)
    .where(_LEDGER)
    .order_by(StockEntry.number.desc())
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_RECEIPTS = sa.and_(_LEDGER, StockEntry.kind == sa.literal_column("'RECEIPT'"))
_PRICE_COUNT = Query(sa.select(sa.func.count()).select_from(StockEntry).where(_RECEIPTS))
_PRICES = Query(
    sa.select(
        StockEntry.occurred_at,
        StockEntry.quantity,
        StockEntry.unit_cost,
        PurchaseOrder.id.label("purchase_order_id"),
        Supplier.id.label("supplier_id"),
        Supplier.name.label("supplier_name"),
    )
    .outerjoin(
        PurchaseOrder,
        sa.and_(PurchaseOrder.restaurant_id == StockEntry.restaurant_id, PurchaseOrder.id == StockEntry.source_id),
    )
    .outerjoin(Supplier, Supplier.id == PurchaseOrder.supplier_id)
    .where(_RECEIPTS)
    .order_by(StockEntry.number.desc())
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ON_ORDER = Query(
    sa.select(
        PurchaseOrderLine.item_id,
        PurchaseOrderLine.unit,
        PurchaseOrderLine.quantity,
        PurchaseOrderLine.received_quantity,
    )
    .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.purchase_order_id)
    .where(
        PurchaseOrder.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        sa.or_(PurchaseOrder.status == "PENDING", PurchaseOrder.status == "ORDERED"),
        PurchaseOrderLine.quantity > PurchaseOrderLine.received_quantity,
    )
)
_SHORT = Query(
    _WITH_SUPPLIER.where(
        _MINE, Item.is_active, Item.reorder_level.is_not(None), StockBalance.quantity <= Item.reorder_level
    ).order_by(Item.name, Item.id)
)


async def page_of_items(
    reader: Reader, restaurant_id: UUID, page: Page, *, search: str | None, category: str | None, state: str | None
) -> tuple[int, list[Any], list[Any]]:
    """How many items in use fit, those of one page by name, and the restaurant's suppliers; one round trip.

    Suppliers come apart, since a list of thousands would repeat each of them hundreds of times. Raises NotFound beyond
    the end.
    """
    wanted = {
        "restaurant_id": restaurant_id,
        "search": search.strip().lower() if search else None,
        "category": category,
        "state": state,
    }
    counted, rows, suppliers = await reader.batch(
        (_COUNT, wanted),
        (ROWS, {**wanted, "limit": page.limit, "offset": page.offset}),
        (ALL_SUPPLIERS, {"restaurant_id": restaurant_id}),
    )
    count = int(counted[0][0])
    page.check(count)
    return count, rows, suppliers


async def item(reading: Reading, restaurant_id: UUID, item_id: UUID) -> Any:
    """One item with its balance and supplier. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=item_id)
    if row is None:
        raise NotFound(NO_ITEM)
    return row


async def entries(reader: Reader, restaurant_id: UUID, item_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """An item's ledger, the newest entry first. Raises NotFound."""
    await item(reader, restaurant_id, item_id)
    return await read_page(reader, _ENTRY_COUNT, ENTRIES, page, restaurant_id=restaurant_id, item_id=item_id)


async def prices(reader: Reader, restaurant_id: UUID, item_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """What an item's receipts cost, the newest first. Raises NotFound."""
    await item(reader, restaurant_id, item_id)
    return await read_page(reader, _PRICE_COUNT, _PRICES, page, restaurant_id=restaurant_id, item_id=item_id)


async def short_items(reader: Reader, restaurant_id: UUID) -> tuple[list[Any], list[Any]]:
    """The items at or under their reorder level, and the lines of open orders of which something is to come."""
    short, coming = await reader.batch(
        (_SHORT, {"restaurant_id": restaurant_id}), (_ON_ORDER, {"restaurant_id": restaurant_id})
    )
    return short, coming
