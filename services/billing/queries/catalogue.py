"""All plans at once, for deciding what restaurants may use: there are few, and they change rarely."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.domain.entitlement import Contents
from services.billing.models import Plan, PlanPrice

_PLANS = sa.select(
    Plan.id, Plan.slug, Plan.entitled_features, Plan.limits, Plan.is_base, PlanPrice.stripe_price_id
).outerjoin(PlanPrice, PlanPrice.plan_id == Plan.id)


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
    rows = (await session.execute(_PLANS)).all()
    contents = {row.id: Contents(row.slug, frozenset(row.entitled_features), row.limits) for row in rows}
    base = next((contents[row.id] for row in rows if row.is_base), None)
    by_price = {row.stripe_price_id: row.id for row in rows if row.stripe_price_id is not None}
    return Catalogue(contents, base, by_price)
