"""Adjustments and counts."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.inventory.models import Item, StockAdjustment, StockBalance, StockCount, StockCountLine
from services.inventory.queries.items import ITEM_COLUMNS

NO_ADJUSTMENT = "No StockAdjustment matches the given query."
NO_COUNT = "No StockCount matches the given query."

PERSON_COLUMNS = (
    refdata.staff_ref.c.user_id.label("person_id"),
    refdata.staff_ref.c.first_name,
    refdata.staff_ref.c.last_name,
    refdata.staff_ref.c.email.label("person_email"),
    refdata.staff_ref.c.role,
)
"""Who did it, as colleagues may see them."""

_item = bindparam("item_id", type_=sa.Uuid)
_kind = bindparam("kind", type_=sa.Text)
_MINE = sa.and_(StockAdjustment.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), ~StockAdjustment.is_deleted)
_WANTED = sa.and_(
    _MINE,
    sa.or_(_item.is_(None), StockAdjustment.item_id == _item),
    sa.or_(_kind.is_(None), StockAdjustment.adjustment_type == _kind),
)
_FULL = (
    sa.select(
        StockAdjustment.id,
        StockAdjustment.restaurant_id,
        StockAdjustment.item_id.label("adjusted_item_id"),
        StockAdjustment.adjustment_type,
        StockAdjustment.quantity_changed,
        StockAdjustment.value,
        StockAdjustment.reason,
        StockAdjustment.adjusted_by,
        StockAdjustment.created_at,
        StockAdjustment.updated_at,
        *ITEM_COLUMNS,
        *PERSON_COLUMNS,
    )
    .join(Item, Item.id == StockAdjustment.item_id)
    .join(StockBalance, StockBalance.item_id == Item.id)
    .outerjoin(refdata.staff_ref, refdata.is_staff(StockAdjustment.restaurant_id, StockAdjustment.adjusted_by))
)
_COUNT = Query(sa.select(sa.func.count()).select_from(StockAdjustment).where(_WANTED))
_ROWS = Query(
    _FULL.where(_WANTED)
    .order_by(StockAdjustment.created_at.desc(), StockAdjustment.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(_FULL.where(_MINE, StockAdjustment.id == bindparam("id", type_=sa.Uuid)))

_MY_COUNTS = StockCount.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_COUNTS = (
    sa.select(*StockCount.__table__.columns, *PERSON_COLUMNS)
    .select_from(StockCount)
    .outerjoin(refdata.staff_ref, refdata.is_staff(StockCount.restaurant_id, StockCount.counted_by))
    .where(_MY_COUNTS)
)
_COUNT_OF_COUNTS = Query(sa.select(sa.func.count()).select_from(StockCount).where(_MY_COUNTS))
_PAGE_OF_COUNTS = Query(
    _COUNTS.order_by(StockCount.created_at.desc(), StockCount.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE_COUNT = Query(_COUNTS.where(StockCount.id == bindparam("id", type_=sa.Uuid)))
_COUNT_LINES = Query(
    sa.select(
        StockCountLine.item_id,
        Item.name,
        Item.unit,
        StockCountLine.system_quantity,
        StockCountLine.counted_quantity,
        StockCountLine.variance_value,
    )
    .join(Item, Item.id == StockCountLine.item_id)
    .where(
        StockCountLine.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        StockCountLine.count_id == bindparam("id", type_=sa.Uuid),
    )
    .order_by(Item.name, Item.id)
)


async def page_of_adjustments(
    reader: Reader, restaurant_id: UUID, page: Page, item_id: UUID | None, kind: str | None
) -> tuple[int, list[Any]]:
    """How many adjustments fit, and those of one page, the newest first. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, item_id=item_id, kind=kind)


async def adjustment(reading: Reading, restaurant_id: UUID, adjustment_id: UUID) -> Any:
    """One adjustment with its item and author. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=adjustment_id)
    if row is None:
        raise NotFound(NO_ADJUSTMENT)
    return row


async def page_of_counts(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many counts there are, and those of one page, the newest first. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT_OF_COUNTS, _PAGE_OF_COUNTS, page, restaurant_id=restaurant_id)


async def count(reading: Reading, restaurant_id: UUID, count_id: UUID) -> tuple[Any, list[Any]]:
    """One count and its lines by name. Raises NotFound."""
    of = {"restaurant_id": restaurant_id, "id": count_id}
    found, lines = await reading.batch((_ONE_COUNT, of), (_COUNT_LINES, of))
    if not found:
        raise NotFound(NO_COUNT)
    return found[0], list(lines)


async def counted_at(reading: Reading, restaurant_id: UUID, count_id: UUID) -> datetime:
    """When a count was taken. Raises NotFound."""
    row = await reading.first(_ONE_COUNT, restaurant_id=restaurant_id, id=count_id)
    if row is None:
        raise NotFound(NO_COUNT)
    moment: datetime = row.created_at
    return moment
