"""Setting the log right: entries of managers, which stand in place of those before them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from services.timeclock.commands import log
from services.timeclock.commands.log import Draft, Overtaken
from services.timeclock.domain.attendance import shift_for
from services.timeclock.domain.punches import CONFIRM, IN
from services.timeclock.domain.sessions import CLOSED, Session
from services.timeclock.models import EarlyAllowance, Punch, WorkSession
from services.timeclock.queries.rows import session_of
from services.timeclock.queries.sessions import NO_PUNCH, NO_SESSION
from services.timeclock.queries.situations import Situation

OWN_TIME = "Somebody else must correct your own time."


@dataclass(frozen=True, slots=True)
class Corrected:
    """An entry that was added, and the sessions that it changed."""

    entry_id: UUID
    sessions: list[Session]


async def add_punch(session: AsyncSession, draft: Draft, known: Situation) -> Corrected:
    """Records a punch for somebody. Raises Forbidden for one's own and Invalid for one in the future."""
    _refuse_own(draft.staff_id, draft.author_id)
    _refuse_future(draft.at, draft.recorded_at)
    await log.lock_person(session, draft.restaurant_id, draft.staff_id)
    identifier = uuid4()
    entry = draft.entry(identifier)
    if draft.kind == IN:
        shift = shift_for(known.shifts, draft.at)
        entry["shift_id"] = shift.id if shift is not None else None
    await log.add(session, entry)
    return Corrected(identifier, await _derive(session, draft.restaurant_id, draft.staff_id, draft.at))


async def correct_punch(
    session: AsyncSession,
    restaurant_id: UUID,
    punch_id: UUID,
    author_id: UUID,
    changes: dict[str, Any],
    known: Situation,
    now: datetime,
) -> Corrected:
    """Says when or as what a punch counts, or that it does not. Raises NotFound, Forbidden or Invalid."""
    await log.lock_person(session, restaurant_id, known.staff_id)
    before = await last_entry(session, restaurant_id, punch_id)
    _refuse_own(before.staff_id, author_id)
    columns = {column.name for column in Punch.__table__.columns}
    entry = {name: getattr(before, name) for name in columns} | {
        "id": uuid4(),
        "revision": before.revision + 1,
        "recorded_at": now,
        "source": "MANAGER",
        "client_key": None,
        "author_id": author_id,
        "voided": False,
        **changes,
    }
    _refuse_future(entry["at"], now)
    if entry["at"] != before.at:
        entry["business_date"] = known.business_date(entry["at"])
        shift = shift_for(known.shifts, entry["at"]) if entry["kind"] == IN else None
        entry["shift_id"] = shift.id if shift is not None else None
    await log.add(session, entry)
    since = min(before.at, entry["at"])
    return Corrected(entry["id"], await _derive(session, restaurant_id, before.staff_id, since))


async def last_entry(session: AsyncSession, restaurant_id: UUID, punch_id: UUID) -> Punch:
    """The entry about a punch that is in effect. Raises NotFound."""
    found = await session.scalar(
        sa.select(Punch)
        .where(Punch.restaurant_id == restaurant_id, Punch.punch_id == punch_id, Punch.kind != CONFIRM)
        .order_by(Punch.revision.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound(NO_PUNCH)
    return found


async def confirm_session(
    session: AsyncSession, restaurant_id: UUID, session_id: UUID, author_id: UUID, reason: str, now: datetime
) -> Session:
    """Says that a session is right as it stands. Raises NotFound, Forbidden, or Conflict for one without an end."""
    row = await session.scalar(
        sa.select(WorkSession).where(WorkSession.restaurant_id == restaurant_id, WorkSession.id == session_id)
    )
    if row is None:
        raise NotFound(NO_SESSION)
    _refuse_own(row.staff_id, author_id)
    if row.status != CLOSED or row.ended_at is None:
        raise Conflict("Enter when it ended first.", code="session_without_end")
    await log.lock_person(session, restaurant_id, row.staff_id)
    draft = Draft(
        restaurant_id=restaurant_id,
        staff_id=row.staff_id,
        kind=CONFIRM,
        at=row.ended_at,
        business_date=row.business_date,
        recorded_at=now,
        source="MANAGER",
        author_id=author_id,
        reason=reason,
        confirms=session_id,
    )
    await log.add(session, draft.entry(uuid4()))
    changed = await _derive(session, restaurant_id, row.staff_id, row.started_at)
    return next((one for one in changed if one.id == session_id), session_of(row))


async def allow_early(
    session: AsyncSession, restaurant_id: UUID, staff_id: UUID, author_id: UUID, reason: str, until: datetime
) -> EarlyAllowance:
    """Lets somebody clock in early until an instant. Raises Forbidden for oneself."""
    _refuse_own(staff_id, author_id)
    allowance = EarlyAllowance(
        id=uuid4(),
        restaurant_id=restaurant_id,
        staff_id=staff_id,
        allowed_by=author_id,
        reason=reason,
        valid_until=until,
    )
    session.add(allowance)
    await session.flush()
    return allowance


async def _derive(session: AsyncSession, restaurant_id: UUID, staff_id: UUID, since: datetime) -> list[Session]:
    try:
        return await log.derive(session, restaurant_id, staff_id, since)
    except Overtaken as overtaken:
        raise Conflict(
            "Somebody else is changing this right now. Please try again.", code="concurrent_change"
        ) from overtaken


def _refuse_own(staff_id: UUID, author_id: UUID | None) -> None:
    if staff_id == author_id:
        raise Forbidden(OWN_TIME, code="own_time")


def _refuse_future(at: datetime, now: datetime) -> None:
    if at > now + timedelta(minutes=1):
        raise Invalid.field("timestamp", "Must not be in the future.")
