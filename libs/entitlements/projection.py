"""Applying billing's events: each carries everything, and replaces what is older."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from entitlements.tables import entitlement_ref
from mizan.billing.events.v1 import events_pb2 as billing
from servicekit.events import Envelope
from servicekit.inbox import Subscription

_INSERT = insert(entitlement_ref)
_KEEP = _INSERT.on_conflict_do_update(
    index_elements=["restaurant_id"],
    set_={
        column.name: _INSERT.excluded[column.name]
        for column in entitlement_ref.columns
        if column.name != "restaurant_id"
    },
    where=_INSERT.excluded.version > entitlement_ref.c.version,
)


def subscription(service: str) -> Subscription:
    """The consumer that keeps a service's copy; its name is `<service>-entitlements`."""
    return Subscription(name=f"{service}-entitlements", handlers={billing.EntitlementChanged: keep})


async def keep(session: AsyncSession, event: billing.EntitlementChanged, _envelope: Envelope) -> None:
    """Keeps what a restaurant may use, unless a newer state is known."""
    await session.execute(
        _KEEP,
        {
            "restaurant_id": UUID(event.restaurant_id),
            "unlimited": event.unlimited,
            "features": list(event.features),
            "limits": {limit.name: limit.value for limit in event.limits},
            "plan": event.plan if event.HasField("plan") else None,
            "reason": event.reason,
            "version": event.version,
        },
    )
