"""Suppliers, items, adjustments and orders, as inventory keeps them; what is in stock opens each item's ledger."""

from datetime import UTC, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Invalid, NotFound
from services.inventory.commands import items, ledger, suppliers
from services.inventory.commands.adjustments import IN_FUTURE, TAKES_AWAY
from services.inventory.commands.ledger import Cause, Movement
from services.inventory.models import Item, PurchaseOrder, PurchaseOrderLine, StockAdjustment, Supplier
from tools.operations.legacy.source import Part, Row
from tools.operations.legacy.steps import NOBODY, Step

STATUSES = ("PENDING", "ORDERED", "RECEIVED", "CANCELLED")
ADJUSTMENTS = ("ADD", "REMOVE", "WASTE", "TRANSFER")
LONGEST_REASON = 500


async def take_supplier(session: AsyncSession, row: Row) -> None:
    """A supplier. Raises Invalid for what is no phone number."""
    names = ("id", "name", "contact_person", "phone", "email", "address")
    await suppliers.create_supplier(session, row["restaurant_id"], {name: row.get(name) for name in names})


async def take_item(session: AsyncSession, row: Row) -> None:
    """An item, with nothing in stock where the earlier backend had less than nothing. Raises Invalid, NotFound."""
    values = {"id": row["id"], "name": row["name"], "unit": row["unit"], "reorder_level": row.get("reorder_level")}
    values["current_stock"] = max(row.get("current_stock") or 0, 0)
    values["cost_per_unit"] = max(row.get("cost_per_unit") or 0, 0)
    values["supplier"] = row.get("supplier_id")
    now = datetime.now(UTC)
    await items.create_item(session, row["restaurant_id"], NOBODY, values, [], now)
    if not row.get("is_active", True):
        await session.flush()
        item = await session.get_one(Item, row["id"])
        item.is_active = False


async def take_adjustment(session: AsyncSession, row: Row) -> None:
    """An adjustment; what it did is in the stock that opened the ledger already, and is not done again.

    So the opening stock gives what was taken away, or takes what was added, at the same moment: days of the past show
    what was wasted, and the balance stays. Nobody is told. Raises Invalid, and NotFound while its item is not there.
    """
    kind, quantity, at, now = row["adjustment_type"], row["quantity_changed"], row["created_at"], datetime.now(UTC)
    if kind not in ADJUSTMENTS:
        raise Invalid.field("adjustment_type", f"{kind} is no kind of adjustment.")
    if quantity <= 0:
        raise Invalid.field("quantity_changed", "Must be more than 0.")
    if at > now:
        raise Invalid.field("created_at", IN_FUTURE)
    restaurant_id, author = row["restaurant_id"], row.get("adjusted_by_id")
    held = await items.held_item(session, restaurant_id, row["inventory_item_id"], in_use=False)
    adjustment = StockAdjustment(
        id=row["id"],
        restaurant_id=restaurant_id,
        item_id=held.item_id,
        adjustment_type=kind,
        quantity_changed=quantity,
        value=Decimal(0),
        reason=(row.get("reason") or "")[:LONGEST_REASON] or None,
        adjusted_by=author,
        is_deleted=False,
        occurred_at=at,
        created_at=at,
        updated_at=at,
    )
    if kind != "TRANSFER":
        change = -quantity if kind in TAKES_AWAY else quantity
        adjusting = Movement(held.item_id, kind, change, held.balance.unit_cost, adjustment.reason)
        opening = Movement(held.item_id, "OPENING", -change, held.balance.unit_cost)
        # What comes comes first, so that the stock does not seem to have run out.
        pair = [adjusting, opening] if change > 0 else [opening, adjusting]
        cause, holding = Cause("adjustment", adjustment.id, author, at), {held.item_id: held}
        moved = await ledger.move(session, restaurant_id, holding, pair, cause, now, is_told=False)
        adjusted = moved[pair.index(adjusting)]
        adjustment.entry_id, adjustment.value = adjusted.entry_id, adjusted.value
    session.add(adjustment)


async def take_order(session: AsyncSession, row: Row) -> None:
    """An order to a supplier; what it brought is in the stock that opened the ledger, and is not received again.

    Raises Invalid for a status that there is not, and NotFound while its supplier or one of its items is not there.
    """
    if row["status"] not in STATUSES:
        raise Invalid.field("status", f"{row['status']} is no status of an order.")
    restaurant_id, lines = row["restaurant_id"], row["lines"]
    wanted = {line["inventory_item_id"] for line in lines}
    found = await session.execute(sa.select(Item.id, Item.unit).where(Item.id.in_(wanted)))
    units = {item.id: item.unit for item in found}
    if wanted - set(units) or await session.get(Supplier, row["supplier_id"]) is None:
        raise NotFound
    names = ("id", "supplier_id", "order_date", "expected_delivery_date", "delivery_date", "status")
    kept = {name: row[name] for name in ("created_at", "updated_at") if row.get(name) is not None}
    session.add(
        PurchaseOrder(
            restaurant_id=restaurant_id,
            created_by=row.get("created_by_id"),
            version=1,
            **{name: row.get(name) for name in names},
            **kept,
        )
    )
    await session.flush()
    session.add_all(
        PurchaseOrderLine(
            id=line["id"],
            restaurant_id=restaurant_id,
            purchase_order_id=row["id"],
            item_id=line["inventory_item_id"],
            quantity=line["quantity"],
            unit=units[line["inventory_item_id"]],
            unit_price=max(line["unit_price"], Decimal(0)),
            received_quantity=line["quantity"] if row["status"] == "RECEIVED" else 0,
        )
        for line in lines
    )


STEPS = (
    Step("inventory", ("inventory_supplier",), Supplier.id, take_supplier),
    Step("inventory", ("inventory_inventoryitem",), Item.id, take_item),
    Step("inventory", ("inventory_stockadjustment",), StockAdjustment.id, take_adjustment),
    Step(
        "inventory",
        ("inventory_purchaseorder",),
        PurchaseOrder.id,
        take_order,
        parts=(Part("lines", ("inventory_purchaseorderitem",), "purchase_order_id"),),
    ),
)
