"""What scheduling keeps of other services' events, and does about them."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.identity.events.v1 import events_pb2 as identity
from servicekit.events import Envelope
from servicekit.inbox import Subscription
from services.scheduling import sales
from services.scheduling.commands import library


def subscriptions() -> list[Subscription]:
    """The consumers of this service."""
    return [
        refdata.subscription("scheduling"),
        sales.subscription(),
        Subscription(name="scheduling-library", handlers={identity.RestaurantCreated: restaurant_created}),
    ]


async def restaurant_created(session: AsyncSession, event: identity.RestaurantCreated, _envelope: Envelope) -> None:
    """Gives a new restaurant the built-in checklists of its kind."""
    await library.seed(session, UUID(event.restaurant.id), event.restaurant.restaurant_type)
