"""Reports, computed from the ledger: balances as they are, less what moved since."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.orm import aliased

from servicekit.db import Query, Reader
from services.inventory.domain.periods import pieces
from services.inventory.domain.usage import Usage
from services.inventory.models import Item, StockAdjustment, StockBalance, StockEntry, StockSum

_MINE = bindparam("restaurant_id", type_=sa.Uuid)
_SINCE = bindparam("since", type_=sa.DateTime(timezone=True))
_ZONE = bindparam("zone", type_=sa.Text)


def _day(instant: Any) -> sa.Cast[date]:
    return sa.cast(sa.func.timezone(_ZONE, instant), sa.Date)


_NOW_WORTH = Query(
    sa.select(sa.func.coalesce(sa.func.sum(StockBalance.value), 0)).where(StockBalance.restaurant_id == _MINE)
)
_entry_day = _day(StockEntry.occurred_at).label("day")
_VALUE_BY_DAY = Query(
    sa.select(_entry_day, sa.func.sum(StockEntry.value))
    .where(StockEntry.restaurant_id == _MINE, StockEntry.occurred_at >= _SINCE)
    .group_by(_entry_day)
)
_HAS_LEVEL = sa.and_(Item.restaurant_id == _MINE, Item.is_active, Item.reorder_level.is_not(None))
_LEVELS = Query(
    sa.select(Item.id, Item.name, Item.reorder_level, StockBalance.quantity, Item.created_at)
    .join(StockBalance, StockBalance.item_id == Item.id)
    .where(_HAS_LEVEL)
    .order_by(Item.name, Item.id)
)
_QUANTITY_BY_DAY = Query(
    sa.select(_entry_day, StockEntry.item_id, sa.func.sum(StockEntry.quantity))
    .join(Item, Item.id == StockEntry.item_id)
    .where(StockEntry.restaurant_id == _MINE, StockEntry.occurred_at >= _SINCE, _HAS_LEVEL)
    .group_by(_entry_day, StockEntry.item_id)
)
_ADJUSTMENTS = Query(
    sa.select(
        _day(StockAdjustment.occurred_at).label("day"),
        StockAdjustment.item_id,
        Item.name,
        StockAdjustment.adjustment_type,
        StockAdjustment.quantity_changed,
        StockAdjustment.value,
        StockAdjustment.reason,
    )
    .join(Item, Item.id == StockAdjustment.item_id)
    .where(StockAdjustment.restaurant_id == _MINE, ~StockAdjustment.is_deleted, StockAdjustment.occurred_at >= _SINCE)
    .order_by(StockAdjustment.created_at, StockAdjustment.id)
)

_undone = aliased(StockEntry)
# Few entries reverse others, and a join would read all that could be reversed.
_cause = sa.case(
    (StockEntry.reverses_id.is_(None), StockEntry.kind),
    else_=sa.select(_undone.kind).where(_undone.id == StockEntry.reverses_id).scalar_subquery(),
)


def _pieces(name: str, **columns: sa.types.TypeEngine[Any]) -> sa.TableValuedAlias:
    """Parameters `<name>_<column>`, each an array, as a table."""
    arrays = [bindparam(f"{name}_{column}", type_=sa.ARRAY(kind)) for column, kind in columns.items()]
    listed = [sa.column(column, kind) for column, kind in columns.items()]
    return sa.func.unnest(*arrays).table_valued(*listed).alias(name).render_derived()


_instant = sa.DateTime(timezone=True)
_single = _pieces("single", start=_instant, end=_instant, sign=sa.Integer(), is_later=sa.Boolean())
_summed = _pieces("summed", grain=sa.Text(), first=sa.Date(), before=sa.Date(), is_later=sa.Boolean())
_parts = sa.union_all(
    sa.select(
        StockEntry.item_id,
        _cause.label("cause"),
        (StockEntry.quantity * _single.c.sign).label("quantity"),
        _single.c.is_later,
    )
    .select_from(_single)
    .join(
        StockEntry,
        sa.and_(
            StockEntry.restaurant_id == _MINE,
            StockEntry.occurred_at >= _single.c.start,
            StockEntry.occurred_at < _single.c.end,
        ),
    ),
    sa.select(StockSum.item_id, StockSum.cause, StockSum.quantity, _summed.c.is_later)
    .select_from(_summed)
    .join(
        StockSum,
        sa.and_(
            StockSum.restaurant_id == _MINE,
            StockSum.grain == _summed.c.grain,
            StockSum.starts_on >= _summed.c.first,
            StockSum.starts_on < _summed.c.before,
        ),
    ),
).subquery()


def _moved(*causes: str) -> sa.ColumnElement[Decimal]:
    """What moved within the period by one of these causes, less what was taken back of it."""
    wanted = sa.and_(~_parts.c.is_later, sa.or_(*(_parts.c.cause == cause for cause in causes)))
    return sa.func.coalesce(sa.func.sum(_parts.c.quantity).filter(wanted), 0)


_movements = (
    sa.select(
        _parts.c.item_id,
        _moved("OPENING", "RECEIPT").label("received"),
        _moved("SALE").label("sold"),
        _moved("WASTE").label("wasted"),
        _moved("ADD", "REMOVE").label("adjusted"),
        _moved("COUNT").label("counted"),
        sa.func.coalesce(sa.func.sum(_parts.c.quantity).filter(_parts.c.is_later), 0).label("later"),
    )
    .group_by(_parts.c.item_id)
    .subquery()
)
USAGE = Query(
    sa.select(
        Item.id,
        Item.name,
        Item.unit,
        StockBalance.unit_cost,
        (StockBalance.quantity - _movements.c.later).label("closing"),
        _movements.c.received,
        _movements.c.sold,
        _movements.c.wasted,
        _movements.c.adjusted,
        _movements.c.counted,
    )
    .select_from(_movements)
    .join(Item, Item.id == _movements.c.item_id)
    .join(StockBalance, StockBalance.item_id == Item.id)
    .order_by(Item.name, Item.id)
)


@dataclass(slots=True)
class Day:
    """The stock at the end of one day."""

    date: date
    value: Decimal
    low: list[tuple[Any, Decimal]] = field(default_factory=list)
    adjustments: list[Any] = field(default_factory=list)

    @property
    def waste_cost(self) -> Decimal:
        """What was thrown away was worth this much."""
        return -sum((one.value for one in self.adjustments if one.adjustment_type == "WASTE"), Decimal(0))


def beginning_of(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins in a time zone."""
    return datetime.combine(day, time.min, zone)


