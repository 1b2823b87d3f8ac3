"""Pairing and unpairing devices."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, NotFound
from services.identity.commands import sessions
from services.identity.models import Device, Session
from services.identity.vault import Vault, random_token

MAX_DEVICES = 200


async def pair(
    session: AsyncSession, vault: Vault, restaurant_id: UUID, paired_by: UUID, name: str, now: datetime
) -> tuple[Device, str]:
    """A paired device and the token that proves it is the one. Raises Conflict when a restaurant has too many."""
    paired = await session.scalar(
        sa.select(sa.func.count()).where(Device.restaurant_id == restaurant_id, Device.revoked_at.is_(None))
    )
    if paired is not None and paired >= MAX_DEVICES:
        raise Conflict(f"A restaurant can pair {MAX_DEVICES} devices at most.", code="too_many_devices")
    token = random_token()
    device = Device(
        id=uuid4(),
        restaurant_id=restaurant_id,
        name=name,
        token_digest=vault.digest("device", token),
        paired_by=paired_by,
        created_at=now,
    )
    session.add(device)
    return device, token


async def seen(session: AsyncSession, device_id: UUID, now: datetime) -> None:
    """Notes that somebody logged in from a device just now."""
    await session.execute(sa.update(Device).where(Device.id == device_id).values(last_seen_at=now))


async def unpair(session: AsyncSession, restaurant_id: UUID, device_id: UUID, now: datetime) -> Device:
    """Makes a device's token useless and ends the sessions opened from it. Raises NotFound."""
    device = await session.scalar(
        sa.select(Device)
        .where(Device.id == device_id, Device.restaurant_id == restaurant_id, Device.revoked_at.is_(None))
        .with_for_update()
    )
    if device is None:
        raise NotFound("No Device matches the given query.")
    device.revoked_at = now
    opened = await session.scalars(
        sa.select(Session)
        .where(Session.device_id == device_id, Session.revoked_at.is_(None), Session.expires_at > now)
        .with_for_update()
    )
    for one in opened:
        sessions.revoke(session, one, "device_unpaired", now)
    return device
