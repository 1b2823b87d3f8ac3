"""What notify does about other services' events."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.identity.events.v1 import events_pb2 as identity
from servicekit.events import Envelope
from servicekit.inbox import Subscription
from services.notify.commands.preferences import register_person


def subscriptions() -> list[Subscription]:
    """The consumers of this service."""
    return [
        refdata.subscription("notify"),
        Subscription(name="notify", handlers={identity.StaffJoined: staff_joined}),
    ]


async def staff_joined(session: AsyncSession, event: identity.StaffJoined, _envelope: Envelope) -> None:
    """Gives a new member of staff the standard preferences."""
    await register_person(session, UUID(event.staff.restaurant_id), UUID(event.staff.user_id))
