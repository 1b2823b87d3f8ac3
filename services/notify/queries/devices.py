"""Push tokens."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.notify.models import DeviceToken

_OWN = Query(
    sa.select(*DeviceToken.__table__.columns)
    .where(
        DeviceToken.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        DeviceToken.user_id == bindparam("user_id", type_=sa.Uuid),
        DeviceToken.is_active,
    )
    .order_by(DeviceToken.last_used.desc(), DeviceToken.id.desc())
    .limit(100)
)


async def active_tokens(reading: Reading, restaurant_id: UUID, user_id: UUID) -> Sequence[Any]:
    """A person's tokens that are in use, the last used first."""
    return await reading.all(_OWN, restaurant_id=restaurant_id, user_id=user_id)
