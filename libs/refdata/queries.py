"""Reading the copies: by a join from a service's own tables, or one restaurant or person at a time."""

from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam

from refdata.tables import restaurant_ref, staff_ref
from servicekit.db import Query, Reading
from servicekit.errors import NotFound

DEFAULT_TIME_ZONE: Final = ZoneInfo("Africa/Casablanca")

ZONE = sa.func.coalesce(restaurant_ref.c.timezone, DEFAULT_TIME_ZONE.key).label("timezone")
"""The name of the joined restaurant's time zone; the default one where the outer join found nothing."""

FULL_NAME = sa.func.trim(
    sa.func.coalesce(staff_ref.c.first_name, "") + " " + sa.func.coalesce(staff_ref.c.last_name, "")
)
"""First and last name of the joined person; empty where the outer join found nobody."""

_RESTAURANT = Query(sa.select(restaurant_ref).where(restaurant_ref.c.id == bindparam("id", type_=sa.Uuid)))
_MEMBER = Query(
    sa.select(staff_ref).where(
        staff_ref.c.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        staff_ref.c.user_id == bindparam("user_id", type_=sa.Uuid),
    )
)


def is_staff(
    restaurant_id: sa.SQLColumnExpression[UUID], user_id: sa.SQLColumnExpression[Any]
) -> sa.ColumnElement[bool]:
    """The condition of an outer join from a row's restaurant and person to `staff_ref`."""
    return sa.and_(staff_ref.c.restaurant_id == restaurant_id, staff_ref.c.user_id == user_id)


async def restaurant(reading: Reading, restaurant_id: UUID) -> Any | None:
    """The restaurant's row, or None while its first event is still under way."""
    return await reading.first(_RESTAURANT, id=restaurant_id)


async def time_zone(reading: Reading, restaurant_id: UUID) -> ZoneInfo:
    """Where the restaurant's days begin and end; the platform's default while its first event is still under way."""
    row = await restaurant(reading, restaurant_id)
    return ZoneInfo(row.timezone) if row is not None else DEFAULT_TIME_ZONE


async def member(reading: Reading, restaurant_id: UUID, user_id: UUID) -> Any:
    """A person of the restaurant, active or not. Raises NotFound for anybody else."""
    row = await reading.first(_MEMBER, restaurant_id=restaurant_id, user_id=user_id)
    if row is None:
        raise NotFound("No User matches the given query.")
    return row
