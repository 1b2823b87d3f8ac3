"""Saying again what is so, for services whose copies are missing or were lost."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.events.v1 import events_pb2 as facts
from services.identity import events
from services.identity.models import Restaurant, StaffProfile, User


async def restaurants(session: AsyncSession, after: UUID | None, most: int) -> Sequence[UUID]:
    """The next restaurants by id, for going through all of them in steps."""
    statement = sa.select(Restaurant.id).order_by(Restaurant.id).limit(most)
    if after is not None:
        statement = statement.where(Restaurant.id > after)
    return (await session.scalars(statement)).all()


async def announce(session: AsyncSession, restaurant_id: UUID) -> int:
    """Emits a restaurant and its people as they are now, with their present versions; the number of events.

    Receivers that know them already ignore what is no newer.
    """
    restaurant = await session.get_one(Restaurant, restaurant_id)
    events.restaurant_updated(session, restaurant, [])
    people = await session.execute(
        sa.select(User, StaffProfile.department, StaffProfile.position, StaffProfile.skills)
        .outerjoin(StaffProfile, StaffProfile.user_id == User.id)
        .where(User.restaurant_id == restaurant_id)
    )
    announced = 1
    for row in people:
        about = events.staff_facts(
            row.User,
            language=restaurant.language,
            department=row.department,
            position=row.position,
            skills=row.skills,
        )
        events.staff_changed(session, facts.StaffUpdated if row.User.is_active else facts.StaffDeactivated, about)
        announced += 1
    return announced
