"""Suppliers and items, as inventory keeps them; what is in stock opens each item's ledger."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.inventory.commands import items, suppliers
from services.inventory.models import Item, Supplier
from tools.operations.legacy.source import Row
from tools.operations.legacy.steps import NOBODY, Step


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


STEPS = (
    Step("inventory", ("inventory_supplier",), Supplier.id, take_supplier),
    Step("inventory", ("inventory_inventoryitem",), Item.id, take_item),
)
