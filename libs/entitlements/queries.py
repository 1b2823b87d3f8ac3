"""Asking the copy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from entitlements.names import ALWAYS
from entitlements.tables import entitlement_ref
from servicekit.db import Query, Reading
from servicekit.errors import Forbidden

_OF = Query(
    sa.select(entitlement_ref).where(
        entitlement_ref.c.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
    )
)


@dataclass(frozen=True, slots=True)
class Entitled:
    """What one restaurant may use, and where that comes from."""

    unlimited: bool
    features: frozenset[str] = frozenset()
    limits: Mapping[str, int] = field(default_factory=dict)
    plan: str | None = None
    reason: str = "open"

    def allows(self, feature: str) -> bool:
        """Whether the restaurant may use a feature; what keeps it running it always may."""
        return self.unlimited or feature in ALWAYS or feature in self.features

    def limit(self, name: str) -> int | None:
        """How much of a thing there may be; None where nothing limits it."""
        return None if self.unlimited or name in ALWAYS else self.limits.get(name)


UNKNOWN: Final = Entitled(unlimited=True)
"""A restaurant that billing has said nothing of: a copy that is behind must keep nobody from working."""


async def entitled(reading: Reading, restaurant_id: UUID) -> Entitled:
    """What a restaurant may use, from the service's own database."""
    row = await reading.first(_OF, restaurant_id=restaurant_id)
    if row is None:
        return UNKNOWN
    return Entitled(row.unlimited, frozenset(row.features), row.limits, row.plan, row.reason)


async def require(reading: Reading, restaurant_id: UUID, feature: str) -> None:
    """Raises Forbidden, with the feature, the plan and the reason, where a restaurant's plan lacks a feature."""
    if feature in ALWAYS:
        return
    found = await entitled(reading, restaurant_id)
    if not found.allows(feature):
        raise Forbidden(
            "The restaurant's plan does not include this.",
            code="not_in_plan",
            extra={"feature": feature, "plan": found.plan, "reason": found.reason},
        )


async def require_room(reading: Reading, restaurant_id: UUID, name: str, wanted: int) -> None:
    """Raises Forbidden, with the limit, the plan and the reason, where `wanted` of a thing are more than allowed."""
    if name in ALWAYS:
        return
    found = await entitled(reading, restaurant_id)
    limit = found.limit(name)
    if limit is not None and wanted > limit:
        raise Forbidden(
            f"The restaurant's plan allows {limit} of these.",
            code="plan_limit_reached",
            extra={"feature": name, "limit": limit, "plan": found.plan, "reason": found.reason},
        )
