"""Subscriptions."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.billing.models import Plan, Subscription
from services.billing.queries.plans import PLAN_COLUMNS

_MINE = Query(
    sa.select(
        Subscription.id,
        Subscription.status,
        Subscription.current_period_start,
        Subscription.current_period_end,
        Subscription.cancel_at_period_end,
        Subscription.trial_end,
        Subscription.past_due_since,
        Subscription.version,
        Subscription.stripe_customer_id,
        Subscription.stripe_subscription_id,
        Subscription.stripe_price_id.label("bought_price_id"),
        *(column.label(f"plan_{column.key}") for column in PLAN_COLUMNS),
    )
    .select_from(Subscription)
    .outerjoin(Plan, Plan.id == Subscription.plan_id)
    .where(Subscription.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid))
)


async def subscription_of(reading: Reading, restaurant_id: UUID) -> Any | None:
    """A restaurant's subscription with its plan, or None while the restaurant is not registered yet."""
    return await reading.first(_MINE, restaurant_id=restaurant_id)
