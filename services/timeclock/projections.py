"""What timeclock keeps of other services' events: restaurants, people, and the published shifts."""

from datetime import UTC, date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.identity.events.v1 import events_pb2 as identity
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from servicekit.events import Envelope
from servicekit.inbox import Subscription
from services.timeclock.commands.policy import have_wages_taken_over
from services.timeclock.models import ShiftRef

_SHIFTS: Any = ShiftRef.__table__


def subscriptions(*, asks_identity: bool) -> list[Subscription]:
    """The consumers of this service; without identity to ask, nobody's wage is taken over."""
    wages = Subscription(
        name="timeclock-wages",
        handlers={identity.StaffJoined: ask_for_wages, identity.StaffUpdated: ask_for_wages},
    )
    return [
        *([wages] if asks_identity else []),
        refdata.subscription("timeclock"),
        Subscription(
            name="timeclock-shifts",
            handlers={
                scheduling.ShiftCreated: keep_shift,
                scheduling.ShiftUpdated: keep_shift,
                scheduling.ShiftDeleted: drop_shift,
                scheduling.StaffSchedulePublished: keep_published,
            },
        ),
    ]


async def ask_for_wages(
    session: AsyncSession, event: identity.StaffJoined | identity.StaffUpdated, _envelope: Envelope
) -> None:
    """Has the restaurant's wages taken over: what people earn is no part of the fact."""
    await have_wages_taken_over(session, UUID(event.staff.restaurant_id))


async def keep_shift(
    session: AsyncSession, event: scheduling.ShiftCreated | scheduling.ShiftUpdated, _envelope: Envelope
) -> None:
    """Keeps a shift as the event shows it, unless a newer state is known."""
    await _keep(session, event.shift)


async def drop_shift(session: AsyncSession, event: scheduling.ShiftDeleted, envelope: Envelope) -> None:
    """Keeps a shift that is no more planned as such."""
    await _keep(session, event.shift, deleted_at=envelope.occurred_at)


async def keep_published(session: AsyncSession, event: scheduling.StaffSchedulePublished, _envelope: Envelope) -> None:
    """Keeps the shifts of a person as they were published."""
    for shift in (*event.added, *event.changed):
        await _keep(session, shift)


async def _keep(session: AsyncSession, about: scheduling.ShiftFacts, deleted_at: Any = None) -> None:
    statement = insert(_SHIFTS)
    changed = {column.name: statement.excluded[column.name] for column in _SHIFTS.columns if column.name != "id"}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_=changed,
            # Publishing a week leaves the version of its shifts as it is.
            where=sa.or_(
                statement.excluded.version > _SHIFTS.c.version,
                sa.and_(
                    statement.excluded.version == _SHIFTS.c.version,
                    statement.excluded.is_published,
                    ~_SHIFTS.c.is_published,
                ),
            ),
        ),
        {
            "id": UUID(about.id),
            "restaurant_id": UUID(about.restaurant_id),
            "schedule_id": UUID(about.schedule_id),
            "shift_date": date.fromisoformat(about.shift_date),
            "starts_at": about.starts_at.ToDatetime(tzinfo=UTC),
            "ends_at": about.ends_at.ToDatetime(tzinfo=UTC),
            "break_minutes": about.break_minutes,
            "role": about.role,
            "status": about.status,
            "staff_ids": [UUID(person) for person in about.staff_ids],
            "title": about.title,
            "department": about.department,
            "workspace_location": about.workspace_location,
            "is_published": about.is_published,
            "deleted_at": deleted_at,
            "version": about.version,
        },
    )
