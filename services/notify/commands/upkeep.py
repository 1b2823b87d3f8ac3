"""Deleting what is over."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from services.notify.domain.deliveries import OPEN
from services.notify.models import (
    Announcement,
    Attachment,
    Delivery,
    DeviceToken,
    Notification,
    WhatsAppMessage,
    WhatsAppSession,
)
from services.notify.tasks import REMOVE_FILE

EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """How long things are kept."""

    notifications: timedelta = timedelta(days=90)
    deliveries: timedelta = timedelta(days=30)
    inactive_tokens: timedelta = timedelta(days=180)
    unread: bool = False
    """Whether what nobody has read is kept for ever."""


@dataclass
class Deleted:
    """What was deleted: how much of each, and a few notifications among it."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)


async def clean(session: AsyncSession, kept: Kept, now: datetime) -> Deleted:
    """Deletes notifications, deliveries, tokens, announcements and messages that are older than they are kept."""
    deleted = Deleted()
    # Never while events can still come again that a key guards against.
    old = [Notification.created_at < now - max(kept.notifications, timedelta(days=14))]
    if kept.unread:
        old.append(sa.or_(Notification.read_at.is_not(None), Notification.deleted_at.is_not(None)))
    titles = await session.execute(
        sa.select(Notification.created_at, Notification.kind, Notification.title)
        .where(*old)
        .order_by(Notification.created_at)
        .limit(EXAMPLES)
    )
    deleted.examples = [f"{row.created_at:%Y-%m-%d} {row.kind} {row.title}" for row in titles]
    unfinished = sa.exists().where(Delivery.notification_id == Notification.id, Delivery.state.in_(OPEN))
    deleted.counts["notifications"] = await _delete(session, sa.delete(Notification).where(*old, ~unfinished))
    deleted.counts["deliveries"] = await _delete(
        session,
        sa.delete(Delivery).where(Delivery.updated_at < now - kept.deliveries, Delivery.state.not_in(OPEN)),
    )
    deleted.counts["device_tokens"] = await _delete(
        session,
        sa.delete(DeviceToken).where(~DeviceToken.is_active, DeviceToken.last_used < now - kept.inactive_tokens),
    )
    deleted.counts["announcements"] = await _delete_announcements(session, now - kept.notifications)
    deleted.counts["whatsapp_messages"] = await _delete(
        session,
        sa.delete(WhatsAppMessage).where(
            WhatsAppMessage.received_at < now - kept.deliveries, WhatsAppMessage.processed_at.is_not(None)
        ),
    )
    await _delete(
        session,
        sa.delete(WhatsAppSession).where(
            WhatsAppSession.last_inbound_at < now - kept.deliveries, WhatsAppSession.expires_at < now
        ),
    )
    return deleted


async def _delete_announcements(session: AsyncSession, before: datetime) -> int:
    over = sa.and_(
        Announcement.status.in_(("SENT", "CANCELLED")),
        Announcement.scheduled_for < before,
        ~sa.exists().where(Notification.announcement_id == Announcement.id),
    )
    keys = await session.scalars(
        sa.select(Attachment.key).where(Attachment.announcement_id.in_(sa.select(Announcement.id).where(over)))
    )
    for key in keys.all():
        await jobs.defer(session, REMOVE_FILE, key=key)
    return await _delete(session, sa.delete(Announcement).where(over))


async def _delete(session: AsyncSession, statement: Any) -> int:
    result: Any = await session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)
