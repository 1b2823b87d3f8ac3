"""What people do with their own notifications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import NotFound
from services.notify.commands.deliveries import cancel_of
from services.notify.models import Notification
from services.notify.queries.notifications import NO_NOTIFICATION


def _own(restaurant_id: UUID, user_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(
        Notification.restaurant_id == restaurant_id,
        Notification.recipient_id == user_id,
        Notification.deleted_at.is_(None),
    )


async def mark_read(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, notification_id: UUID, now: datetime
) -> datetime:
    """Marks one as read; when it was read first. Raises NotFound for somebody else's."""
    found = await session.execute(
        sa.update(Notification)
        .where(_own(restaurant_id, user_id), Notification.id == notification_id)
        .values(read_at=sa.func.coalesce(Notification.read_at, now))
        .returning(Notification.read_at)
    )
    read_at: datetime | None = found.scalar_one_or_none()
    if read_at is None:
        raise NotFound(NO_NOTIFICATION)
    return read_at


async def set_read(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, notification_id: UUID, now: datetime | None
) -> None:
    """Marks one as read, where the time of the first reading stays, or without a time as unread.

    Raises NotFound for somebody else's.
    """
    if now is not None:
        await mark_read(session, restaurant_id, user_id, notification_id, now)
        return
    unread = sa.update(Notification).where(_own(restaurant_id, user_id), Notification.id == notification_id)
    found = await session.execute(unread.values(read_at=None).returning(Notification.id))
    if found.first() is None:
        raise NotFound(NO_NOTIFICATION)


async def mark_many_read(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, now: datetime, only: Sequence[UUID] | None = None
) -> int:
    """Marks what is unread, or the unread ones of those that are named; how many."""
    conditions: list[Any] = [_own(restaurant_id, user_id), Notification.read_at.is_(None)]
    if only is not None:
        conditions.append(Notification.id.in_(only))
    changed = await session.execute(
        sa.update(Notification).where(*conditions).values(read_at=now).returning(Notification.id)
    )
    return len(changed.all())


async def delete(session: AsyncSession, restaurant_id: UUID, user_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """Takes those that are named out of the list, and has what waits of them not be sent; how many."""
    gone = (
        await session.scalars(
            sa.update(Notification)
            .where(_own(restaurant_id, user_id), Notification.id.in_(ids))
            .values(deleted_at=now)
            .returning(Notification.id)
        )
    ).all()
    if gone:
        await cancel_of(session, gone, now)
    return len(gone)
