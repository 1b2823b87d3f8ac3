"""Shifts beside sessions: which belongs to which, and who was late, absent or gone early."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from labour import Period, net_hours
from services.timeclock.domain.sessions import OPEN, Session

SCHEDULED: Final = "SCHEDULED"
PRESENT: Final = "PRESENT"
LATE: Final = "LATE"
MISSING: Final = "MISSING"
ABSENT: Final = "ABSENT"

EARLIEST: Final = timedelta(hours=4)
"""Whoever clocks in longer than this before a shift does not come for it."""
MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Grace:
    """What is not yet late, absent or early."""

    late: timedelta = timedelta(minutes=5)
    absent: timedelta = timedelta(minutes=30)
    early_leave: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Shift:
    """A published shift."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    break_minutes: int = 0

    @property
    def planned(self) -> timedelta:
        """The time planned for work."""
        return net_hours(Period(self.starts_at, self.ends_at), timedelta(minutes=self.break_minutes))


@dataclass(frozen=True, slots=True)
class Mark:
    """How one person's shift went."""

    status: str
    first_in: datetime | None = None
    last_out: datetime | None = None
    late_minutes: int = 0
    early_leave_minutes: int = 0


def shift_for(shifts: Iterable[Shift], at: datetime) -> Shift | None:
    """The shift that somebody who clocks in then comes for: the one that runs, or else the next within four hours."""
    coming = [shift for shift in shifts if shift.starts_at - EARLIEST <= at < shift.ends_at]
    running = [shift for shift in coming if shift.starts_at <= at]
    if running:
        return max(running, key=lambda shift: (shift.starts_at, shift.id))
    return min(coming, key=lambda shift: (shift.starts_at, shift.id), default=None)


def pair(shifts: Sequence[Shift], sessions: Iterable[Session]) -> dict[UUID | None, list[Session]]:
    """One person's sessions by the shift they were worked on; None stands for work without one."""
    known = {shift.id for shift in shifts}
    found: dict[UUID | None, list[Session]] = {}
    for session in sorted(sessions, key=lambda one: one.started_at):
        shift_id = session.shift_id if session.shift_id in known else None
        if shift_id is None:
            shift = shift_for(shifts, session.started_at)
            shift_id = shift.id if shift is not None else None
        found.setdefault(shift_id, []).append(session)
    return found


def mark_of(shift: Shift, sessions: Sequence[Session], grace: Grace, now: datetime) -> Mark:
    """How a shift went, by the sessions worked on it."""
    if not sessions:
        if now < shift.starts_at:
            return Mark(SCHEDULED)
        gone = now >= shift.starts_at + grace.absent or now >= shift.ends_at
        return Mark(ABSENT if gone else MISSING, late_minutes=minutes_between(shift.starts_at, min(now, shift.ends_at)))
    first = min(session.started_at for session in sessions)
    is_late = first - shift.starts_at > grace.late
    ends = [session.ended_at for session in sessions if session.ended_at is not None]
    still_there = any(session.status == OPEN for session in sessions)
    last = None if still_there else max(ends, default=None)
    early = last is not None and shift.ends_at - last > grace.early_leave
    return Mark(
        LATE if is_late else PRESENT,
        first_in=first,
        last_out=last,
        late_minutes=minutes_between(shift.starts_at, first),
        early_leave_minutes=minutes_between(last, shift.ends_at) if early and last is not None else 0,
    )


def too_early_for(shifts: Iterable[Shift], at: datetime, allowed: timedelta) -> Shift | None:
    """The shift that somebody would begin too early by clocking in then; None when they may."""
    ahead = [shift for shift in shifts if at < shift.ends_at]
    coming = min(ahead, key=lambda shift: (shift.starts_at, shift.id), default=None)
    return coming if coming is not None and at < coming.starts_at - allowed else None


def minutes_between(start: datetime, end: datetime) -> int:
    """Whole minutes from one instant to a later one; 0 when it is not later."""
    return max((end - start) // MINUTE, 0)
