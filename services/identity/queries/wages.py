"""What people are paid."""

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.identity.models import StaffProfile, User

MONTHLY_HOURS: Final = 191
"""The hours of a month's salary: those of the legal month in Morocco, 44 hours a week."""

_RATE = sa.case(
    (StaffProfile.salary_type == "MONTHLY", sa.func.round(StaffProfile.hourly_rate / MONTHLY_HOURS, 2)),
    else_=StaffProfile.hourly_rate,
)
_WAGES = Query(
    sa.select(User.id, _RATE.label("hourly_rate"))
    .join(StaffProfile, StaffProfile.user_id == User.id)
    .where(
        User.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), User.is_active, StaffProfile.hourly_rate > 0
    )
    .order_by(User.id)
)


async def wages(reading: Reading, restaurant_id: UUID) -> list[Any]:
    """What an hour of the active people of a restaurant costs, of those who have a rate; a salary by its share."""
    return list(await reading.all(_WAGES, restaurant_id=restaurant_id))
