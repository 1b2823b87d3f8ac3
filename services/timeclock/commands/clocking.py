"""Clocking in and out, and breaks."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.timeclock.events.v1 import events_pb2 as facts
from servicekit.errors import Conflict, Invalid, Refusal
from services.timeclock import events
from services.timeclock.commands import log
from services.timeclock.commands.log import Draft, Overtaken
from services.timeclock.domain.attendance import minutes_between, pair, shift_for, too_early_for
from services.timeclock.domain.punches import BREAK_END, BREAK_START, OUT
from services.timeclock.domain.sessions import LONGEST, OPEN, Session, apply
from services.timeclock.models import AttendanceMark, WorkSession
from services.timeclock.queries.rows import session_of
from services.timeclock.queries.situations import Situation

UNSCHEDULED: Final = "UNSCHEDULED"
LATE: Final = "LATE"
EARLY: Final = "EARLY"
EARLY_ALLOWED: Final = "EARLY_ALLOWED"

_MARKS: Any = AttendanceMark.__table__
_MARK = insert(_MARKS).on_conflict_do_nothing().returning(_MARKS.c.subject_id)


@dataclass(frozen=True, slots=True)
class Taken:
    """A punch that is in the log, and the session it belongs to."""

    punch_id: UUID
    draft: Draft
    session: Session | None
    is_new: bool = True


def refused(error: str, message: str, code: str, **extra: Any) -> Refusal:
    """A refusal that clients of the clock tell by the words of its `error`."""
    return Invalid(message, code=code, extra={"error": error, **extra})


def prepared_to_clock_in(draft: Draft, known: Situation) -> Draft:
    """The punch with its shift and flags. Raises Invalid when the restaurant does not let them begin so early."""
    shift = shift_for(known.shifts, draft.at)
    flags = list(draft.flags)
    if known.early is not None:
        # The shift that the punch would belong to may begin on the next business day, a few minutes after it began.
        day = draft.business_date
        near = [one for one in known.shifts if one is shift or known.business_date(one.starts_at) == day]
        early = too_early_for(near, draft.at, known.early)
        if early is not None and known.allowance_id is not None:
            flags.append(EARLY_ALLOWED)
        elif early is not None and draft.at < draft.recorded_at:
            # It has happened: what came late is kept and shown.
            flags.append(EARLY)
        elif early is not None:
            raise _too_early(early.starts_at, known)
    if shift is None:
        flags.append(UNSCHEDULED)
    elif _is_first(known, shift.id) and draft.at - shift.starts_at > known.grace.late:
        flags.append(LATE)
    return replace(draft, shift_id=shift.id if shift else None, flags=tuple(flags))


async def clock_in(session: AsyncSession, draft: Draft, known: Situation) -> Taken:
    """Opens a session. Raises Invalid when the person is clocked in already; the commit raises as `log.begin` says."""
    latest = known.latest
    draft = replace(draft, at=_after(latest, draft.at))
    if latest is not None and latest.status == OPEN and draft.at - latest.started_at < LONGEST:
        raise already_in(latest.started_at)
    identifier = uuid4()
    opened = apply(latest, draft.punch(identifier))
    if opened is None or opened is latest:
        raise AssertionError("clocking in opens a session")
    if latest is not None and latest.status != OPEN and _was_open(known):
        try:
            await log.change(session, draft.restaurant_id, draft.staff_id, latest, known.version)
        except Overtaken as overtaken:
            raise already_in(await _open_since(session, draft)) from overtaken
    log.begin(session, draft, opened, draft.entry(identifier))
    shift = known.shift(draft.shift_id)
    if shift is not None and LATE in draft.flags:
        late = minutes_between(shift.starts_at, draft.at)
        if await _mark(session, draft, shift.id, LATE, late):
            events.attendance_marked(
                session, facts.AttendanceLate, draft.restaurant_id, draft.staff_id, shift, late, draft.at
            )
    return Taken(identifier, draft, opened)


async def punch_open_session(session: AsyncSession, draft: Draft, known: Situation) -> Taken:
    """Ends the open session, or begins or ends a break in it.

    Raises Invalid when that does not fit how things stand; the commit raises as `log.go_on` says.
    """
    latest = known.latest
    if latest is None or latest.status != OPEN:
        raise refused("Not clocked in", "You are not clocked in. Not clocked in.", "not_clocked_in")
    if draft.kind == BREAK_START and latest.running_break is not None:
        raise refused("Already on break", "You are already on a break.", "already_on_break")
    if draft.kind == BREAK_END and latest.running_break is None:
        raise refused("Not currently on break", "You are not on a break.", "not_on_break")
    draft = replace(draft, at=_after(latest, draft.at), shift_id=latest.shift_id)
    identifier = uuid4()
    apply(latest, draft.punch(identifier))
    log.go_on(session, draft, latest, known.version, draft.entry(identifier))
    shift = known.shift(latest.shift_id)
    if draft.kind == OUT and shift is not None and shift.ends_at - draft.at > known.grace.early_leave:
        early = minutes_between(draft.at, shift.ends_at)
        if await _mark(session, draft, shift.id, "LEFT_EARLY", early):
            events.attendance_marked(
                session, facts.AttendanceLeftEarly, draft.restaurant_id, draft.staff_id, shift, early, draft.at
            )
    return Taken(identifier, draft, latest)


async def take_late(session: AsyncSession, draft: Draft) -> Taken:
    """Keeps a punch that waited in a device's queue, wherever it falls; one that was sent before is found again."""
    await log.lock_person(session, draft.restaurant_id, draft.staff_id)
    if draft.client_key is not None:
        before = await log.known_under(session, draft.restaurant_id, draft.staff_id, draft.client_key)
        if before is not None:
            return await repeated(session, draft, before)
    identifier = uuid4()
    await log.add(session, draft.entry(identifier))
    try:
        await log.derive(session, draft.restaurant_id, draft.staff_id, draft.at)
    except Overtaken as overtaken:
        raise Conflict(
            "Somebody else is changing this right now. Please try again.", code="concurrent_change"
        ) from overtaken
    return Taken(identifier, draft, await session_at(session, draft.restaurant_id, draft.staff_id, draft.at))


