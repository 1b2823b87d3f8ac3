"""Keeping what restaurants subscribe to."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import events
from services.billing.models import Subscription

_INSERT = insert(Subscription).on_conflict_do_nothing().returning(Subscription)


async def register_restaurant(session: AsyncSession, restaurant_id: UUID) -> None:
    """Gives a restaurant its subscription, which is incomplete until a plan is bought; a second time does nothing."""
    subscription = (await session.scalars(_INSERT, [{"restaurant_id": restaurant_id}])).one_or_none()
    if subscription is not None:
        events.subscription_created(session, subscription)
