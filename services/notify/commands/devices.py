"""Keeping the push tokens of people's devices."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import DeviceToken


async def register(
    session: AsyncSession,
    restaurant_id: UUID,
    user_id: UUID,
    token: str,
    device_type: str,
    device_name: str | None,
    now: datetime,
) -> tuple[int, bool]:
    """Gives a token to a person, whoever had it, and retires their others of that type; its number, and if it is new.

    The session must see every restaurant: a device that changes hands may change restaurants.
    """
    known = await session.scalar(sa.select(DeviceToken.id).where(DeviceToken.token == token).with_for_update())
    values = {
        "restaurant_id": restaurant_id,
        "user_id": user_id,
        "device_type": device_type,
        "device_name": device_name,
        "is_active": True,
        "last_used": now,
    }
    token_id: int = (
        await session.execute(
            insert(DeviceToken)
            .values(token=token, **values)
            .on_conflict_do_update(index_elements=["token"], set_=values)
            .returning(DeviceToken.id)
        )
    ).scalar_one()
    await session.execute(
        sa.update(DeviceToken)
        .where(
            DeviceToken.restaurant_id == restaurant_id,
            DeviceToken.user_id == user_id,
            DeviceToken.device_type == device_type,
            DeviceToken.id != token_id,
        )
        .values(is_active=False, last_used=DeviceToken.last_used)
    )
    return token_id, known is None


async def unregister(session: AsyncSession, restaurant_id: UUID, user_id: UUID, token: str) -> bool:
    """Retires one of the person's tokens; False when they have no such token."""
    retired = await session.execute(
        sa.update(DeviceToken)
        .where(DeviceToken.restaurant_id == restaurant_id, DeviceToken.user_id == user_id, DeviceToken.token == token)
        .values(is_active=False)
        .returning(DeviceToken.id)
    )
    return retired.first() is not None
