"""Making announcements, and telling them once their time has come."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.files import StoredFile
from services.notify.commands.telling import News, tell
from services.notify.domain.announcements import Targeting
from services.notify.domain.routing import Urgency
from services.notify.models import Announcement, Attachment, DeliveryIssue, Notification
from services.notify.queries import announcements as queries
from services.notify.tasks import RELEASE

PEOPLE_AT_ONCE: Final = 300
OVERDUE_AFTER: Final = timedelta(minutes=5)


async def create(
    session: AsyncSession, announcement: Announcement, files: Sequence[tuple[str, StoredFile]], now: datetime
) -> int:
    """Keeps an announcement and has it told at its time; how many people it means at this moment.

    Raises Invalid for a time that has passed and NotFound for people and shifts of others.
    """
    for name in ("scheduled_for", "expires_at"):
        moment = getattr(announcement, name)
        if moment is not None and moment <= now and (name != "scheduled_for" or announcement.is_scheduled):
            field = "schedule_for" if name == "scheduled_for" else name
            raise Invalid.field(field, "Must be in the future.", code="in_the_past")
    if announcement.expires_at is not None and announcement.expires_at <= announcement.scheduled_for:
        raise Invalid.field("expires_at", "Must be after the time at which it is sent.")
    targeting = Targeting.from_json(announcement.targeting)
    reading = SessionReader(session)
    if what := await queries.unknown(reading, announcement.restaurant_id, targeting):
        raise NotFound(f"No {what} matches the given query.")
    announcement.id = uuid4()
    session.add(announcement)
    await session.flush()
    for name, stored in files:
        session.add(
            Attachment(
                restaurant_id=announcement.restaurant_id,
                announcement_id=announcement.id,
                key=stored.key,
                original_name=name[:255],
                content_type=stored.content_type,
                size=stored.size,
            )
        )
    await _queue(session, announcement.id, announcement.scheduled_for if announcement.is_scheduled else None)
    return await queries.count_meant(reading, announcement.restaurant_id, announcement.sender_id, targeting)


async def release(session: AsyncSession, announcement_id: UUID, after: UUID, now: datetime) -> UUID | None:
    """Tells an announcement to the next people whom it means; the last of them, or None when nobody is left.

    One whose time has not come is left for then; one that was cancelled or has run out is told to nobody else.
    """
    announcement: Announcement | None = (
        await session.scalars(sa.select(Announcement).where(Announcement.id == announcement_id).with_for_update())
    ).one_or_none()
    if announcement is None or announcement.status not in ("SCHEDULED", "SENDING"):
        return None
    if announcement.scheduled_for > now:
        await _queue(session, announcement_id, announcement.scheduled_for)
        return None
    if announcement.expires_at is not None and announcement.expires_at <= now:
        announcement.status = "CANCELLED" if announcement.status == "SCHEDULED" else "SENT"
        return None
    targeting = Targeting.from_json(announcement.targeting)
    people = await queries.next_meant(
        SessionReader(session),
        announcement.restaurant_id,
        announcement.sender_id,
        targeting,
        after=after,
        limit=PEOPLE_AT_ONCE,
    )
    await tell(session, announcement.restaurant_id, people, _news(announcement, targeting), now)
    announcement.status = "SENDING"
    if len(people) == PEOPLE_AT_ONCE:
        return people[-1]
    announcement.status = "SENT"
    announcement.sent_at = now
    return None


def _news(announcement: Announcement, targeting: Targeting) -> News:
    overrides = announcement.override_preferences
    data: Mapping[str, Any] = {
        "announcement": True,
        "announcement_id": str(announcement.id),
        "scheduled_for": announcement.scheduled_for.isoformat() if announcement.is_scheduled else None,
        "targeted": targeting.is_targeted,
        "tags": announcement.tags,
        "targeting": targeting.to_json(),
    }
    return News(
        key=f"announcement {announcement.id}",
        kind="ANNOUNCEMENT",
        text="announcement",
        words={"title": announcement.title, "message": announcement.message},
        channels=announcement.channels,
        priority=announcement.priority,
        urgency=Urgency(overrides=overrides, is_critical=overrides and announcement.priority == "URGENT"),
        sender_id=announcement.sender_id,
        data=data,
        announcement_id=announcement.id,
        expires_at=announcement.expires_at,
    )


async def cancel(session: AsyncSession, restaurant_id: UUID, announcement_id: UUID) -> Announcement:
    """Takes back an announcement that nobody was told yet. Raises NotFound, and Conflict when it is too late."""
    announcement: Announcement | None = (
        await session.scalars(
            sa.select(Announcement)
            .where(Announcement.restaurant_id == restaurant_id, Announcement.id == announcement_id)
            .with_for_update()
        )
    ).one_or_none()
    if announcement is None:
        raise NotFound("No Announcement matches the given query.")
    if announcement.status not in ("SCHEDULED", "CANCELLED"):
        raise Conflict("The announcement was sent already.", code="already_sent")
    announcement.status = "CANCELLED"
    await session.flush()
    return announcement


async def acknowledge(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, named: UUID, now: datetime
) -> datetime:
    """Notes that somebody took note of an announcement, named by itself or by their notification.

    The first time stays. Raises NotFound for one that they did not get.
    """
    notification: Notification | None = (
        await session.scalars(
            sa.select(Notification)
            .where(
                Notification.restaurant_id == restaurant_id,
                Notification.recipient_id == user_id,
                Notification.announcement_id.is_not(None),
                Notification.deleted_at.is_(None),
                sa.or_(Notification.id == named, Notification.announcement_id == named),
            )
            .with_for_update()
        )
    ).one_or_none()
    if notification is None:
        raise NotFound("No Notification matches the given query.")
    notification.read_at = notification.read_at or now
    notification.acknowledged_at = notification.acknowledged_at or now
    await session.flush()
    return notification.acknowledged_at


async def report_issue(
    session: AsyncSession, restaurant_id: UUID, reporter_id: UUID, description: str, notification_id: UUID | None
) -> int:
    """Keeps a report of something that did not arrive as it should; its number. Raises NotFound for others' things."""
    if notification_id is not None:
        own = await session.scalar(
            sa.select(Notification.id).where(
                Notification.restaurant_id == restaurant_id,
                Notification.recipient_id == reporter_id,
                Notification.id == notification_id,
            )
        )
        if own is None:
            raise NotFound("No Notification matches the given query.")
    issue = DeliveryIssue(
        restaurant_id=restaurant_id,
        reporter_id=reporter_id,
        notification_id=notification_id,
        description=description,
    )
    session.add(issue)
    await session.flush()
    return issue.id


async def queue_due(session: AsyncSession, now: datetime, patience: timedelta = OVERDUE_AFTER) -> int:
    """Queues the announcements whose time has long come and that are not told yet; how many."""
    due = (
        await session.scalars(
            sa.select(Announcement.id).where(
                Announcement.status.in_(("SCHEDULED", "SENDING")), Announcement.scheduled_for <= now - patience
            )
        )
    ).all()
    for announcement_id in due:
        await _queue(session, announcement_id, None)
    return len(due)


async def _queue(session: AsyncSession, announcement_id: UUID, at: datetime | None) -> None:
    await jobs.defer(session, RELEASE, at=at, announcement_id=str(announcement_id))
