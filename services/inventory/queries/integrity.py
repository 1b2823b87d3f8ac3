"""Whether what is kept beside the ledger, balances and sums, is what its entries add up to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.orm import aliased

from servicekit.db import Query, Reading
from services.inventory.models import StockBalance, StockEntry, StockSum

# Not named like the column, whose name an INSERT from this SELECT takes for itself.
_MINE = bindparam("mine", type_=sa.Uuid)
_RESTAURANTS = Query(sa.select(StockBalance.restaurant_id).distinct().order_by(StockBalance.restaurant_id))

_ledger = (
    sa.select(
        StockEntry.item_id,
        sa.func.sum(StockEntry.quantity).label("quantity"),
        sa.func.sum(StockEntry.value).label("value"),
        sa.func.count().label("entries"),
    )
    .where(StockEntry.restaurant_id == _MINE)
    .group_by(StockEntry.item_id)
    .subquery()
)
_BALANCES = Query(
    sa.select(StockBalance.item_id)
    .outerjoin(_ledger, _ledger.c.item_id == StockBalance.item_id)
    .where(
        StockBalance.restaurant_id == _MINE,
        sa.or_(
            StockBalance.quantity != sa.func.coalesce(_ledger.c.quantity, 0),
            StockBalance.value != sa.func.coalesce(_ledger.c.value, 0),
            StockBalance.entries != sa.func.coalesce(_ledger.c.entries, 0),
        ),
    )
    .order_by(StockBalance.item_id)
)

_undone = aliased(StockEntry)
_grains = sa.values(sa.column("grain", sa.Text), name="grains").data([("DAY",), ("MONTH",)])
ADDED_UP = (
    sa.select(
        StockEntry.restaurant_id.label("restaurant_id"),
        _grains.c.grain.label("grain"),
        sa.cast(sa.func.date_trunc(_grains.c.grain, sa.func.timezone("UTC", StockEntry.occurred_at)), sa.Date).label(
            "starts_on"
        ),
        StockEntry.item_id.label("item_id"),
        sa.func.coalesce(_undone.kind, StockEntry.kind).label("cause"),
        sa.func.sum(StockEntry.quantity).label("quantity"),
        sa.func.sum(StockEntry.value).label("value"),
    )
    .outerjoin(_undone, _undone.id == StockEntry.reverses_id)
    .join(_grains, sa.true())
    .where(StockEntry.restaurant_id == _MINE)
    .group_by(sa.text("1, 2, 3, 4, 5"))
)
"""The sums as they have to be."""

_right = ADDED_UP.subquery()
_kept = sa.select(StockSum).where(StockSum.restaurant_id == _MINE).subquery()
_SUMS = Query(
    sa.select(sa.func.coalesce(_right.c.item_id, _kept.c.item_id).label("item_id"))
    .select_from(
        sa.outerjoin(
            _right,
            _kept,
            sa.and_(
                _right.c.item_id == _kept.c.item_id,
                _right.c.grain == _kept.c.grain,
                _right.c.starts_on == _kept.c.starts_on,
                _right.c.cause == _kept.c.cause,
            ),
            full=True,
        )
    )
    .where(sa.or_(_right.c.quantity.is_distinct_from(_kept.c.quantity), _right.c.value.is_distinct_from(_kept.c.value)))
    .distinct()
    .order_by(sa.text("1"))
)


async def restaurants(reading: Reading) -> Sequence[UUID]:
    """Every restaurant that keeps stock."""
    return [row.restaurant_id for row in await reading.all(_RESTAURANTS)]


async def wrong_items(reading: Reading, restaurant_id: UUID) -> tuple[list[UUID], list[UUID]]:
    """The items of a restaurant whose balance, and those whose sums, are not what the ledger adds up to."""
    found: list[Sequence[Any]] = [await reading.all(query, mine=restaurant_id) for query in (_BALANCES, _SUMS)]
    return [row.item_id for row in found[0]], [row.item_id for row in found[1]]
