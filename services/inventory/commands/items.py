"""Adding items, changing them, and taking them out of use."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from psycopg.errors import UniqueViolation
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.text import tidy_name
from services.inventory.commands import ledger
from services.inventory.commands.ledger import Cause, Movement
from services.inventory.commands.suppliers import supplier_of
from services.inventory.domain import units
from services.inventory.domain.holding import Holding, conversions_of
from services.inventory.domain.units import BadConversion, Conversion, NoConversion
from services.inventory.models import Item, PurchaseOrder, PurchaseOrderLine, RecipeIngredient, StockBalance, StockEntry
from services.inventory.queries.items import NO_ITEM

NAME_TAKEN = "An item with this name already exists."
UNIT_IN_USE = "The item has moved in this unit; add a conversion, or an item in the other unit."
STOCK_MOVED = "The stock moved since you opened this item. Look at it again, then correct it."
IS_USED = "A recipe uses this."
STILL_NEEDED = "Recipes or open orders use {unit}, which would no longer lead to {own}."
NEGATIVE = "Ensure this value is greater than or equal to 0."

_SHOWN_STOCK = Decimal("0.001")
_SHOWN_COST = Decimal("0.0001")
_INSERT = insert(Item).on_conflict_do_nothing().returning(Item.id)


async def create_item(
    session: AsyncSession,
    restaurant_id: UUID,
    author_id: UUID,
    values: Mapping[str, Any],
    conversions: Sequence[Conversion],
    now: datetime,
) -> UUID:
    """A new item, its ledger opened with what is there. Raises Invalid for a name in use or bad conversions."""
    row = dict(values)
    stock, cost = row.pop("current_stock", None), row.pop("cost_per_unit", Decimal(0))
    if supplier := row.pop("supplier", None):
        row["supplier_id"] = (await supplier_of(session, restaurant_id, supplier)).id
    row |= {"id": row.get("id") or uuid4(), "restaurant_id": restaurant_id, "name": tidy_name(row["name"])}
    row |= {"unit": tidy_name(row["unit"], "unit"), "conversions": stored(conversions)}
    row["reorder_level"] = row.get("reorder_level") or None
    item_id = (await session.scalars(_INSERT, [row])).one_or_none()
    if item_id is None:
        raise Invalid.field("name", NAME_TAKEN, code="name_taken")
    session.add(StockBalance(item_id=item_id, restaurant_id=restaurant_id, unit_cost=cost))
    await session.flush()
    if stock:
        held = await ledger.hold(session, restaurant_id, [item_id])
        opening = Movement(item_id, "OPENING", stock, cost)
        await ledger.move(session, restaurant_id, held, [opening], Cause("item", item_id, author_id, now), now)
    return item_id


async def change_item(
    session: AsyncSession,
    restaurant_id: UUID,
    author_id: UUID,
    item_id: UUID,
    changes: Mapping[str, Any],
    now: datetime,
    *,
    read_at: datetime | None = None,
) -> None:
    """Changes an item, and its stock and cost where they were set by hand; `read_at` is when they had been read.

    Raises NotFound, Invalid for a name in use or bad conversions, and Conflict for another unit of what has moved and
    for a stock that was set while it moved.
    """
    held = await held_item(session, restaurant_id, item_id, in_use=False)
    item = await session.get_one(Item, item_id)
    values = dict(changes)
    stock, cost = values.pop("current_stock", None), values.pop("cost_per_unit", None)
    values |= _reorder_level(item, values)
    if "supplier" in values:
        supplier = values.pop("supplier")
        values["supplier_id"] = (await supplier_of(session, restaurant_id, supplier)).id if supplier else None
    if "name" in values:
        values["name"] = tidy_name(values["name"])
    if "unit" in values:
        values["unit"] = tidy_name(values["unit"], "unit")
        if held.balance.entries and units.canonical(values["unit"]) != units.canonical(item.unit):
            raise Conflict(UNIT_IN_USE, code="unit_in_use")
    if "conversions" in values:
        values["conversions"] = stored(values["conversions"])
    if values.get("is_active") is False and item.is_active:
        await retire_item(session, restaurant_id, item_id)
    await _store(session, item, values)
    if "unit" in values or "conversions" in values:
        await _check_uses(session, item)
    holding = {item_id: held}
    cause = Cause("item", item_id, author_id, now)
    if stock is not None and await _is_set_by_hand(session, restaurant_id, held, stock, read_at):
        if stock < 0:
            raise Invalid.field("current_stock", NEGATIVE)
        counted = Movement(item_id, "COUNT", stock - held.balance.quantity)
        await ledger.move(session, restaurant_id, holding, [counted], cause, now)
    if cost is not None and cost != held.balance.unit_cost.quantize(_SHOWN_COST):
        valued = Movement(item_id, "REVALUATION", unit_cost=cost)
        await ledger.move(session, restaurant_id, holding, [valued], cause, now)
    if held.reorder_level != item.reorder_level:
        await ledger.settle_level(session, restaurant_id, held, item.reorder_level)


async def retire_item(session: AsyncSession, restaurant_id: UUID, item_id: UUID) -> str:
    """Takes an item out of use and returns its name. Raises NotFound, and Conflict while a recipe uses it."""
    await held_item(session, restaurant_id, item_id)
    # Whoever writes it into a recipe holds a share of this row.
    item = await session.get_one(Item, item_id, with_for_update=True)
    used = sa.select(RecipeIngredient.id).where(RecipeIngredient.item_id == item_id).limit(1)
    if await session.scalar(used):
        raise Conflict(IS_USED, code="item_in_use")
    item.is_active = False
    item.version += 1
    await session.flush()
    return item.name


async def held_item(session: AsyncSession, restaurant_id: UUID, item_id: UUID, *, in_use: bool = True) -> Holding:
    """An item, held against others who move it. Raises NotFound, also for one out of use where it has to be in use."""
    held = (await ledger.hold(session, restaurant_id, [item_id])).get(item_id)
    if held is None or (in_use and not held.is_active):
        raise NotFound(NO_ITEM)
    return held


def stored(conversions: Sequence[Conversion]) -> list[object]:
    """Conversions as they are kept in the item's row. Raises Invalid for a set that contradicts or repeats itself."""
    try:
        units.check(conversions)
    except BadConversion as error:
        raise Invalid.field("conversions", str(error), code="bad_conversion") from error
    return [
        {"unit": one.unit, "quantity": str(one.quantity.normalize()), "of_unit": one.of_unit} for one in conversions
    ]


