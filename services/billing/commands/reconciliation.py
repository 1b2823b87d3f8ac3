"""Comparing restaurants with the payment provider and setting right what differs."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import events
from services.billing.clients import Stripe
from services.billing.commands.mirror import Changes, apply
from services.billing.models import ProviderEvent, Reconciliation, Subscription
from services.billing.models.provider import APPLIED

MOST_FINDINGS = 1_000


async def begin(session: AsyncSession) -> UUID:
    """Starts a report."""
    report = Reconciliation()
    session.add(report)
    await session.flush()
    return report.id


async def reconcile_one(
    session: AsyncSession, stripe: Stripe, restaurant_id: UUID, now: datetime, grace: timedelta
) -> Changes:
    """Makes one restaurant what the provider says; what that changed. Its waiting events are settled by that."""
    subscription = await session.scalar(
        sa.select(Subscription).where(Subscription.restaurant_id == restaurant_id).with_for_update()
    )
    if subscription is None or subscription.stripe_customer_id is None:
        return {}
    customer_id = subscription.stripe_customer_id
    await session.execute(
        sa.update(ProviderEvent)
        .where(ProviderEvent.customer_id == customer_id, ProviderEvent.processed_at.is_(None))
        .values(processed_at=now, outcome=APPLIED)
    )
    return await apply(session, subscription, await stripe.snapshot(customer_id), now, grace)


async def finish(
    session: AsyncSession, report_id: UUID, findings: list[dict[str, Any]], *, checked: int, now: datetime
) -> Reconciliation:
    """Completes a report and publishes it."""
    report = await session.get_one(Reconciliation, report_id)
    report.finished_at = now
    report.checked = checked
    report.repaired = sum("changes" in finding for finding in findings)
    report.failed = sum("error" in finding for finding in findings)
    report.findings = list(findings[:MOST_FINDINGS])
    await session.flush()
    events.reconciliation_completed(session, report)
    return report
