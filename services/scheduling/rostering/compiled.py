"""A problem as arrays: what each person may work on each day, what it costs, and what it covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from services.scheduling.rostering.model import DAY, WEEK, Limit, Person, Problem, Rule, Shift

Ints = NDArray[np.int64]
OFF = -1
UNLIMITED = 1_000_000
# What each unit beyond a hard rule costs once the rule cannot be kept: more than any cover is worth.
WAIVED = 100_000


@dataclass(slots=True)
class Limits:
    """A person's hard limits, merged from all rules that bind; what no rule limits keeps a bound that never binds."""

    max_minutes: int
    min_minutes: int
    max_week_minutes: int
    max_week_days: int
    max_run: int
    min_run: int
    min_off: int
    max_weekends: int
    kinds: list[tuple[frozenset[str], int]] = field(default_factory=list)


@dataclass(slots=True)
class Candidate:
    """One person as the solver sees them: allowed shifts by day, cost of each shift, limits, soft rules."""

    person: Person
    limits: Limits
    allowed: list[list[int]]
    cost: Ints
    pay: Ints
    forbidden: NDArray[np.bool_]
    soft: list[Rule]
    waived: list[Rule]
    locked: dict[int, int]


class Compiled:
    """The arrays of a problem; people, shifts and demand rows are numbered in the problem's order."""

    def __init__(self, problem: Problem, waived: Iterable[tuple[str, Rule]] = ()) -> None:
        self.problem = problem
        self.days = problem.days
        self.shifts = problem.shifts
        self.index = {shift.id: number for number, shift in enumerate(problem.shifts)}
        self.minutes = np.array([shift.paid_minutes for shift in problem.shifts], dtype=np.int64)
        self.day_of = np.array([shift.day for shift in problem.shifts], dtype=np.int64)
        self.by_day: list[list[int]] = [[] for _ in range(problem.days)]
        for number, shift in enumerate(problem.shifts):
            self.by_day[shift.day].append(number)
        self._shapes()
        self._rows()
        self.weekends = weekends(problem)
        self.weekend_of = {day: number for number, days in enumerate(self.weekends) for day in days}
        self.closing = np.array([shift.closing for shift in problem.shifts], dtype=bool)
        self._forbidden: dict[tuple[Rule, ...], NDArray[np.bool_]] = {}
        self.waived = set(waived)
        self.over_budget = self._over_budget()
        self._fair_shares()
        self.people = [self._candidate(person) for person in problem.people]

    def _shapes(self) -> None:
        """Shifts alike but for their day share a shape, so that succession is looked up once for all days."""
        shapes: dict[tuple[int, int, str, str], int] = {}
        self.shape_of = np.zeros(len(self.shifts), dtype=np.int64)
        self.shapes: list[Shift] = []
        for number, shift in enumerate(self.shifts):
            key = (shift.start, shift.minutes, shift.kind, shift.role)
            if key not in shapes:
                shapes[key] = len(shapes)
                self.shapes.append(shift)
            self.shape_of[number] = shapes[key]

    def _rows(self) -> None:
        problem = self.problem
        need: list[int] = []
        under: list[int] = []
        over: list[int] = []
        covers: list[list[int]] = [[] for _ in self.shifts]
        for slot in problem.slots:
            covers[self.index[slot.shift]].append(len(need))
            need.append(slot.need)
            under.append(slot.under)
            over.append(slot.over)
        by_role: dict[str, list[int]] = {}
        for number, shift in enumerate(self.shifts):
            by_role.setdefault(shift.role, []).append(number)
        starts = {role: np.array([self.shifts[n].begins for n in found]) for role, found in by_role.items()}
        ends = {role: np.array([self.shifts[n].ends for n in found]) for role, found in by_role.items()}
        for interval in problem.intervals:
            row, finish = len(need), interval.start + interval.minutes
            need.append(interval.need)
            under.append(interval.under)
            over.append(interval.over)
            if interval.role not in by_role:
                continue
            working = (starts[interval.role] <= interval.start) & (ends[interval.role] >= finish)
            for place in np.flatnonzero(working):
                number = by_role[interval.role][place]
                shift = self.shifts[number]
                pause = shift.begins + shift.break_start
                if not shift.break_minutes or finish <= pause or interval.start >= pause + shift.break_minutes:
                    covers[number].append(row)
        self.need = np.array(need, dtype=np.int64)
        self.under = np.array(under, dtype=np.int64)
        self.over = np.array(over, dtype=np.int64)
        self.covers = [np.array(rows, dtype=np.int64) for rows in covers]
        # Flat form, to price all shifts in one reduction.
        self._flat = np.concatenate(self.covers) if self.covers else np.zeros(0, dtype=np.int64)
        lengths = np.array([len(rows) for rows in self.covers], dtype=np.int64)
        self._owner = np.repeat(np.arange(len(self.covers)), lengths)

    def _over_budget(self) -> int:
        problem = self.problem
        if problem.budget is None:
            return 0
        if problem.weights.over_budget is not None:
            return problem.weights.over_budget
        wages = [person.wage for person in problem.people if person.wage > 0]
        gain = self.sum_over_rows(self.under + self.over)
        pay = self.minutes * min(wages, default=60) // 60
        bonus = max((p.weight for person in problem.people for p in person.preferences), default=0)
        bonus += problem.weights.change + problem.weights.hours_wanted * int(self.minutes.max(initial=0))
        return int(max(((g + bonus) / max(1, c) for g, c in zip(gain, pay, strict=True)), default=0)) + 1

    def _fair_shares(self) -> None:
        """A fair share is the even one, rounded up: shares beyond it cost."""
        people = max(1, len(self.problem.people))
        wanted = np.zeros(len(self.shifts), dtype=np.int64)
        for slot in self.problem.slots:
            wanted[self.index[slot.shift]] = slot.need
        for role_day in {(i.role, i.start // DAY) for i in self.problem.intervals}:
            last = [i for i in self.problem.intervals if (i.role, i.start // DAY) == role_day and i.need]
            if last and any(s.closing for s in self.shifts if (s.role, s.day) == role_day):
                closers = next(n for n, s in enumerate(self.shifts) if s.closing and (s.role, s.day) == role_day)
                wanted[closers] += max(last, key=lambda i: i.start).need
        self.closing_share = -(-int(wanted[self.closing].sum()) // people)
        in_weekend = [day in self.weekend_of for day in self.day_of.tolist()]
        if self.problem.intervals:
            length = max(1, int(np.median(self.minutes))) if len(self.minutes) else 1
            minutes = sum(i.need * i.minutes for i in self.problem.intervals if i.start // DAY in self.weekend_of)
            turns = -(-minutes // length)
        else:
            turns = int(wanted[np.array(in_weekend, dtype=bool)].sum()) if len(wanted) else 0
        self.weekend_share = -(-turns // people)

    def sum_over_rows(self, values: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
        """For each shift the sum of `values` over the rows it covers."""
        if not len(self.shifts):
            return np.zeros(0)
        sums = np.bincount(self._owner, weights=values[self._flat], minlength=len(self.shifts))
        return sums.astype(np.float64)

    def _candidate(self, person: Person) -> Candidate:
        problem = self.problem
        rules = [rule for rule in problem.rules if rule.binds(person.id)]
        # A hard rule that what is fixed makes impossible is kept as nearly as can be.
        waived = [replace(rule, weight=WAIVED) for rule in rules if (person.id, rule) in self.waived]
        hard = [rule for rule in rules if rule.weight is None and (person.id, rule) not in self.waived]
        locked = {self.shift_of(a.shift).day: self.index[a.shift] for a in problem.locked if a.person == person.id}
        allowed = [
            [locked[day]]
            if day in locked
            else [n for n in self.by_day[day] if not excluded(person, self.shifts[n], hard)]
            for day in range(self.days)
        ]
        cost = np.zeros(len(self.shifts), dtype=np.int64)
        pay = self.minutes * person.wage // 60
        cost += problem.weights.wage * pay
        for wish in person.preferences:
            if wish.shift in self.index:
                cost[self.index[wish.shift]] += -wish.weight if wish.wants else wish.weight
        for published in problem.published:
            if published.person == person.id:
                cost[self.index[published.shift]] -= problem.weights.change
        successions = tuple(r for r in hard if r.limit in (Limit.MIN_REST, Limit.FORBIDDEN_SUCCESSION))
        if successions not in self._forbidden:
            self._forbidden[successions] = self._matrix(successions)
        soft = [rule for rule in rules if rule.weight]
        limits = merged_limits(hard, self.days, int(self.minutes.max(initial=1)))
        return Candidate(person, limits, allowed, cost, pay, self._forbidden[successions], soft, waived, locked)

    def shift_of(self, shift_id: str) -> Shift:
        """The shift with this id; raises KeyError."""
        return self.shifts[self.index[shift_id]]

    def _matrix(self, rules: Sequence[Rule]) -> NDArray[np.bool_]:
        forbidden = np.zeros((len(self.shapes), len(self.shapes)), dtype=bool)
        start = np.array([shape.start for shape in self.shapes])
        finish = np.array([shape.start + shape.minutes for shape in self.shapes])
        for rule in rules:
            if rule.limit is Limit.MIN_REST:
                forbidden |= (start[None, :] + DAY - finish[:, None]) < rule.value
            else:
                after = np.array([shape.kind in rule.after for shape in self.shapes])
                kinds = np.array([shape.kind in rule.kinds for shape in self.shapes])
                forbidden |= after[:, None] & kinds[None, :]
        # One person never works two shifts at once, whatever the rules say.
        return forbidden | ((start[None, :] + DAY) < finish[:, None])


def excluded(person: Person, shift: Shift, rules: Sequence[Rule]) -> bool:
    """Whether the person can never be given the shift, whatever else they work."""
    if shift.role not in person.roles or shift.day in person.days_off:
        return True
    if any(shift.begins < finish and begin < shift.ends for begin, finish in person.unavailable):
        return True
    for rule in rules:
        if rule.limit is Limit.MAX_DAY_MINUTES and shift.paid_minutes > rule.value:
            return True
        if rule.limit is Limit.MAX_SHIFTS_OF_KIND and rule.value == 0 and shift.kind in rule.kinds:
            return True
        if rule.limit is Limit.MIN_REST and person.last_end is not None and shift.begins - person.last_end < rule.value:
            return True
    return person.last_end is not None and shift.begins < person.last_end


def merged_limits(hard: Sequence[Rule], days: int, longest: int) -> Limits:
    """The tightest of each limit."""

    def least(limit: Limit, otherwise: int) -> int:
        return min((rule.value for rule in hard if rule.limit is limit), default=otherwise)

    def most(limit: Limit, otherwise: int) -> int:
        return max((rule.value for rule in hard if rule.limit is limit), default=otherwise)

    return Limits(
        max_minutes=min(least(Limit.MAX_PERIOD_MINUTES, days * longest), days * longest),
        min_minutes=most(Limit.MIN_PERIOD_MINUTES, 0),
        max_week_minutes=least(Limit.MAX_WEEK_MINUTES, WEEK * longest),
        max_week_days=WEEK - most(Limit.MIN_WEEK_DAYS_OFF, 0),
        max_run=least(Limit.MAX_CONSECUTIVE_DAYS, UNLIMITED),
        min_run=most(Limit.MIN_CONSECUTIVE_DAYS, 1),
        min_off=most(Limit.MIN_CONSECUTIVE_DAYS_OFF, 1),
        max_weekends=least(Limit.MAX_WEEKENDS, days // WEEK + 2),
        kinds=[(r.kinds, r.value) for r in hard if r.limit is Limit.MAX_SHIFTS_OF_KIND and 0 < r.value < days],
    )


def weekends(problem: Problem) -> list[list[int]]:
    """The days of each weekend in the period; one cut off by its edge has a single day."""
    found: list[list[int]] = []
    for day in range(problem.days):
        if problem.weekday(day) == 5 or (problem.weekday(day) == 6 and day == 0):
            found.append([day])
        elif problem.weekday(day) == 6:
            found[-1].append(day)
    return found