def _reorder_level(item: Item, values: dict[str, Any]) -> dict[str, Any]:
    """The reorder level of a request that carries it under both of its names: the one that was changed counts."""
    sent = [values.pop(name) or None for name in ("reorder_level", "min_stock_level") if name in values]
    if not sent:
        return {}
    changed = [level for level in sent if level != item.reorder_level]
    return {"reorder_level": changed[0] if changed else item.reorder_level}


async def _store(session: AsyncSession, item: Item, values: Mapping[str, Any]) -> None:
    changed = {name: value for name, value in values.items() if getattr(item, name) != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(item, name, value)
    item.version += 1
    try:
        await session.flush()
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation):
            raise Invalid.field("name", NAME_TAKEN, code="name_taken") from error
        raise


async def _check_uses(session: AsyncSession, item: Item) -> None:
    """Raises Invalid when recipes or open orders measure the item in a unit that leads nowhere any more."""
    in_recipes = sa.select(RecipeIngredient.unit).where(RecipeIngredient.item_id == item.id)
    in_orders = (
        sa.select(PurchaseOrderLine.unit)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.purchase_order_id)
        .where(PurchaseOrderLine.item_id == item.id, PurchaseOrder.status.in_(("PENDING", "ORDERED")))
    )
    known = conversions_of(item.conversions)
    for unit in await session.scalars(in_recipes.union(in_orders)):
        try:
            units.factor(unit, item.unit, known)
        except NoConversion as error:
            text = STILL_NEEDED.format(unit=unit, own=item.unit)
            raise Invalid.field("conversions", text, code="no_conversion") from error


async def _is_set_by_hand(
    session: AsyncSession, restaurant_id: UUID, held: Holding, stock: Decimal, read_at: datetime | None
) -> bool:
    """Whether a stock was typed and not merely sent back. Raises Conflict when it was, and moved since it was read."""
    if stock == held.balance.quantity.quantize(_SHOWN_STOCK):
        return False
    if read_at is None or held.moved_at is None or held.moved_at <= read_at:
        return True
    was = await session.scalar(
        sa.select(StockEntry.balance_quantity)
        .where(
            StockEntry.restaurant_id == restaurant_id,
            StockEntry.item_id == held.item_id,
            StockEntry.created_at <= read_at,
        )
        .order_by(StockEntry.number.desc())
        .limit(1)
    )
    if stock == (was or Decimal(0)).quantize(_SHOWN_STOCK):
        return False
    raise Conflict(STOCK_MOVED, code="stock_moved")
