"""Reports, computed from the ledger: balances as they are, less what moved since."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.orm import aliased

from servicekit.db import Query, Reader
from servicekit.zones import beginning_of
from services.inventory.domain.periods import FOREVER, Single, Summed, pieces
from services.inventory.domain.usage import Usage
from services.inventory.models import Item, StockAdjustment, StockBalance, StockEntry, StockSum

_ONE = timedelta(days=1)
_MINE = bindparam("restaurant_id", type_=sa.Uuid)
_SINCE = bindparam("since", type_=sa.DateTime(timezone=True))
_UNTIL = bindparam("until", type_=sa.DateTime(timezone=True))
_FIRST = bindparam("first", type_=sa.Date)

_NOW_WORTH = Query(
    sa.select(sa.func.coalesce(sa.func.sum(StockBalance.value), 0)).where(StockBalance.restaurant_id == _MINE)
)
_ADJUSTMENTS = Query(
    sa.select(
        StockAdjustment.occurred_at,
        StockAdjustment.item_id,
        Item.name,
        StockAdjustment.adjustment_type,
        StockAdjustment.quantity_changed,
        StockAdjustment.value,
        StockAdjustment.reason,
    )
    .join(Item, Item.id == StockAdjustment.item_id)
    .where(
        StockAdjustment.restaurant_id == _MINE,
        ~StockAdjustment.is_deleted,
        StockAdjustment.occurred_at >= _SINCE,
        StockAdjustment.occurred_at < _UNTIL,
    )
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
_single = _pieces("single", start=_instant, end=_instant, sign=sa.Integer(), day=sa.Date())
_summed = _pieces("summed", grain=sa.Text(), first=sa.Date(), before=sa.Date(), day=sa.Date())
# OFFSET keeps the planner from reading everything once and comparing it with every piece.
_entries_in = (
    sa.select(StockEntry.item_id, _cause.label("cause"), StockEntry.quantity, StockEntry.value)
    .where(
        StockEntry.restaurant_id == _MINE,
        StockEntry.occurred_at >= _single.c.start,
        StockEntry.occurred_at < _single.c.end,
    )
    .offset(sa.literal_column("0"))
    .lateral("entries_in")
)
_sums_in = (
    sa.select(StockSum.item_id, StockSum.cause, StockSum.quantity, StockSum.value)
    .where(
        StockSum.restaurant_id == _MINE,
        StockSum.grain == _summed.c.grain,
        StockSum.starts_on >= _summed.c.first,
        StockSum.starts_on < _summed.c.before,
    )
    .offset(sa.literal_column("0"))
    .lateral("sums_in")
)
_parts = sa.union_all(
    sa.select(
        _entries_in.c.item_id,
        _entries_in.c.cause,
        (_entries_in.c.quantity * _single.c.sign).label("quantity"),
        (_entries_in.c.value * _single.c.sign).label("value"),
        _single.c.day,
    )
    .select_from(_single)
    .join(_entries_in, sa.true()),
    sa.select(_sums_in.c.item_id, _sums_in.c.cause, _sums_in.c.quantity, _sums_in.c.value, _summed.c.day)
    .select_from(_summed)
    .join(_sums_in, sa.true()),
).subquery()


def _moved(*causes: str) -> sa.ColumnElement[Decimal]:
    """What moved within the period by one of these causes, less what was taken back of it."""
    wanted = sa.and_(_parts.c.day != FOREVER, sa.or_(*(_parts.c.cause == cause for cause in causes)))
    return sa.func.coalesce(sa.func.sum(_parts.c.quantity).filter(wanted), 0)


_movements = (
    sa.select(
        _parts.c.item_id,
        _moved("OPENING", "RECEIPT").label("received"),
        _moved("SALE").label("sold"),
        _moved("WASTE").label("wasted"),
        _moved("ADD", "REMOVE").label("adjusted"),
        _moved("COUNT").label("counted"),
        sa.func.coalesce(sa.func.sum(_parts.c.quantity).filter(_parts.c.day == FOREVER), 0).label("later"),
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

# The stock at the end of each day, for as long as it stays what it is: what is there now less what moved afterwards.
_HAS_LEVEL = sa.and_(Item.restaurant_id == _MINE, Item.is_active, Item.reorder_level.is_not(None))
_nothing = sa.literal_column("0", sa.Numeric)
# Each item that can be low has a row of the first day, from which its stock is known.
_begun = sa.select(Item.id, _FIRST, _nothing, _nothing).where(_HAS_LEVEL)
_all_moves = sa.union_all(
    sa.select(_parts.c.item_id, _parts.c.day, _parts.c.quantity, _parts.c.value), _begun
).subquery("all_moves")
_moved_on = (
    sa.select(
        _all_moves.c.item_id,
        _all_moves.c.day,
        sa.func.sum(_all_moves.c.quantity).label("quantity"),
        sa.func.sum(_all_moves.c.value).label("value"),
    )
    .group_by(_all_moves.c.item_id, _all_moves.c.day)
    .cte("moved_on")
)
# Both windows have one order, so that the rows are sorted once.
_item, _from_the_last = _moved_on.c.item_id, _moved_on.c.day.desc()
_steps = sa.select(
    _moved_on.c.item_id,
    _moved_on.c.day,
    sa.func.lag(_moved_on.c.day).over(partition_by=_item, order_by=_from_the_last).label("before"),
    sa.func.coalesce(
        sa.func.sum(_moved_on.c.quantity).over(partition_by=_item, order_by=_from_the_last, rows=(None, -1)), 0
    ).label("afterwards"),
).subquery("steps")
_amount = StockBalance.quantity - _steps.c.afterwards
_low = (
    sa.select(_steps.c.item_id, _steps.c.day, _steps.c.before, _amount.label("amount"))
    .join(Item, Item.id == _steps.c.item_id)
    .join(StockBalance, StockBalance.item_id == Item.id)
    .where(_HAS_LEVEL, _steps.c.day != FOREVER, _amount <= Item.reorder_level)
)
_found = sa.union_all(
    sa.select(
        sa.null().cast(sa.Uuid).label("item_id"),
        _moved_on.c.day,
        sa.null().cast(sa.Date).label("before"),
        sa.func.sum(_moved_on.c.value).label("amount"),
    ).group_by(_moved_on.c.day),
    _low,
).subquery("found")
DAYS = Query(
    sa.select(_found, Item.id, Item.name, Item.reorder_level, Item.created_at)
    .select_from(_found)
    .outerjoin(Item, Item.id == _found.c.item_id)
    .order_by(Item.name, Item.id)
)
"""Without an item: what the stock gained in value on a day. With one: its low stock, from a day until another."""


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


async def days(reader: Reader, restaurant_id: UUID, first: date, last: date, zone: ZoneInfo) -> list[Day]:
    """The stock at the end of each day of a period, the last day first; one round trip."""
    worth, rows, adjustments = await reader.batch(
        (_NOW_WORTH, {"restaurant_id": restaurant_id}),
        (DAYS, {"restaurant_id": restaurant_id, "first": first, **days_parameters(first, last, zone)}),
        (
            _ADJUSTMENTS,
            {
                "restaurant_id": restaurant_id,
                "since": beginning_of(first, zone),
                "until": beginning_of(last + _ONE, zone),
            },
        ),
    )
    gained = {row.day: row.amount for row in rows if row.item_id is None}
    low_on: defaultdict[date, list[tuple[Any, Decimal]]] = defaultdict(list)
    for row in rows:
        if row.item_id is not None:
            for day in _days(row.day, min(row.before or FOREVER, last + _ONE)):
                if row.created_at < beginning_of(day + _ONE, zone):
                    low_on[day].append((row, row.amount))
    adjusted_on: defaultdict[date, list[Any]] = defaultdict(list)
    for row in adjustments:
        adjusted_on[row.occurred_at.astimezone(zone).date()].append(row)
    value = worth[0][0] - gained.get(FOREVER, Decimal(0))
    found = []
    for day in reversed(list(_days(first, last + _ONE))):
        found.append(Day(day, value, low_on[day], adjusted_on[day]))
        value -= gained.get(day, Decimal(0))
    return found


async def usage(reader: Reader, restaurant_id: UUID, start: datetime, end: datetime) -> list[tuple[Any, Usage]]:
    """What became of each item that moved in or after a period, by name."""
    rows = await reader.all(USAGE, restaurant_id=restaurant_id, **usage_parameters(start, end))
    return [(row, Usage(row.closing, row.received, -row.sold, -row.wasted, row.adjusted, row.counted)) for row in rows]


def usage_parameters(start: datetime, end: datetime) -> dict[str, Any]:
    """The pieces of the ledger that a report of a period reads, as the parameters of `USAGE`."""
    return _parameters([(start.date(), pieces(start, end)), (FOREVER, pieces(end, None))])


def days_parameters(first: date, last: date, zone: ZoneInfo) -> dict[str, Any]:
    """The pieces that reports of days read, each marked with its day, as parameters of `DAYS`."""
    marked = [
        (day, pieces(beginning_of(day, zone), beginning_of(day + _ONE, zone))) for day in _days(first, last + _ONE)
    ]
    return _parameters([*marked, (FOREVER, pieces(beginning_of(last + _ONE, zone), None))])


def _parameters(marked: Sequence[tuple[date, tuple[list[Summed], list[Single]]]]) -> dict[str, Any]:
    summed = [(piece, day) for day, (found, _) in marked for piece in found]
    single = [(piece, day) for day, (_, found) in marked for piece in found]
    return {
        "summed_grain": [piece.grain for piece, _ in summed],
        "summed_first": [piece.first for piece, _ in summed],
        "summed_before": [piece.before for piece, _ in summed],
        "summed_day": [day for _, day in summed],
        "single_start": [piece.start for piece, _ in single],
        "single_end": [piece.end for piece, _ in single],
        "single_sign": [piece.sign for piece, _ in single],
        "single_day": [day for _, day in single],
    }


def _days(first: date, before: date) -> Iterator[date]:
    while first < before:
        yield first
        first += _ONE
