"""Preferences."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.notify.models import Preferences

_OWN = Query(
    sa.select(*Preferences.__table__.columns).where(
        Preferences.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        Preferences.user_id == bindparam("user_id", type_=sa.Uuid),
    )
)


async def preferences_of(reading: Reading, restaurant_id: UUID, user_id: UUID) -> Any | None:
    """What somebody chose, or None for a person who is not registered yet."""
    return await reading.first(_OWN, restaurant_id=restaurant_id, user_id=user_id)
