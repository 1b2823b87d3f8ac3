"""Making the sums of the ledger anew."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.inventory.models import Base, StockBalance, StockSum
from services.inventory.queries.integrity import ADDED_UP

_SUMS = Base.metadata.tables[StockSum.__tablename__]


async def sum_up_again(session: AsyncSession, restaurant_id: UUID) -> None:
    """Replaces a restaurant's sums by what its entries add up to, while nothing of it moves."""
    balances = sa.select(StockBalance.item_id).where(StockBalance.restaurant_id == restaurant_id)
    await session.execute(balances.order_by(StockBalance.item_id).with_for_update())
    await session.execute(sa.delete(StockSum).where(StockSum.restaurant_id == restaurant_id))
    again = sa.insert(_SUMS).from_select(_SUMS.columns.keys(), ADDED_UP)
    await session.execute(again, {"mine": restaurant_id})
