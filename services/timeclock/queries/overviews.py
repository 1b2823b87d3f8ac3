"""Shifts beside sessions, for days and for people."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from servicekit.db import Reading
from services.timeclock.domain.attendance import Mark, Shift, mark_of, pair
from services.timeclock.domain.sessions import OPEN, Session, seconds_between
from services.timeclock.queries.policy import Planned, Rules, people_of, rules_of, shifts_between
from services.timeclock.queries.sessions import sessions_of_days

UNSCHEDULED = "UNSCHEDULED"
_A_SHIFT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Attended:
    """One person's shift and what they worked on it; without a shift, what they worked besides."""

    day: date
    staff_id: UUID
    staff_name: str
    role: str
    shift: Shift | None
    planned: Planned | None
    sessions: list[Session]
    mark: Mark
    seconds: int
    """Paid seconds, up to now for who is still there."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Attendance of a range of business days."""

    rules: Rules
    attended: list[Attended]
    updated_at: dict[date, datetime]
    """When a session of a day last changed."""


async def attendance_of(
    reading: Reading, restaurant_id: UUID, first: date, last: date, now: datetime, staff_id: UUID | None = None
) -> Overview:
    """Every published shift of a range of days with what was worked on it, and every session without a shift."""
    rules = await rules_of(reading, restaurant_id)
    since, until = rules.bounds(first, last)
    planned = await shifts_between(reading, restaurant_id, since, until, staff_id)
    found = await sessions_of_days(reading, restaurant_id, first - _A_SHIFT, last + _A_SHIFT, staff_id)
    people = await people_of(reading, restaurant_id)
    by_person: defaultdict[UUID, list[Session]] = defaultdict(list)
    updated: dict[date, datetime] = {}
    for session, row in found:
        by_person[row.staff_id].append(session)
        known = updated.get(session.business_date)
        updated[session.business_date] = max(known, row.updated_at) if known else row.updated_at
    shifts_of: defaultdict[UUID, list[Planned]] = defaultdict(list)
    for one in planned:
        for person in one.row.staff_ids:
            if staff_id in (None, person):
                shifts_of[person].append(one)
    attended = [
        line
        for person in sorted({*by_person, *shifts_of})
        for line in _of_person(person, people.get(person), shifts_of[person], by_person[person], rules, now)
        if first <= line.day <= last
    ]
    attended.sort(key=lambda line: (line.day, _begins(line, now), line.staff_name, line.staff_id))
    return Overview(rules, attended, updated)


def _of_person(
    staff_id: UUID, known: Any, planned: Iterable[Planned], sessions: list[Session], rules: Rules, now: datetime
) -> Iterable[Attended]:
    name, role = (known.name, known.role) if known is not None else ("", "")
    by_id = {one.shift.id: one for one in planned}
    paired = pair([one.shift for one in by_id.values()], sessions)
    for shift_id, one in by_id.items():
        worked = paired.get(shift_id, [])
        mark = mark_of(one.shift, worked, rules.grace, now)
        day = rules.business_date(one.shift.starts_at)
        yield Attended(day, staff_id, name, one.row.role or role, one.shift, one, worked, mark, _seconds(worked, now))
    for session in paired.get(None, []):
        mark = Mark(UNSCHEDULED, first_in=session.started_at, last_out=session.ended_at)
        yield Attended(
            session.business_date, staff_id, name, role, None, None, [session], mark, _seconds([session], now)
        )


def _seconds(sessions: Iterable[Session], now: datetime) -> int:
    total = 0
    for session in sessions:
        if session.status == OPEN:
            total += sum(seconds_between(p.start, p.end) for p in session.periods_until(now))
        else:
            total += session.worked_seconds
    return total


def _begins(line: Attended, now: datetime) -> datetime:
    if line.shift is not None:
        return line.shift.starts_at
    return line.mark.first_in or now
