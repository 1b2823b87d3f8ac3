"""Keeping the plans."""

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from services.billing import events
from services.billing.domain.plan import Offer
from services.billing.models import Plan, PlanPrice
from services.billing.tasks import REFRESH_ENTITLEMENTS

# A plan that is not there yet has no row that could be locked.
_ONE_AT_A_TIME = sa.text("LOCK TABLE plans IN SHARE ROW EXCLUSIVE MODE")
_KEEP_PRICE = insert(PlanPrice).on_conflict_do_nothing()


async def put_plan(session: AsyncSession, offer: Offer) -> Plan:
    """Makes the plan of this slug what the offer says, and announces it when that is something new.

    Operators who put plans at the same time wait for each other. Raises ValueError for a price that another plan was
    sold at, and for a second base plan.
    """
    await session.execute(_ONE_AT_A_TIME)
    wanted = {
        **asdict(offer),
        "features": list(offer.features),
        "entitled_features": list(offer.entitled_features),
        "limits": dict(offer.limits),
    }
    plan = await session.scalar(sa.select(Plan).where(Plan.slug == offer.slug))
    if offer.is_base:
        other = await session.scalar(sa.select(Plan.slug).where(Plan.is_base, Plan.slug != offer.slug))
        if other is not None:
            raise ValueError(f"{other} is the base plan already")
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
    if offer.stripe_price_id is not None:
        await _keep_price(session, plan, offer.stripe_price_id)
    events.plan_changed(session, plan)
    await jobs.defer(session, REFRESH_ENTITLEMENTS, once=REFRESH_ENTITLEMENTS.name)
    return plan


async def _keep_price(session: AsyncSession, plan: Plan, price_id: str) -> None:
    await session.execute(_KEEP_PRICE, {"stripe_price_id": price_id, "plan_id": plan.id})
    owner = await session.scalar(sa.select(PlanPrice.plan_id).where(PlanPrice.stripe_price_id == price_id))
    if owner != plan.id:
        raise ValueError(f"{price_id} is the price of another plan")
