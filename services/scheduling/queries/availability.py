"""What people said about their time."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import Availability

NO_ENTRY = "No StaffAvailability matches the given query."
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_STAFF = bindparam("staff_id", None, type_=sa.Uuid)
_STATUS = bindparam("status", None, type_=sa.Text)
_TYPE = bindparam("availability_type", None, type_=sa.Text)
_ENTRIES = sa.select(*Availability.__table__.columns, refdata.ZONE).outerjoin(
    refdata.restaurant_ref, refdata.restaurant_ref.c.id == Availability.restaurant_id
)
_CHOSEN = sa.and_(
    Availability.restaurant_id == _RESTAURANT,
    sa.or_(_STAFF.is_(None), Availability.staff_id == _STAFF),
    sa.or_(_STATUS.is_(None), Availability.status == _STATUS),
    sa.or_(_TYPE.is_(None), Availability.availability_type == _TYPE),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Availability).where(_CHOSEN))
_ROWS = Query(
    _ENTRIES.where(_CHOSEN)
    .order_by(Availability.day_of_week, Availability.first_day, Availability.start_time, Availability.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(
    _ENTRIES.where(Availability.restaurant_id == _RESTAURANT, Availability.id == bindparam("id", type_=sa.Uuid))
)


async def page_of_entries(reader: Reader, restaurant_id: UUID, page: Page, **chosen: Any) -> tuple[int, list[Any]]:
    """How many entries there are, and those of one page. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, **chosen)


async def one_entry(reading: Reading, restaurant_id: UUID, entry_id: UUID) -> Any:
    """An entry. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=entry_id)
    if row is None:
        raise NotFound(NO_ENTRY)
    return row
