"""What sales do to the stock: taken out once when an order is completed, put back once when that is undone."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from services.inventory.commands import ledger
from services.inventory.commands.ledger import Cause, Movement
from services.inventory.domain import recipe as rules
from services.inventory.models import SaleDepletion, StockEntry
from services.inventory.queries import recipes

UNDONE = "The sale was undone."

_CLAIM = insert(SaleDepletion).on_conflict_do_nothing().returning(SaleDepletion.order_id)


async def deplete(
    session: AsyncSession,
    restaurant_id: UUID,
    order_id: UUID,
    lines: Sequence[tuple[UUID, int]],
    occurred_at: datetime,
    now: datetime,
) -> bool:
    """Takes out of the stock what an order's dishes are made of; False when that was done, or undone, before.

    Dishes without a recipe take nothing. What is not there is taken all the same: the stock then shows below zero.
    """
    if not await _claim(session, restaurant_id, order_id, "DEPLETED", occurred_at):
        return False
    known = await recipes.kitchen(
        SessionReader(session), restaurant_id, dishes=sorted({menu_item_id for menu_item_id, _ in lines})
    )
    dishes = [
        (known.recipe_of_dish[menu_item_id], count)
        for menu_item_id, count in lines
        if menu_item_id in known.recipe_of_dish
    ]
    taken = rules.sold(known.book, dishes)
    if taken:
        held = await ledger.hold(session, restaurant_id, taken)
        movements = [Movement(item_id, "SALE", -taken[item_id]) for item_id in held]
        cause = Cause("order", order_id, None, occurred_at)
        await ledger.move(session, restaurant_id, held, movements, cause, now)
    return True


async def undo(
    session: AsyncSession, restaurant_id: UUID, order_id: UUID, occurred_at: datetime, now: datetime
) -> bool:
    """Puts back what an order took; False when there was nothing to put back.

    An order that is undone before it was heard of is remembered, so that its completion takes nothing any more.
    """
    if await _claim(session, restaurant_id, order_id, "REVERSED", occurred_at):
        return False
    turned = await session.scalar(
        sa.update(SaleDepletion)
        .where(
            SaleDepletion.restaurant_id == restaurant_id,
            SaleDepletion.order_id == order_id,
            SaleDepletion.state == "DEPLETED",
        )
        .values(state="REVERSED")
        .returning(SaleDepletion.order_id)
    )
    if turned is None:
        return False
    found = await session.scalars(
        sa.select(StockEntry)
        .where(StockEntry.restaurant_id == restaurant_id, StockEntry.source_id == order_id, StockEntry.kind == "SALE")
        .order_by(StockEntry.item_id)
    )
    entries = found.all()
    if entries:
        held = await ledger.hold(session, restaurant_id, [entry.item_id for entry in entries])
        cause = Cause("order", order_id, None, occurred_at)
        await ledger.take_back(session, restaurant_id, held, entries, cause, now, UNDONE)
    return True


async def _claim(session: AsyncSession, restaurant_id: UUID, order_id: UUID, state: str, occurred_at: datetime) -> bool:
    row = {"restaurant_id": restaurant_id, "order_id": order_id, "state": state, "occurred_at": occurred_at}
    return (await session.scalars(_CLAIM, [row])).one_or_none() is not None
