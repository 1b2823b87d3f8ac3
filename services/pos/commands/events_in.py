"""Keeping what providers tell, before anything is done about it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from services.pos.domain.provider import Hint
from services.pos.models import ProviderEvent, VerificationCode
from services.pos.tasks import PROCESS_EVENTS, SETTLE_CARD

KEPT = timedelta(days=30)
CODES_KEPT = 20
STRIPE = "STRIPE"
_STORE = insert(ProviderEvent).on_conflict_do_nothing().returning(ProviderEvent.merchant_id)


async def store(
    session: AsyncSession,
    provider: str,
    hints: Sequence[Hint],
    payload: bytes,
    now: datetime,
    *,
    after: timedelta = timedelta(0),
) -> int:
    """Keeps events whose signature was checked and has them looked at after a while; how many had not come before."""
    fresh: dict[str, bool] = {}
    count = 0
    for hint in hints:
        stored = await session.execute(
            _STORE,
            {
                "provider": provider,
                "event_id": hint.event_id[:255],
                "merchant_id": hint.merchant_id[:255],
                "type": hint.type[:255],
                "object_type": hint.about,
                "object_id": hint.object_id[:255],
                "payload": payload,
                "received_at": now,
                # What says nothing that matters is kept and is done with.
                "processed_at": None if hint.about else now,
                "outcome": None if hint.about else "ignored",
            },
        )
        if stored.first() is not None:
            count += 1
            fresh[hint.merchant_id[:255]] = fresh.get(hint.merchant_id[:255], False) or bool(hint.about)
    for merchant_id, matters in fresh.items():
        if matters and provider == STRIPE:
            await defer_settling(session, merchant_id)
        elif matters:
            await defer_processing(session, provider, merchant_id, at=now + after if after else None)
    return count


async def defer_processing(
    session: AsyncSession, provider: str, merchant_id: str, *, at: datetime | None = None
) -> None:
    """Has a merchant's waiting events looked at; one run at a time, and one that waits is enough."""
    name = f"events {provider} {merchant_id}"
    await jobs.defer(session, PROCESS_EVENTS, at=at, lock=name, once=name, provider=provider, merchant_id=merchant_id)


async def defer_settling(session: AsyncSession, intent_id: str) -> None:
    """Has the payment provider asked about an intent; one run at a time, and one that waits is enough."""
    name = f"intent {intent_id}"
    await jobs.defer(session, SETTLE_CARD, lock=name, once=name, intent_id=intent_id)


async def mark_intent(session: AsyncSession, intent_id: str, now: datetime, *, is_ours: bool) -> None:
    """Marks the events about an intent as looked at."""
    await session.execute(
        sa.update(ProviderEvent)
        .where(
            ProviderEvent.provider == STRIPE,
            ProviderEvent.merchant_id == intent_id,
            ProviderEvent.processed_at.is_(None),
        )
        .values(processed_at=now, outcome="applied" if is_ours else "ignored")
    )


async def mark(session: AsyncSession, provider: str, keys: Sequence[str], now: datetime, *, is_ours: bool) -> None:
    """Marks events as looked at; those about a merchant that nobody is connected with are ignored."""
    await session.execute(
        sa.update(ProviderEvent)
        .where(ProviderEvent.provider == provider, ProviderEvent.event_id.in_(list(keys)))
        .values(processed_at=now, outcome="applied" if is_ours else "ignored")
    )


async def keep_code(session: AsyncSession, provider: str, code: str, now: datetime) -> None:
    """Keeps a verification code for the operator; of many, which anybody may send, the newest."""
    await session.execute(
        insert(VerificationCode).on_conflict_do_nothing(), {"code": code, "provider": provider, "received_at": now}
    )
    newest = sa.select(VerificationCode.code).order_by(VerificationCode.received_at.desc()).limit(CODES_KEPT)
    await session.execute(sa.delete(VerificationCode).where(VerificationCode.code.not_in(newest)))


async def forget(session: AsyncSession, now: datetime) -> None:
    """Deletes events that were looked at long ago."""
    await session.execute(sa.delete(ProviderEvent).where(ProviderEvent.processed_at < now - KEPT))
