"""A week as the optimizer's problem, and its answer as shifts of the restaurant.

Minutes are those of the clock on the wall from the Monday's midnight. What of a week stays as it is becomes one locked
shift for each person and day, so that rest, hours and the single shift a day are kept around it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from labour import Period, Policy, by_day
from servicekit.zones import local_instant
from services.scheduling.domain.conflicts import Booking, Situation, Window, leave_periods, window_period
from services.scheduling.domain.staffing import Slot, alike, canonical
from services.scheduling.rostering.forecast import day_begins
from services.scheduling.rostering.model import (
    DAY,
    WEEK,
    Assignment,
    IntervalDemand,
    Limit,
    Person,
    Preference,
    Problem,
    Rule,
    Shift,
    SlotDemand,
)

LATE: Final = 21 * 60
"""The last shift of a role that ends no earlier than this is one of those that are shared out fairly."""
LIKED: Final = 60
"""What a shift within hours that somebody prefers is worth, in units of the objective."""
TOO_MANY: Final = 10_000
"""What one person more on a shift than it wants costs: more than fairness could ever gain by it."""
MINUTE: Final = timedelta(minutes=1)

Ranges = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who can be planned; `wage` is for an hour in minor units, `likes` the hours they prefer."""

    id: UUID
    role: str
    wage: int = 0
    wanted_minutes: int | None = None
    max_run: int | None = None
    likes: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Existing:
    """A shift of the week; one that is `free` may be given to other people."""

    id: UUID
    role: str
    period: Period
    break_minutes: int
    people: tuple[UUID, ...]
    free: bool


