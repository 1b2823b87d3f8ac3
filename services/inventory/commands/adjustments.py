"""Correcting the stock by hand."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Invalid, NotFound
from services.inventory.commands import ledger
from services.inventory.commands.items import held_item
from services.inventory.commands.ledger import Cause, Movement
from services.inventory.domain.holding import Holding
from services.inventory.domain.units import NoConversion
from services.inventory.models import StockAdjustment, StockEntry
from services.inventory.queries.adjustments import NO_ADJUSTMENT
from services.inventory.queries.items import NO_ITEM

NOT_ENOUGH = "Not enough stock to remove."
IN_FUTURE = "This has not happened yet."
TAKES_AWAY = frozenset({"REMOVE", "WASTE"})
_SHOWN = Decimal("0.001")


async def create_adjustment(
    session: AsyncSession, restaurant_id: UUID, author_id: UUID, values: Mapping[str, Any], now: datetime
) -> StockAdjustment:
    """A new adjustment. Raises NotFound for an item that is not there, Invalid when less is there than is to go."""
    held = await held_item(session, restaurant_id, values["inventory_item"])
    occurred_at = values.get("occurred_at", now)
    if occurred_at > now:
        raise Invalid.field("occurred_at", IN_FUTURE)
    adjustment = StockAdjustment(
        id=uuid4(),
        restaurant_id=restaurant_id,
        item_id=held.item_id,
        adjustment_type=values["adjustment_type"],
        quantity_changed=in_own_unit(held, values["quantity_changed"], values.get("unit")),
        value=Decimal(0),
        reason=values.get("reason") or None,
        adjusted_by=author_id,
        is_deleted=False,
        occurred_at=occurred_at,
        created_at=now,
        updated_at=now,
    )
    await _enter(session, adjustment, held, author_id, now, values.get("unit"), values["quantity_changed"])
    session.add(adjustment)
    await session.flush()
    return adjustment


async def change_adjustment(
    session: AsyncSession,
    restaurant_id: UUID,
    author_id: UUID,
    adjustment_id: UUID,
    changes: Mapping[str, Any],
    now: datetime,
) -> StockAdjustment:
    """Changes an adjustment; what moved otherwise than it now says is reversed first. Raises as `create_adjustment`."""
    adjustment = await _locked(session, restaurant_id, adjustment_id)
    present = adjustment.quantity_changed.quantize(_SHOWN)
    sent = [changes[name] for name in ("quantity_changed", "quantity") if name in changes]
    quantity = next((one for one in sent if one != present), adjustment.quantity_changed)
    kind = changes.get("adjustment_type", adjustment.adjustment_type)
    item_id = changes.get("inventory_item", adjustment.item_id)
    if "reason" in changes:
        adjustment.reason = changes["reason"] or None
    if (item_id, kind, quantity) != (adjustment.item_id, adjustment.adjustment_type, adjustment.quantity_changed):
        held = await ledger.hold(session, restaurant_id, {adjustment.item_id, item_id})
        if item_id not in held or not held[item_id].is_active:
            raise NotFound(NO_ITEM)
        await _take_back(session, adjustment, held, author_id, now, "The adjustment was changed.")
        adjustment.item_id, adjustment.adjustment_type, adjustment.quantity_changed = item_id, kind, quantity
        await _enter(session, adjustment, held[item_id], author_id, now)
    adjustment.updated_at = now
    await session.flush()
    return adjustment


async def remove_adjustment(
    session: AsyncSession, restaurant_id: UUID, author_id: UUID, adjustment_id: UUID, now: datetime
) -> None:
    """Reverses an adjustment and takes it off the list. Raises NotFound."""
    adjustment = await _locked(session, restaurant_id, adjustment_id)
    held = await ledger.hold(session, restaurant_id, {adjustment.item_id})
    await _take_back(session, adjustment, held, author_id, now, "The adjustment was deleted.")
    adjustment.is_deleted = True
    await session.flush()


def in_own_unit(held: Holding, quantity: Decimal, unit: str | None) -> Decimal:
    """A quantity in the item's unit. Raises Invalid for a unit that the item does not know."""
    try:
        return held.in_own_unit(quantity, unit)
    except NoConversion as error:
        raise Invalid.field("unit", f"{held.name}: {error}", code="no_conversion") from error


async def _locked(session: AsyncSession, restaurant_id: UUID, adjustment_id: UUID) -> StockAdjustment:
    adjustment = await session.scalar(
        sa.select(StockAdjustment)
        .where(
            StockAdjustment.restaurant_id == restaurant_id,
            StockAdjustment.id == adjustment_id,
            ~StockAdjustment.is_deleted,
        )
        .with_for_update()
    )
    if adjustment is None:
        raise NotFound(NO_ADJUSTMENT)
    return adjustment


async def _enter(
    session: AsyncSession,
    adjustment: StockAdjustment,
    held: Holding,
    author_id: UUID,
    now: datetime,
    unit: str | None = None,
    entered: Decimal | None = None,
) -> None:
    """What the adjustment does to the stock; a transfer does nothing."""
    kind, quantity = adjustment.adjustment_type, adjustment.quantity_changed
    if kind == "TRANSFER":
        adjustment.value = Decimal(0)
        return
    if kind in TAKES_AWAY:
        if held.balance.quantity < quantity:
            raise Invalid(NOT_ENOUGH, code="not_enough_stock")
        quantity = -quantity
    movement = Movement(
        held.item_id,
        kind,
        quantity,
        reason=adjustment.reason,
        entered_quantity=entered if unit else None,
        entered_unit=unit,
    )
    cause = Cause("adjustment", adjustment.id, author_id, adjustment.occurred_at)
    (moved,) = await ledger.move(session, adjustment.restaurant_id, {held.item_id: held}, [movement], cause, now)
    adjustment.entry_id, adjustment.value = moved.entry_id, moved.value


async def _take_back(
    session: AsyncSession,
    adjustment: StockAdjustment,
    held: Mapping[UUID, Holding],
    author_id: UUID,
    now: datetime,
    reason: str,
) -> None:
    if adjustment.entry_id is None:
        return
    entry = await session.get_one(StockEntry, adjustment.entry_id)
    cause = Cause("adjustment", adjustment.id, author_id, adjustment.occurred_at)
    await ledger.take_back(session, adjustment.restaurant_id, held, [entry], cause, now, reason)
    adjustment.entry_id, adjustment.value = None, Decimal(0)
