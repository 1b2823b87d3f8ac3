"""The punches of the past, as timeclock keeps them; the sessions are derived from them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import Invalid
from services.timeclock.commands import log
from services.timeclock.commands.log import Draft, Overtaken
from services.timeclock.domain.punches import KINDS, Place
from services.timeclock.domain.sessions import LONGEST
from services.timeclock.models import AttendanceMark, Punch, WorkSession
from services.timeclock.queries.policy import rules_of
from tools.operations.legacy.source import Owner, Row
from tools.operations.legacy.steps import Again, Step


async def take_punch(session: AsyncSession, row: Row) -> None:
    """A punch; the picture that was taken with it stays where it was. Raises Invalid for no punch or one to come."""
    kind, at = KINDS.get(row["event_type"]), row["timestamp"]
    if kind is None:
        raise Invalid.field("event_type", f"{row['event_type']} is no punch.")
    if at > datetime.now(UTC):
        raise Invalid.field("timestamp", "Must not be in the future.")
    rules = await rules_of(SessionReader(session), row["restaurant_id"])
    draft = Draft(
        restaurant_id=row["restaurant_id"],
        staff_id=row["staff_id"],
        kind=kind,
        at=at,
        business_date=rules.business_date(at),
        recorded_at=at,
        source="WEB",
        place=Place(row.get("latitude"), row.get("longitude")),
        device_id=row.get("device_id") or "",
        notes=row.get("notes") or "",
    )
    await log.add(session, draft.entry(row["id"]))


async def derive_sessions(session: AsyncSession, rows: Sequence[Row]) -> None:
    """The sessions of those whose punches came. Raises Again when one of them punches at this moment."""
    since: dict[tuple[UUID, UUID], datetime] = {}
    for row in rows:
        person = (row["restaurant_id"], row["staff_id"])
        since[person] = min(row["timestamp"], since.get(person, row["timestamp"]))
    for (restaurant_id, staff_id), at in sorted(since.items()):
        await log.lock_person(session, restaurant_id, staff_id)
        try:
            await log.derive(session, restaurant_id, staff_id, at)
        except Overtaken as overtaken:
            raise Again from overtaken
        await _pass_over_forgotten(session, restaurant_id, staff_id)


async def _pass_over_forgotten(session: AsyncSession, restaurant_id: UUID, staff_id: UUID) -> None:
    """Keeps people from being reminded to clock out of a day that is long over."""
    now = datetime.now(UTC)
    forgotten = sa.select(
        WorkSession.id, WorkSession.staff_id, sa.literal("FORGOTTEN"), WorkSession.restaurant_id, sa.literal(now)
    ).where(
        WorkSession.restaurant_id == restaurant_id,
        WorkSession.staff_id == staff_id,
        WorkSession.status == "OPEN",
        WorkSession.started_at < now - LONGEST,
    )
    columns = ["subject_id", "staff_id", "kind", "restaurant_id", "at"]
    await session.execute(insert(AttendanceMark).from_select(columns, forgotten).on_conflict_do_nothing())


STEPS = (
    Step(
        "timeclock",
        ("timeclock_clockevent",),
        Punch.id,
        take_punch,
        owner=Owner(("users",), "staff_id"),
        # Whoever comes, comes with all of their punches: nobody is clocked in meanwhile who is not.
        order=("staff_id", "timestamp", "id"),
        settle=derive_sessions,
    ),
)