async def days(reader: Reader, restaurant_id: UUID, first: date, last: date, zone: ZoneInfo) -> list[Day]:
    """The stock at the end of each day of a period, the last day first; one round trip."""
    of = {"restaurant_id": restaurant_id}
    since = {**of, "since": beginning_of(first, zone), "zone": zone.key}
    worth, values, levels, quantities, adjustments = await reader.batch(
        (_NOW_WORTH, of), (_VALUE_BY_DAY, since), (_LEVELS, of), (_QUANTITY_BY_DAY, since), (_ADJUSTMENTS, since)
    )
    value_on = {row[0]: row[1] for row in values}
    moved_on: defaultdict[date, list[tuple[UUID, Decimal]]] = defaultdict(list)
    for day, item_id, quantity in quantities:
        moved_on[day].append((item_id, quantity))
    adjusted_on: defaultdict[date, list[Any]] = defaultdict(list)
    for row in adjustments:
        adjusted_on[row.day].append(row)
    value = worth[0][0]
    stock = {row.id: row.quantity for row in levels}
    found = []
    for day in _backwards(max([*value_on, last]), first):
        if day <= last:
            found.append(Day(day, value, _low(levels, stock, beginning_of(day, zone)), adjusted_on[day]))
        value -= value_on.get(day, Decimal(0))
        for item_id, quantity in moved_on[day]:
            stock[item_id] -= quantity
    return found


async def usage(
    reader: Reader, restaurant_id: UUID, first: date, last: date, zone: ZoneInfo
) -> list[tuple[Any, Usage]]:
    """What became of each item that moved in or after a period, by name."""
    rows = await reader.all(
        USAGE,
        restaurant_id=restaurant_id,
        **usage_parameters(beginning_of(first, zone), beginning_of(last + timedelta(days=1), zone)),
    )
    return [(row, Usage(row.closing, row.received, -row.sold, -row.wasted, row.adjusted, row.counted)) for row in rows]


def usage_parameters(start: datetime, end: datetime) -> dict[str, Any]:
    """The pieces of the ledger that a report of a period reads, as the parameters of `USAGE`."""
    within, later = pieces(start, end), pieces(end, None)
    summed = [(piece, is_later) for found, is_later in ((within, False), (later, True)) for piece in found[0]]
    single = [(piece, is_later) for found, is_later in ((within, False), (later, True)) for piece in found[1]]
    return {
        "summed_grain": [piece.grain for piece, _ in summed],
        "summed_first": [piece.first for piece, _ in summed],
        "summed_before": [piece.before for piece, _ in summed],
        "summed_is_later": [is_later for _, is_later in summed],
        "single_start": [piece.start for piece, _ in single],
        "single_end": [piece.end for piece, _ in single],
        "single_sign": [piece.sign for piece, _ in single],
        "single_is_later": [is_later for _, is_later in single],
    }


def _low(levels: Sequence[Any], stock: dict[UUID, Decimal], begins: datetime) -> list[tuple[Any, Decimal]]:
    """Items at or under their level at the end of a day, of those that were there by then."""
    ends = begins + timedelta(days=1)
    return [(row, stock[row.id]) for row in levels if row.created_at < ends and stock[row.id] <= row.reorder_level]


def _backwards(last: date, first: date) -> list[date]:
    return [last - timedelta(days=back) for back in range((last - first).days + 1)]
