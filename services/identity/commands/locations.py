"""Keeping where somebody is."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.identity.models import StaffProfile

_SCALE = Decimal("0.000001")


async def keep_location(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, latitude: float, longitude: float, now: datetime
) -> None:
    """Replaces a person's last position; the profile begins to exist with the first one."""
    position = {
        "last_latitude": Decimal(str(latitude)).quantize(_SCALE),
        "last_longitude": Decimal(str(longitude)).quantize(_SCALE),
        "last_located_at": now,
    }
    await session.execute(
        insert(StaffProfile)
        .values(user_id=user_id, restaurant_id=restaurant_id, **position)
        .on_conflict_do_update(index_elements=["user_id"], set_=position)
    )
