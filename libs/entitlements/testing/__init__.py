"""What the services' tests share: an event about what a restaurant may use."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from mizan.billing.events.v1 import events_pb2 as billing


def entitlement_event(
    restaurant_id: UUID,
    version: int,
    *,
    features: Sequence[str] = (),
    limits: Mapping[str, int] | None = None,
    unlimited: bool = False,
    plan: str = "free",
    reason: str = "base",
) -> billing.EntitlementChanged:
    """A restaurant that may use what is given, and nothing else that can be sold."""
    return billing.EntitlementChanged(
        restaurant_id=str(restaurant_id),
        unlimited=unlimited,
        features=features,
        limits=[billing.EntitledLimit(name=name, value=value) for name, value in (limits or {}).items()],
        plan=plan,
        reason=reason,
        version=version,
    )
