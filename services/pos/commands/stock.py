"""What runs out in the stock is not sold."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.pos import events
from services.pos.models import MenuItem, StockOut

_KEEP = insert(StockOut)
_UPSERT = _KEEP.on_conflict_do_update(
    index_elements=["restaurant_id", "stock_item_id"],
    set_={name: _KEEP.excluded[name] for name in ("version", "is_out", "menu_item_ids")},
    where=_KEEP.excluded.version > StockOut.version,
).returning(StockOut.stock_item_id)


async def follow(
    session: AsyncSession, restaurant_id: UUID, item_id: UUID, version: int, dishes: Sequence[UUID], *, is_out: bool
) -> None:
    """Takes dishes off sale while something that they need is out, and brings those back that it had taken off.

    An older word about an item than the last one changes nothing. What people took off sale is theirs to bring back,
    and what they brought back although the stock is out stays on sale until the stock says so again.
    """
    before = await session.scalar(
        sa.select(StockOut.menu_item_ids)
        .where(StockOut.restaurant_id == restaurant_id, StockOut.stock_item_id == item_id)
        .with_for_update()
    )
    row = {"restaurant_id": restaurant_id, "stock_item_id": item_id, "version": version, "is_out": is_out}
    kept = await session.execute(_UPSERT, {**row, "menu_item_ids": list(dishes)})
    if kept.first() is None:
        return
    named = frozenset(dishes)
    missing = sa.exists().where(
        StockOut.restaurant_id == restaurant_id, StockOut.is_out, MenuItem.id == sa.any_(StockOut.menu_item_ids)
    )
    found = await session.execute(
        sa.select(MenuItem, missing)
        .where(MenuItem.restaurant_id == restaurant_id, MenuItem.id.in_({*dishes, *(before or ())}))
        .order_by(MenuItem.id)
        .with_for_update(of=MenuItem)
    )
    for item, is_missing in found.all():
        if is_out and item.id in named and item.is_available:
            item.is_available, item.is_out_of_stock = False, True
        elif not is_missing and item.is_out_of_stock:
            item.is_available, item.is_out_of_stock = True, False
        else:
            continue
        item.version += 1
        await session.flush()
        events.menu_item_availability(session, item)
