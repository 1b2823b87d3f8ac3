"""What people are paid."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.identity.models import StaffProfile, User

_WAGES = Query(
    sa.select(User.id, StaffProfile.hourly_rate)
    .join(StaffProfile, StaffProfile.user_id == User.id)
    .where(
        User.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), User.is_active, StaffProfile.hourly_rate > 0
    )
    .order_by(User.id)
)


async def wages(reading: Reading, restaurant_id: UUID) -> list[Any]:
    """The hourly rates of the active people of a restaurant, of those who have one."""
    return list(await reading.all(_WAGES, restaurant_id=restaurant_id))