@dataclass(frozen=True, slots=True)
class Week:
    """Everything that is known of a week to be planned; `situations` has every worker."""

    monday: date
    zone: ZoneInfo
    policy: Policy
    now: datetime
    workers: tuple[Worker, ...]
    situations: Mapping[UUID, Situation]
    existing: tuple[Existing, ...] = ()
    slots: tuple[Slot, ...] = ()
    intervals: tuple[IntervalDemand, ...] = ()
    closed: frozenset[date] = frozenset()
    budget: int | None = None

    def minute(self, instant: datetime) -> int:
        """An instant on the wall's clock."""
        wall = instant.astimezone(self.zone).replace(tzinfo=None)
        return (wall - datetime.combine(self.monday, time())) // MINUTE

    def minutes(self, period: Period) -> tuple[int, int]:
        """A period on the wall's clock."""
        return self.minute(period.start), self.minute(period.end)

    def instant(self, minute: int) -> datetime:
        """The wall's clock as an instant."""
        day, rest = divmod(minute, DAY)
        return local_instant(self.monday + timedelta(days=day), time(rest // 60, rest % 60), self.zone)

    def is_open_to_plans(self, day: int, start: int) -> bool:
        """Whether a shift may still be planned that begins then: not in the past, not on a closed day."""
        date_ = self.monday + timedelta(days=day)
        return date_ not in self.closed and self.instant(day * DAY + start) > self.now


@dataclass(frozen=True, slots=True)
class Proposal:
    """A shift as a roster would have it: a new one, or one of the week with other people on it."""

    shift_id: UUID | None
    role: str
    day: date
    period: Period
    break_minutes: int
    people: tuple[UUID, ...]
    before: tuple[UUID, ...] = ()


def problem_of(week: Week) -> Problem:
    """The problem that the week is. Raises ValueError when parts of it contradict each other."""
    slots = list(_slots(week))
    shifts = [shift for shift, _ in slots]
    people, locked = [], []
    fair = _fair_minutes(week)
    for worker in week.workers:
        fixed, blocked = _kept(week, worker)
        shifts += fixed
        locked += [Assignment(str(worker.id), shift.id) for shift in fixed]
        unavailable = _merged([*blocked, *_unavailable(week, worker)])
        roles = alike(worker.role) | ({_own(worker)} if fixed else frozenset())
        people.append(
            Person(
                id=str(worker.id),
                roles=roles,
                wage=worker.wage,
                wanted_minutes=fair.get(worker.id) if worker.wanted_minutes is None else worker.wanted_minutes,
                unavailable=tuple(unavailable),
                preferences=tuple(_wishes(week, worker, shifts)),
                worked_run=_run_before(week, worker),
            )
        )
    ids = {str(worker.id) for worker in week.workers}
    # What is needed in the first hours of the Monday is the end of the Sunday before.
    begins = day_begins(week.intervals)
    return Problem(
        days=WEEK,
        people=tuple(people),
        shifts=tuple(shifts),
        slots=tuple(SlotDemand(shift.id, need, over=TOO_MANY) for shift, need in slots),
        intervals=tuple(
            need
            for need in week.intervals
            if 0 <= need.start - begins < WEEK * DAY and week.is_open_to_plans(need.start // DAY, need.start % DAY)
        ),
        rules=tuple(_rules(week)),
        locked=tuple(locked),
        published=tuple(
            Assignment(str(person), _existing_id(shift))
            for shift in week.existing
            if shift.free
            for person in shift.people
            if str(person) in ids
        ),
        budget=week.budget,
        first_weekday=week.monday.weekday(),
    )


def proposals(week: Week, assignments: Sequence[Assignment], shifts: Mapping[str, Shift]) -> list[Proposal]:
    """What a roster changes, in the order of time: new shifts, and shifts of the week whose people differ."""
    free = {_existing_id(shift): shift for shift in week.existing if shift.free}
    on_shift: dict[str, list[UUID]] = {shift_id: [] for shift_id in free}
    found = []
    for assignment in assignments:
        person, shift = UUID(assignment.person), shifts[assignment.shift]
        if assignment.shift in free:
            on_shift[assignment.shift].append(person)
        elif not shift.role.startswith("kept:"):
            found.append(replace(open_proposal(week, shift), people=(person,)))
    for shift_id, people in on_shift.items():
        present = free[shift_id]
        if set(people) != set(present.people):
            stay = [person for person in present.people if person in people]
            after = (*stay, *sorted(set(people) - set(stay)))
            day = present.period.start.astimezone(week.zone).date()
            found.append(
                Proposal(present.id, present.role, day, present.period, present.break_minutes, after, present.people)
            )
    return sorted(found, key=lambda p: (p.period.start, p.role, p.people))


def open_proposal(week: Week, shift: Shift) -> Proposal:
    """A new shift that nobody is on yet."""
    day = week.monday + timedelta(days=shift.day)
    period = Period(week.instant(shift.begins), week.instant(shift.ends))
    return Proposal(None, shift.role, day, period, shift.break_minutes, ())


def booking_of(proposal: Proposal) -> Booking:
    """A proposal as the conflict engine looks at it."""
    return Booking(
        proposal.shift_id,
        proposal.period,
        timedelta(minutes=proposal.break_minutes),
        people=frozenset(proposal.people),
    )


def _slots(week: Week) -> Iterator[tuple[Shift, int]]:
    """Shifts that want people: those of the week that may be given to others, and what else is asked for."""
    there: dict[tuple[str, int, int, int], int] = defaultdict(int)
    wanted: list[tuple[Shift, int]] = []
    for shift in week.existing:
        start, end = week.minutes(shift.period)
        day = start // DAY
        there[canonical(shift.role), day, start - day * DAY, end - start] += max(1, len(shift.people))
        if shift.free and 0 <= day < WEEK and 0 < end - start <= DAY:
            drawn = Shift(
                _existing_id(shift), day, start - day * DAY, end - start, shift.role, shift.role, shift.break_minutes
            )
            wanted.append((drawn, max(1, len(shift.people))))
    for number, slot in enumerate(week.slots):
        have = min(slot.staff, there[slot.place])
        there[slot.place] -= have
        if slot.staff > have and week.is_open_to_plans(slot.day, slot.start):
            drawn = Shift(f"new:{number}", slot.day, slot.start, slot.minutes, slot.role, slot.role, slot.break_minutes)
            wanted.append((drawn, slot.staff - have))
    last: dict[tuple[str, int], int] = defaultdict(int)
    for shift_, _ in wanted:
        key = (canonical(shift_.role), shift_.day)
        last[key] = max(last[key], shift_.start + shift_.minutes)
    for shift_, need in wanted:
        ends = shift_.start + shift_.minutes
        closing = ends >= LATE and ends == last[canonical(shift_.role), shift_.day]
        yield _with_closing(shift_) if closing else shift_, need


def _with_closing(shift: Shift) -> Shift:
    return Shift(
        shift.id, shift.day, shift.start, shift.minutes, shift.role, shift.kind, shift.break_minutes, closing=True
    )


def _kept(week: Week, worker: Worker) -> tuple[list[Shift], Ranges]:
    """A person's shifts that stay: one locked shift for each day, and the times around those outside the week."""
    rest = week.policy.rest_between_days // MINUTE
    free = {shift.id for shift in week.existing if shift.free}
    by_date: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    blocked: Ranges = []
    for booking in week.situations[worker.id].shifts:
        if booking.id in free:
            continue
        start, end = week.minutes(booking.period)
        if 0 <= start < WEEK * DAY:
            by_date[start // DAY].append((start, end, booking.unpaid_break // MINUTE))
        else:
            blocked.append((start - rest, end + rest))
    fixed = []
    for day, pieces in sorted(by_date.items()):
        start, end = min(piece[0] for piece in pieces), max(piece[1] for piece in pieces)
        paid = sum(piece[1] - piece[0] - piece[2] for piece in pieces)
        if not 0 < paid <= end - start <= DAY or start - day * DAY + end - start + rest > 2 * DAY:
            blocked.append((start - rest, end + rest))
            continue
        name = f"kept:{worker.id}:{day}"
        fixed.append(Shift(name, day, start - day * DAY, end - start, _own(worker), "kept", end - start - paid))
    return fixed, blocked


def _own(worker: Worker) -> str:
    """A role that only one person has, for what nobody else can take over."""
    return f"kept:{worker.id}"


def _unavailable(week: Week, worker: Worker) -> Iterator[tuple[int, int]]:
    """When a person is on leave, or not free by their own word."""
    situation = week.situations[worker.id]
    for leave in situation.time_off:
        for period in leave_periods(leave, week.zone):
            yield week.minutes(period)
    # A shift of the Sunday may reach into the Monday after it.
    for offset in range(WEEK + 1):
        day = week.monday + timedelta(days=offset)
        said = [window for window in situation.windows if window.is_about(day)]
        free = _merged([week.minutes(window_period(day, w, week.zone)) for w in said if w.is_available])
        if free:
            reached = offset * DAY
            for start, end in free:
                yield reached, start
                reached = end
            yield reached, (offset + 1) * DAY
        for window in said:
            if not window.is_available:
                yield week.minutes(window_period(day, window, week.zone))


def _merged(ranges: Ranges) -> Ranges:
    """The same minutes in as few ranges as possible, in order."""
    found: Ranges = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _wishes(week: Week, worker: Worker, shifts: Sequence[Shift]) -> Iterator[Preference]:
    for shift in shifts if worker.likes else ():
        day = week.monday + timedelta(days=shift.day)
        if shift.role in alike(worker.role) and any(
            window.is_about(day)
            and (liked := week.minutes(window_period(day, window, week.zone)))[0] <= shift.begins
            and shift.ends <= liked[1]
            for window in worker.likes
        ):
            yield Preference(shift.id, LIKED)


def _run_before(week: Week, worker: Worker) -> int:
    """How many days in a row the person has worked up to the Sunday before."""
    days = {
        day
        for booking in week.situations[worker.id].shifts
        for day, _ in list(by_day(booking.period, week.zone))[:1]
        if day < week.monday
    }
    run = 0
    while week.monday - timedelta(days=run + 1) in days:
        run += 1
    return run


def _fair_minutes(week: Week) -> dict[UUID, int]:
    """An even share of the work for everybody who can do it, within the weekly limit."""
    work: dict[str, int] = defaultdict(int)
    for shift in week.existing:
        if shift.period.start.astimezone(week.zone).date() >= week.monday:
            length = shift.period.length // MINUTE - shift.break_minutes
            work[canonical(shift.role)] += length * max(1, len(shift.people))
    for slot in week.slots:
        work[canonical(slot.role)] += (slot.minutes - slot.break_minutes) * slot.staff
    for need in week.intervals:
        work[canonical(need.role)] += need.minutes * need.need
    people: dict[str, list[UUID]] = defaultdict(list)
    for worker in week.workers:
        people[canonical(worker.role)].append(worker.id)
    limit = week.policy.weekly_limit // MINUTE
    return {worker: min(limit, work[role] // len(members)) for role, members in people.items() for worker in members}


def _rules(week: Week) -> Iterator[Rule]:
    """What binds everybody, with where it is written, and what single people have asked for."""
    policy, rules = week.policy, week.policy.rules
    yield Rule(
        Limit.MIN_REST,
        "rest between working days",
        policy.rest_between_days // MINUTE,
        policy.source_of("rest_between_days"),
    )
    yield Rule(Limit.MAX_WEEK_MINUTES, "weekly hours", policy.weekly_limit // MINUTE, policy.source_of("weekly_limit"))
    if policy.daily_limit is not None:
        yield Rule(Limit.MAX_DAY_MINUTES, "daily hours", policy.daily_limit // MINUTE, policy.source_of("daily_limit"))
    yield Rule(Limit.MIN_WEEK_DAYS_OFF, "weekly rest", 1, str(rules.weekly_rest.citation))
    yield Rule(Limit.MAX_CONSECUTIVE_DAYS, "days in a row", WEEK - 1, str(rules.weekly_rest.citation))
    by_run: dict[int, set[str]] = defaultdict(set)
    for worker in week.workers:
        if worker.max_run is not None and 0 < worker.max_run < WEEK - 1:
            by_run[worker.max_run].add(str(worker.id))
    for run, people in sorted(by_run.items()):
        yield Rule(Limit.MAX_CONSECUTIVE_DAYS, "days in a row that the person stated", run, people=frozenset(people))


def _existing_id(shift: Existing) -> str:
    return f"shift:{shift.id}"
