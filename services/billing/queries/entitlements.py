"""What a restaurant may use."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.billing.models import Entitlement

_MINE = Query(
    sa.select(
        Entitlement.unlimited,
        Entitlement.features,
        Entitlement.limits,
        Entitlement.plan,
        Entitlement.reason,
        Entitlement.valid_until,
        Entitlement.version,
    ).where(Entitlement.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid))
)


async def entitlements_of(reading: Reading, restaurant_id: UUID) -> Any | None:
    """What a restaurant may use, or None while it is not registered yet."""
    return await reading.first(_MINE, restaurant_id=restaurant_id)
