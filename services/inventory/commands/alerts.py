"""Telling others that items ran low, ran out and came back, and which dishes that concerns."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from services.inventory import events
from services.inventory.domain import ledger
from services.inventory.domain.holding import Holding
from services.inventory.models import StockBalance
from services.inventory.queries import recipes

_COUNT = (
    sa.update(StockBalance)
    .where(StockBalance.item_id == bindparam("at"))
    .values(state_version=bindparam("state_version"))
)


async def tell(session: AsyncSession, restaurant_id: UUID, changes: Sequence[tuple[Holding, str]]) -> None:
    """Publishes which items ran low or out or came back; each stands beside the state that it was in."""
    out = [holding for holding, _ in changes if holding.state == ledger.OUT]
    back = [holding for holding, before in changes if before == ledger.OUT]
    if out or back:
        reading = SessionReader(session)
        needed = await recipes.dishes_that_need(reading, restaurant_id, [one.item_id for one in (*out, *back)])
        affected = {dish for holding in back for dish in needed[holding.item_id]}
        possible = await recipes.dishes_that_can_be_made(reading, restaurant_id, affected) if affected else set()
        for holding in out:
            events.ran_out(session, restaurant_id, holding, needed[holding.item_id])
        for holding in back:
            dishes = [dish for dish in needed[holding.item_id] if dish in possible]
            events.came_back(session, restaurant_id, holding, dishes)
    for holding, _ in changes:
        if holding.state == ledger.LOW:
            events.ran_low(session, restaurant_id, holding)


async def tell_again(session: AsyncSession, restaurant_id: UUID, held: Iterable[Holding]) -> None:
    """Publishes anew which dishes wait for items that have run out, after recipes changed; others are left out."""
    out = [holding for holding in held if holding.has_run_out]
    if not out:
        return
    needed = await recipes.dishes_that_need(SessionReader(session), restaurant_id, [one.item_id for one in out])
    for holding in out:
        holding.state_version += 1
        events.ran_out(session, restaurant_id, holding, needed[holding.item_id], is_repeated=True)
    connection = await session.connection()
    await connection.execute(_COUNT, [{"at": one.item_id, "state_version": one.state_version} for one in out])
