"""The menu and the tables of the dining room, as pos keeps them."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.pos.commands import menu_categories, menu_items, tables
from services.pos.models import DiningTable, MenuCategory, MenuItem
from tools.operations.legacy.source import Row
from tools.operations.legacy.steps import Step

EXTERNAL = ("external_provider", "external_id")


async def take_category(session: AsyncSession, row: Row) -> None:
    """A section of the menu. Raises Invalid."""
    names = ("id", "name", "description", "is_active", "display_order", *EXTERNAL)
    values = {name: row[name] for name in names if row.get(name) is not None}
    await menu_categories.create_category(session, row["restaurant_id"], values)


async def take_item(session: AsyncSession, row: Row) -> None:
    """An item of the menu; its picture stays where it was. Raises Invalid, NotFound."""
    names = ("id", "name", "description", "price", "is_active", "external_metadata", *EXTERNAL)
    values = {name: row[name] for name in names if row.get(name) is not None}
    await menu_items.create_item(session, row["restaurant_id"], values | {"category": row.get("category_id")})


async def take_table(session: AsyncSession, row: Row) -> None:
    """A table; nobody sits at it, for open orders are not taken over. Raises Invalid."""
    names = ("id", "table_number", "capacity", "section", "is_active")
    values = {name: row[name] for name in names if row.get(name) is not None}
    status = row.get("status")
    values["status"] = status if status in ("RESERVED", "MAINTENANCE") else "AVAILABLE"
    await tables.create(session, row["restaurant_id"], values)


STEPS = (
    Step("pos", ("menu_menucategory",), MenuCategory.id, take_category),
    Step("pos", ("menu_menuitem",), MenuItem.id, take_item),
    Step("pos", ("pos_tables",), DiningTable.id, take_table),
)