async def repeated(session: AsyncSession, draft: Draft, before: Any) -> Taken:
    """The punch that was taken when it was sent the first time. Raises Invalid for one of another kind."""
    if before.kind != draft.kind:
        raise Invalid.field("client_key", "Another punch was sent under this name.")
    first = replace(draft, at=before.at, flags=tuple(before.flags), shift_id=before.shift_id)
    found = await session_at(session, draft.restaurant_id, draft.staff_id, before.at)
    return Taken(before.punch_id, first, found, is_new=False)


async def session_at(session: AsyncSession, restaurant_id: UUID, staff_id: UUID, at: datetime) -> Session | None:
    """The session that a person was in at an instant, or None."""
    row = await session.scalar(
        sa.select(WorkSession)
        .where(
            WorkSession.restaurant_id == restaurant_id,
            WorkSession.staff_id == staff_id,
            WorkSession.started_at <= at,
            sa.or_(WorkSession.ended_at.is_(None), WorkSession.ended_at >= at),
        )
        .order_by(WorkSession.started_at.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return session_of(row) if row is not None else None


def already_in(since: datetime | None) -> Refusal:
    """The refusal for who is clocked in."""
    shown = since.isoformat() if since is not None else None
    return refused("Already clocked in", "You are already clocked in.", "already_clocked_in", last_clock_in=shown)


def _after(latest: Session | None, at: datetime) -> datetime:
    """An instant that is not before what the person did last, whatever two servers' clocks make of it."""
    if latest is None or at >= latest.last_at or latest.last_at - at > timedelta(minutes=1):
        return at
    return latest.last_at


def _was_open(known: Situation) -> bool:
    return bool(known.row.status == OPEN)


def _is_first(known: Situation, shift_id: UUID) -> bool:
    """Whether the person clocks in for a shift for the first time; a return from a walk is not late."""
    return known.latest is None or shift_id not in pair(known.shifts, [known.latest])


def _too_early(starts_at: datetime, known: Situation) -> Refusal:
    opens = starts_at - (known.early or timedelta())
    begins, allowed = (f"{instant.astimezone(known.zone):%H:%M}" for instant in (starts_at, opens))
    return refused(
        "Too early",
        f"Your shift begins at {begins}. You can clock in from {allowed}, or ask a manager to let you begin now.",
        "too_early",
        shift_starts_at=starts_at.isoformat(),
        allowed_from=opens.isoformat(),
    )


async def _mark(session: AsyncSession, draft: Draft, shift_id: UUID, kind: str, minutes: int) -> bool:
    """Notes a mark; False when it was noted before."""
    made = await session.execute(
        _MARK,
        {
            "subject_id": shift_id,
            "staff_id": draft.staff_id,
            "kind": kind,
            "restaurant_id": draft.restaurant_id,
            "minutes": minutes,
            "at": draft.at,
        },
    )
    return made.first() is not None


async def _open_since(session: AsyncSession, draft: Draft) -> datetime | None:
    since: datetime | None = await session.scalar(
        sa.select(WorkSession.started_at).where(
            WorkSession.restaurant_id == draft.restaurant_id,
            WorkSession.staff_id == draft.staff_id,
            WorkSession.status == OPEN,
        )
    )
    return since
