"""One delivery's way: claimed before a provider is asked, settled by its answer and by its reports."""

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify import events
from services.notify.commands.telling import queue
from services.notify.domain.channels import WHATSAPP
from services.notify.domain.deliveries import (
    CANCELLED,
    FAILED,
    OPEN,
    PENDING,
    READ,
    SENDING,
    SENT,
    SKIPPED,
    TAKEN,
    UNCERTAIN,
    Outcome,
    Postponed,
    Refused,
    Sent,
    Skipped,
    Unknown,
    after_report,
    max_attempts,
    pause_after,
)
from services.notify.domain.whatsapp import Report
from services.notify.models import Delivery, DeviceToken, Notification, ProviderPace

LONGEST_ERROR: Final = 300
STUCK_AFTER: Final = timedelta(minutes=15)
"""A delivery that nobody has touched for so long although it is due has lost its job."""

_RESERVE = sa.text(
    "INSERT INTO provider_paces (channel, next_at) VALUES (:channel, CAST(:now AS timestamptz) + :step)"
    " ON CONFLICT (channel) DO UPDATE SET next_at = greatest(provider_paces.next_at, :now) + :step"
    " RETURNING next_at - CAST(:step AS interval)"
).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)), sa.bindparam("step", type_=sa.Interval))

_TOLD = sa.select(Notification.id, Notification.recipient_id, Notification.kind, Notification.related_shift_id).where(
    Notification.id == sa.bindparam("id", type_=sa.Uuid)
)


async def reserve(session: AsyncSession, channel: str, per_second: float, now: datetime) -> datetime:
    """The next free moment for asking a provider, which nobody else gets; now, where nobody is waiting."""
    step = timedelta(seconds=1 / per_second)
    moment: datetime = (await session.execute(_RESERVE, {"channel": channel, "now": now, "step": step})).scalar_one()
    return moment


async def hold_back(session: AsyncSession, channel: str, until: datetime) -> None:
    """Has nobody ask a provider before a moment, because it said so."""
    await session.execute(
        insert(ProviderPace)
        .values(channel=channel, next_at=until)
        .on_conflict_do_update(
            index_elements=["channel"], set_={"next_at": sa.func.greatest(ProviderPace.next_at, until)}
        )
    )


async def claim(session: AsyncSession, delivery_id: UUID, now: datetime) -> bool:
    """Marks a delivery as being sent; False unless it waits for that. Once committed, nobody else will send it."""
    claimed = await session.execute(
        sa.update(Delivery)
        .where(
            Delivery.id == delivery_id,
            Delivery.state == PENDING,
            sa.or_(Delivery.not_before.is_(None), Delivery.not_before <= now),
        )
        .values(state=SENDING, attempts=Delivery.attempts + 1, updated_at=now)
        .returning(Delivery.id)
    )
    return claimed.first() is not None


async def postpone(session: AsyncSession, delivery_id: UUID, until: datetime, *, reserved: bool = False) -> None:
    """Has a delivery that waits be sent later."""
    await session.execute(
        sa.update(Delivery).where(Delivery.id == delivery_id, Delivery.state == PENDING).values(not_before=until)
    )
    await queue(session, delivery_id, until, reserved=reserved)


async def abandon(session: AsyncSession, delivery_id: UUID, now: datetime) -> None:
    """Settles a delivery whose run ended without a word: perhaps it was sent, so it is not sent again."""
    await settle(session, delivery_id, Unknown("the sender was interrupted"), now)


async def settle(session: AsyncSession, delivery_id: UUID, outcome: Outcome, now: datetime) -> Delivery | None:
    """Records what came of a delivery that was claimed, or that was taken for lost meanwhile; None for another one."""
    delivery: Delivery | None = (
        await session.scalars(sa.select(Delivery).where(Delivery.id == delivery_id).with_for_update())
    ).one_or_none()
    if delivery is None or delivery.state not in (SENDING, UNCERTAIN):
        return None
    match outcome:
        case Sent(provider_id):
            delivery.state, delivery.error = SENT, None
            delivery.provider_id = provider_id[:255] or None
            delivery.sent_at = now
        case Refused(error):
            delivery.state, delivery.error = FAILED, error[:LONGEST_ERROR]
        case Skipped(reason):
            delivery.state, delivery.error = SKIPPED, reason[:LONGEST_ERROR]
        case Unknown(error):
            delivery.state, delivery.error = UNCERTAIN, error[:LONGEST_ERROR]
        case Postponed(error, after):
            delivery.error = error[:LONGEST_ERROR]
            if delivery.attempts >= max_attempts(delivery.channel):
                delivery.state = FAILED
            else:
                delivery.state = PENDING
                delivery.not_before = now + pause_after(delivery.attempts, after)
                await queue(session, delivery.id, delivery.not_before)
                if after is not None:
                    await hold_back(session, delivery.channel, now + after)
    delivery.updated_at = now
    await _tell(session, delivery)
    await session.flush()
    return delivery


