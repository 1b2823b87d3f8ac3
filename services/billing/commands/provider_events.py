"""Keeping the payment provider's events, and acting on what they hint at."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from services.billing.clients import Stripe
from services.billing.commands.mirror import apply
from services.billing.domain.stripe_objects import customer_of, is_foreign, is_relevant
from services.billing.models import ProviderEvent, Subscription
from services.billing.models.provider import APPLIED, IGNORED
from services.billing.tasks import PROCESS_EVENTS

KEPT: timedelta = timedelta(days=90)
_STORE = insert(ProviderEvent).on_conflict_do_nothing().returning(ProviderEvent.id)


async def store(
    session: AsyncSession, event: Mapping[str, Any], payload: bytes, *, livemode: bool, now: datetime
) -> bool:
    """Keeps an event whose signature was checked and has it processed; False for one that came before."""
    customer = customer_of(event)
    matters = bool(customer) and is_relevant(event["type"]) and not is_foreign(event, livemode=livemode)
    stored = await session.execute(
        _STORE,
        {
            "id": event["id"],
            "type": event["type"][:100],
            "customer_id": customer[:255],
            "created_at": datetime.fromtimestamp(event["created"], UTC),
            "received_at": now,
            "payload": payload,
            "processed_at": None if matters else now,
            "outcome": None if matters else IGNORED,
        },
    )
    if stored.first() is None:
        return False
    if matters:
        await jobs.defer(session, PROCESS_EVENTS, once=f"stripe {customer}", customer_id=customer)
    return True


async def process(session: AsyncSession, stripe: Stripe, customer_id: str, now: datetime, grace: timedelta) -> int:
    """Acts on a customer's waiting events with one look at the provider; how many there were.

    Events of a customer that is none of ours are marked as ignored. Raises what asking the provider raises.
    """
    subscription = await session.scalar(
        sa.select(Subscription).where(Subscription.stripe_customer_id == customer_id).with_for_update()
    )
    # Marked before looking: an event that comes while we look is not seen here, and is looked after by its own job.
    marked = await session.execute(
        sa.update(ProviderEvent)
        .where(ProviderEvent.customer_id == customer_id, ProviderEvent.processed_at.is_(None))
        .values(processed_at=now, outcome=IGNORED if subscription is None else APPLIED)
        .returning(ProviderEvent.id)
    )
    count = len(marked.all())
    if subscription is not None and count:
        await apply(session, subscription, await stripe.snapshot(customer_id), now, grace)
    return count


async def forget(session: AsyncSession, now: datetime) -> None:
    """Deletes events that were processed long ago."""
    await session.execute(sa.delete(ProviderEvent).where(ProviderEvent.processed_at < now - KEPT))
