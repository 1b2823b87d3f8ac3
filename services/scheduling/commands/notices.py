"""That people were told of their shifts: when last, and over which channels."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduling.models import Shift, ShiftPerson


async def told(session: AsyncSession, restaurant_id: UUID, shift_id: UUID, channel: str, at: datetime) -> None:
    """Somebody was told of a shift; one that was deleted meanwhile is passed over."""
    await _keep(session, restaurant_id, Shift.id == shift_id, channel, at)


async def told_of_week(
    session: AsyncSession, restaurant_id: UUID, schedule_id: UUID, people: Sequence[UUID], channel: str, at: datetime
) -> None:
    """People were told of their shifts of a week."""
    theirs = sa.exists().where(ShiftPerson.shift_id == Shift.id, ShiftPerson.user_id.in_(people))
    await _keep(session, restaurant_id, sa.and_(Shift.schedule_id == schedule_id, theirs), channel, at)


async def _keep(
    session: AsyncSession, restaurant_id: UUID, chosen: sa.ColumnElement[bool], channel: str, at: datetime
) -> None:
    is_known = sa.literal(channel) == sa.any_(Shift.notified_channels)
    await session.execute(
        sa.update(Shift)
        .where(Shift.restaurant_id == restaurant_id, chosen)
        .values(
            # Facts come in any order.
            notified_at=sa.func.greatest(Shift.notified_at, at),
            notified_channels=sa.case(
                (is_known, Shift.notified_channels), else_=sa.func.array_append(Shift.notified_channels, channel)
            ),
            # The plan is as it was.
            updated_at=Shift.updated_at,
        )
        .execution_options(synchronize_session=False)
    )
