"""The punches of the past, as timeclock keeps them; the sessions are derived from them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import Invalid
from services.timeclock.commands import log
from services.timeclock.commands.corrections import last_entry
from services.timeclock.commands.log import Draft, Overtaken
from services.timeclock.domain.punches import KINDS, Place
from services.timeclock.domain.sessions import LONGEST, OPEN
from services.timeclock.models import Punch
from services.timeclock.queries.policy import rules_of
from tools.operations.legacy.source import Owner, Row
from tools.operations.legacy.steps import NOBODY, Again, Step


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
    taken = {row["id"] for row in rows}
    for (restaurant_id, staff_id), at in sorted(since.items()):
        await log.lock_person(session, restaurant_id, staff_id)
        try:
            for one in await log.derive(session, restaurant_id, staff_id, at):
                if one.status == OPEN and one.id in taken and one.started_at < datetime.now(UTC) - LONGEST:
                    await _void(session, restaurant_id, one.id)
                    await log.derive(session, restaurant_id, staff_id, one.started_at)
        except Overtaken as overtaken:
            raise Again from overtaken


async def _void(session: AsyncSession, restaurant_id: UUID, punch_id: UUID) -> None:
    """Keeps a punch in the log without effect: nobody is at work still since a day that is long over."""
    before = await last_entry(session, restaurant_id, punch_id)
    entry = {column.name: getattr(before, column.name) for column in Punch.__table__.columns} | {
        "id": uuid4(),
        "revision": before.revision + 1,
        "voided": True,
        "recorded_at": datetime.now(UTC),
        "source": "SYSTEM",
        "author_id": NOBODY,
        "reason": "Nobody clocked out",
    }
    await log.add(session, entry)


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
