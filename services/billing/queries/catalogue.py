"""All plans at once, for deciding what restaurants may use: there are few, and they change rarely."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.domain.entitlement import Contents
from services.billing.models import Plan, PlanPrice


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What each plan contains, by its id; which plan is everybody's; and which plan each price was for."""

    contents: Mapping[int, Contents]
    base: Contents | None
    by_price: Mapping[str, int]

    def slug(self, plan_id: int | None) -> str | None:
        """A plan's slug; None for no plan."""
        return self.contents[plan_id].slug if plan_id is not None else None

    def plan_of(self, plan_id: int | None) -> Contents | None:
        """What a plan contains; None for no plan."""
        return self.contents[plan_id] if plan_id is not None else None


async def catalogue_of(session: AsyncSession) -> Catalogue:
    """The plans as the transaction sees them, withdrawn ones too."""
    plans = (
        await session.execute(sa.select(Plan.id, Plan.slug, Plan.entitled_features, Plan.limits, Plan.is_base))
    ).all()
    prices = (await session.execute(sa.select(PlanPrice.stripe_price_id, PlanPrice.plan_id))).all()
    contents = {plan.id: Contents(plan.slug, frozenset(plan.entitled_features), plan.limits) for plan in plans}
    base = next((contents[plan.id] for plan in plans if plan.is_base), None)
    return Catalogue(contents, base, {price.stripe_price_id: price.plan_id for price in prices})
