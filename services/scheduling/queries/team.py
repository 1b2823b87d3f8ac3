"""What everybody is planned for."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from refdata import FULL_NAME, staff_ref
from servicekit.db import Query, Reading
from services.scheduling.models import Shift, ShiftPerson

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_LENGTH = sa.func.greatest(
    sa.extract("epoch", Shift.ends_at - Shift.starts_at) - Shift.break_minutes * 60, sa.literal_column("0")
)
_PLANNED = (
    sa.select(
        ShiftPerson.user_id,
        sa.func.count().label("shifts"),
        sa.cast(sa.func.sum(_LENGTH), sa.BigInteger).label("seconds"),
    )
    .join(Shift, Shift.id == ShiftPerson.shift_id)
    .where(
        Shift.restaurant_id == _RESTAURANT,
        Shift.shift_date.between(bindparam("first", type_=sa.Date), bindparam("last", type_=sa.Date)),
        Shift.occupies,
    )
    .group_by(ShiftPerson.user_id)
    .subquery()
)
_LOADS = Query(
    sa.select(
        staff_ref.c.user_id,
        FULL_NAME.label("name"),
        staff_ref.c.role,
        sa.func.coalesce(_PLANNED.c.shifts, 0).label("shifts"),
        sa.func.coalesce(_PLANNED.c.seconds, 0).label("seconds"),
    )
    .outerjoin(_PLANNED, _PLANNED.c.user_id == staff_ref.c.user_id)
    .where(staff_ref.c.restaurant_id == _RESTAURANT, staff_ref.c.is_active)
    .order_by(staff_ref.c.first_name, staff_ref.c.last_name, staff_ref.c.user_id)
)


async def loads(reading: Reading, restaurant_id: UUID, first: date, last: date) -> Sequence[Any]:
    """Everybody who works in a restaurant, by name, with the shifts that begin between two days and their seconds."""
    return await reading.all(_LOADS, restaurant_id=restaurant_id, first=first, last=last)
