"""Restaurants to compare with the payment provider, and what earlier comparisons found."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.billing.models import Reconciliation, Subscription

_CUSTOMERS = Query(
    sa.select(Subscription.restaurant_id)
    .where(
        Subscription.stripe_customer_id.is_not(None),
        Subscription.restaurant_id > bindparam("after", type_=sa.Uuid),
    )
    .order_by(Subscription.restaurant_id)
    .limit(bindparam("limit", type_=sa.Integer))
)
_LATEST = Query(
    sa.select(
        Reconciliation.started_at,
        Reconciliation.finished_at,
        Reconciliation.checked,
        Reconciliation.repaired,
        Reconciliation.failed,
        Reconciliation.findings,
    )
    .order_by(Reconciliation.started_at.desc())
    .limit(bindparam("limit", type_=sa.Integer))
)


async def customers(reading: Reading, after: UUID, limit: int) -> list[UUID]:
    """The next restaurants that have a customer at the provider, in the order of their ids."""
    return [row.restaurant_id for row in await reading.all(_CUSTOMERS, after=after, limit=limit)]


async def latest(reading: Reading, limit: int) -> Sequence[Any]:
    """The latest reports, the newest first."""
    return await reading.all(_LATEST, limit=limit)
