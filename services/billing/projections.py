"""What billing does about other services' events."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.identity.events.v1 import events_pb2 as identity
from servicekit.clock import Clock
from servicekit.events import Envelope
from servicekit.inbox import Subscription
from services.billing.commands.subscriptions import register_restaurant


def subscriptions(clock: Clock, grace: timedelta) -> list[Subscription]:
    """The consumers of this service."""

    async def restaurant_created(session: AsyncSession, event: identity.RestaurantCreated, _envelope: Envelope) -> None:
        """Registers a new restaurant as one that has bought nothing yet."""
        await register_restaurant(session, UUID(event.restaurant.id), clock.now(), grace)

    return [
        refdata.subscription("billing"),
        Subscription(name="billing", handlers={identity.RestaurantCreated: restaurant_created}),
    ]
