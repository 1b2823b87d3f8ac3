"""Keeping the plans."""

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import events
from services.billing.domain.plan import Offer
from services.billing.models import Plan


async def put_plan(session: AsyncSession, offer: Offer) -> Plan:
    """Makes the plan of this slug what the offer says, and announces it when that is something new."""
    wanted = {**asdict(offer), "features": list(offer.features)}
    plan = await session.scalar(sa.select(Plan).where(Plan.slug == offer.slug).with_for_update())
    if plan is None:
        plan = Plan(**wanted, version=1)
        session.add(plan)
    else:
        for name, value in wanted.items():
            setattr(plan, name, value)
        if not session.is_modified(plan):
            return plan
        plan.version += 1
    await session.flush()
    events.plan_changed(session, plan)
    return plan
