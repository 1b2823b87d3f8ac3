"""What the clock says about shifts: begun, over, or nobody came."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from psycopg.errors import ExclusionViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.errors import NotFound
from services.scheduling import events
from services.scheduling.commands import history
from services.scheduling.commands.shifts import locked
from services.scheduling.models import Shift, WeeklySchedule

NEARLY_OVER: Final = timedelta(minutes=30)
"""Who leaves a shift of several people this long before its end ends it for all."""


async def begun(session: AsyncSession, restaurant_id: UUID, shift_id: UUID) -> None:
    """Somebody clocked in for a shift."""
    await _move(session, restaurant_id, shift_id, ("SCHEDULED", "CONFIRMED", "NO_SHOW"), "IN_PROGRESS")


async def over(session: AsyncSession, restaurant_id: UUID, shift_id: UUID, at: datetime) -> None:
    """Somebody clocked out of a shift; whoever is on it alone ends it whenever that is."""
    found = await _found(session, restaurant_id, shift_id)
    if found is None:
        return
    shift, people = found
    if len(people) == 1 or at >= shift.ends_at - NEARLY_OVER:
        # Also before its beginning was heard of: events may come in any order.
        await _move(session, restaurant_id, shift_id, ("SCHEDULED", "CONFIRMED", "IN_PROGRESS"), "COMPLETED")


async def missed(session: AsyncSession, restaurant_id: UUID, shift_id: UUID, person: UUID, now: datetime) -> None:
    """Somebody did not come to a shift, which is told; the plan stays for a manager to change."""
    found = await _found(session, restaurant_id, shift_id)
    if found is None:
        return
    shift, people = found
    if shift.status not in ("SCHEDULED", "CONFIRMED", "IN_PROGRESS") or person not in people:
        return
    shift.missed_at = shift.missed_at or now
    about = events.shift_facts(shift, people, is_published=await _is_published(session, shift))
    late = max(now - shift.starts_at, timedelta()) // timedelta(minutes=1)
    events.shift_missed(session, facts.ShiftMissed(shift=about, staff_ids=[str(person)], minutes_late=late))


async def _found(session: AsyncSession, restaurant_id: UUID, shift_id: UUID) -> tuple[Shift, list[UUID]] | None:
    """A shift with its people; None for one that was deleted meanwhile."""
    try:
        return await locked(session, restaurant_id, shift_id)
    except NotFound:
        return None


async def _move(
    session: AsyncSession, restaurant_id: UUID, shift_id: UUID, known: tuple[str, ...], status: str
) -> None:
    found = await _found(session, restaurant_id, shift_id)
    if found is None or found[0].status not in known:
        return
    shift, people = found
    was = history.state_of(shift, people)
    try:
        async with session.begin_nested():
            shift.status = status
            shift.version += 1
            await session.flush()
    except IntegrityError as error:
        if not isinstance(error.orig, ExclusionViolation):
            raise
        # The person was planned elsewhere after they had not come; that plan stands.
        await session.refresh(shift)
        return
    about = events.shift_facts(shift, people, is_published=await _is_published(session, shift))
    message = facts.ShiftUpdated(shift=about, previous_staff_ids=[str(person) for person in people])
    events.shift_changed(session, message)
    history.shift_changed(session, shift, was, people, None)


async def _is_published(session: AsyncSession, shift: Shift) -> bool:
    return bool(
        await session.scalar(sa.select(WeeklySchedule.is_published).where(WeeklySchedule.id == shift.schedule_id))
    )