def final(outcome: Outcome) -> Outcome:
    """The outcome for a sender that does not try again by itself."""
    return Refused(outcome.error) if isinstance(outcome, Postponed) else outcome


async def apply_report(session: AsyncSession, report: Report, now: datetime) -> bool:
    """Applies a status that WhatsApp reported, whenever it comes; False when it is about none of ours, or no news.

    A report may come before the answer to the request that it is about: the reference, which went along, finds it.
    """
    conditions = [sa.and_(Delivery.channel == WHATSAPP, Delivery.provider_id == report.provider_id)]
    with contextlib.suppress(ValueError):
        conditions.append(Delivery.id == UUID(report.reference))
    delivery: Delivery | None = (
        await session.scalars(sa.select(Delivery).where(sa.or_(*conditions)).limit(1).with_for_update())
    ).one_or_none()
    if delivery is None:
        return False
    if delivery.provider_id is None:
        delivery.provider_id = report.provider_id
    state = after_report(delivery.state, report.state)
    if state == delivery.state:
        return False
    delivery.state = state
    delivery.updated_at = now
    if state == FAILED:
        delivery.error = report.error[:LONGEST_ERROR]
    else:
        delivery.sent_at = delivery.sent_at or report.at
    if state in (READ, "DELIVERED"):
        delivery.delivered_at = delivery.delivered_at or report.at
    if state == READ and delivery.notification_id is not None:
        await session.execute(
            sa.update(Notification)
            .where(Notification.id == delivery.notification_id, Notification.read_at.is_(None))
            .values(read_at=report.at)
        )
    await _tell(session, delivery)
    await session.flush()
    return True


async def cancel_of(session: AsyncSession, notification_ids: Sequence[UUID], now: datetime) -> None:
    """Has what waits of these notifications not be sent."""
    await session.execute(
        sa.update(Delivery)
        .where(Delivery.notification_id.in_(notification_ids), Delivery.state == PENDING)
        .values(state=CANCELLED, updated_at=now)
    )


async def requeue_overdue(session: AsyncSession, now: datetime, *, limit: int, kinds: Sequence[str] = ()) -> int:
    """Queues deliveries whose time has long come, and settles those that nobody can be sending any more.

    With `kinds` only those of such notifications, and whatever is due.
    """
    patience = timedelta() if kinds else STUCK_AFTER
    due = sa.and_(
        Delivery.state == PENDING,
        sa.func.coalesce(Delivery.not_before, Delivery.created_at) <= now - patience,
        *([_of_kinds(kinds)] if kinds else [Delivery.updated_at <= now - patience]),
    )
    waiting = (
        await session.scalars(sa.select(Delivery.id).where(due).order_by(Delivery.created_at).limit(limit))
    ).all()
    for delivery_id in waiting:
        await queue(session, delivery_id)
    await session.execute(sa.update(Delivery).where(Delivery.id.in_(waiting)).values(updated_at=now))
    if not kinds:
        lost = await session.scalars(
            sa.select(Delivery.id)
            .where(Delivery.state == SENDING, Delivery.updated_at <= now - STUCK_AFTER)
            .limit(limit)
        )
        for delivery_id in lost.all():
            await abandon(session, delivery_id, now)
    return len(waiting)


def _of_kinds(kinds: Sequence[str]) -> sa.ColumnElement[bool]:
    return Delivery.notification_id.in_(sa.select(Notification.id).where(Notification.kind.in_(kinds)))


async def prune_tokens(session: AsyncSession, tokens: Sequence[str]) -> None:
    """Forgets push tokens that the provider knows no more."""
    await session.execute(sa.delete(DeviceToken).where(DeviceToken.token.in_(tokens)))


async def _tell(session: AsyncSession, delivery: Delivery) -> None:
    """Publishes what became of a notification or an invitation, once that is known."""
    if delivery.notification_id is not None and delivery.state not in OPEN:
        told = (await session.execute(_TOLD, {"id": delivery.notification_id})).one()
        events.notification_delivery_settled(session, delivery, told)
    if delivery.addressee.startswith(events.INVITATION) and delivery.state in (*TAKEN, FAILED, SKIPPED):
        events.invitation_delivery_settled(session, delivery)


async def record(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> list[UUID]:
    """Keeps deliveries that belong to no notification; the ids of those that are new, which are not queued yet."""
    made = await session.execute(
        insert(Delivery)
        .on_conflict_do_nothing(index_elements=["restaurant_id", "addressee", "channel", "key"])
        .returning(Delivery.id),
        list(rows),
    )
    return list(made.scalars().all())
