"""Staff profiles: people with what is recorded of them as employees."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.identity.models import Restaurant, StaffProfile, User
from services.identity.queries.people import PERSON_COLUMNS, PERSON_TABLES

MAX_DIGITS = 18
"""Of a profile's number; an id without its hyphens is longer."""

_COLUMNS: list[Any] = [
    *PERSON_COLUMNS,
    User.number,
    Restaurant.currency,
    StaffProfile.image_file,
    StaffProfile.date_of_birth,
    StaffProfile.position,
    StaffProfile.employee_id,
    StaffProfile.contract_end_date,
    StaffProfile.health_card_expiry,
    sa.cast(StaffProfile.skills, sa.Text).label("skills"),
    sa.cast(StaffProfile.certifications, sa.Text).label("certifications"),
]
_MINE = User.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)

_COUNT = Query(sa.select(sa.func.count()).select_from(User).where(_MINE, User.is_active))
_LIST = Query(
    sa.select(*_COLUMNS)
    .select_from(PERSON_TABLES)
    .where(_MINE, User.is_active)
    .order_by(User.first_name, User.last_name, User.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.BigInteger))
)
_BY_USER = Query(
    sa.select(*_COLUMNS).select_from(PERSON_TABLES).where(_MINE, User.id == bindparam("user_id", type_=sa.Uuid))
)
_BY_NUMBER = Query(
    sa.select(*_COLUMNS)
    .select_from(PERSON_TABLES)
    .where(_MINE, User.number == bindparam("number", type_=sa.BigInteger))
)
_PICTURE = Query(
    sa.select(StaffProfile.restaurant_id, StaffProfile.image_file).where(
        StaffProfile.user_id == bindparam("user_id", type_=sa.Uuid)
    )
)


async def active_profiles(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many active people there are, and one page of them by name. Raises NotFound for a page beyond the end."""
    count, rows = await reader.batch(
        (_COUNT, {"restaurant_id": restaurant_id}),
        (_LIST, {"restaurant_id": restaurant_id, "limit": page.limit, "offset": page.offset}),
    )
    page.check(count[0][0])
    return count[0][0], rows


async def profile(reading: Reading, restaurant_id: UUID, key: str) -> Any:
    """One person's profile by its number or by the person's id. Raises NotFound."""
    if len(key) <= MAX_DIGITS and key.isdecimal():
        row = await reading.first(_BY_NUMBER, restaurant_id=restaurant_id, number=int(key))
    else:
        row = await reading.first(_BY_USER, restaurant_id=restaurant_id, user_id=UUID(key))
    if row is None:
        raise NotFound("No StaffProfile matches the given query.")
    return row


async def picture(reading: Reading, user_id: UUID) -> Any | None:
    """Where the picture of a person of any restaurant lies, or None; its reader must prove a right to it."""
    return await reading.first(_PICTURE, user_id=user_id)
