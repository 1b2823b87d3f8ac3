"""What a rostering problem is: people, shifts, demand, rules and weights, and the roster that answers it.

Times are minutes: a shift's start counts from midnight of its day, an absolute minute from midnight of day 0. Money is
in minor units. Everything here is plain data that can be pickled and sent to another process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

DAY = 24 * 60
WEEK = 7


class Limit(StrEnum):
    """The kinds of rule a rule pack can state."""

    MIN_REST = "min_rest_minutes"
    FORBIDDEN_SUCCESSION = "forbidden_succession"
    MAX_DAY_MINUTES = "max_day_minutes"
    MAX_WEEK_MINUTES = "max_week_minutes"
    MAX_PERIOD_MINUTES = "max_period_minutes"
    MIN_PERIOD_MINUTES = "min_period_minutes"
    MAX_CONSECUTIVE_DAYS = "max_consecutive_days"
    MIN_CONSECUTIVE_DAYS = "min_consecutive_days"
    MIN_CONSECUTIVE_DAYS_OFF = "min_consecutive_days_off"
    MIN_WEEK_DAYS_OFF = "min_week_days_off"
    MAX_SHIFTS_OF_KIND = "max_shifts_of_kind"
    MAX_WEEKENDS = "max_weekends"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: hard when `weight` is None, else each unit beyond `value` costs `weight`.

    A unit is a minute for limits in minutes, else a day, shift or weekend. `kinds` are the kinds of shift that a
    maximum counts, or that a succession forbids after one of `after`.
    """

    limit: Limit
    name: str
    value: int = 0
    citation: str = ""
    kinds: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    weight: int | None = None
    people: frozenset[str] | None = None

    def binds(self, person: str) -> bool:
        """Whether the rule is about this person."""
        return self.people is None or person in self.people


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift that one person can be given, as often as demand or `Problem.demand` makes it worth while."""

    id: str
    day: int
    start: int
    minutes: int
    role: str
    kind: str = ""
    break_minutes: int = 0
    break_start: int = 0
    closing: bool = False

    @property
    def begins(self) -> int:
        """The absolute minute at which the shift begins."""
        return self.day * DAY + self.start

    @property
    def ends(self) -> int:
        """The absolute minute at which the shift ends."""
        return self.begins + self.minutes

    @property
    def paid_minutes(self) -> int:
        """Minutes that count as working time."""
        return self.minutes - self.break_minutes


@dataclass(frozen=True, slots=True)
class Preference:
    """A wish about one shift: what it costs not to give it (`wants`), or to give it (not `wants`)."""

    shift: str
    weight: int
    wants: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who can be rostered.

    `unavailable` are half-open absolute minute ranges, `days_off` whole days of approved leave. `worked_run` and
    `last_end` say how the roster before this one ended: days worked in a row, and the absolute minute (not after 0) at
    which the last shift ended.
    """

    id: str
    roles: frozenset[str]
    wage: int = 0
    wanted_minutes: int | None = None
    unavailable: tuple[tuple[int, int], ...] = ()
    days_off: frozenset[int] = frozenset()
    preferences: tuple[Preference, ...] = ()
    worked_run: int = 0
    last_end: int | None = None


@dataclass(frozen=True, slots=True)
class SlotDemand:
    """How many people a shift wants, and what each one missing or too many costs."""

    shift: str
    need: int
    under: int = 1_600
    over: int = 160


@dataclass(frozen=True, slots=True)
class IntervalDemand:
    """How many people of a role an interval wants; `start` is an absolute minute."""

    role: str
    start: int
    minutes: int
    need: int
    under: int = 100
    over: int = 10


@dataclass(frozen=True, slots=True)
class Assignment:
    """A person works a shift."""

    person: str
    shift: str


@dataclass(frozen=True, slots=True)
class Weights:
    """What the parts of the objective cost; cover, preferences and soft rules carry their own weights.

    `over_budget` is for each minor unit; None makes keeping the budget worth more than any cover it could buy.
    """

    over_budget: int | None = None
    wage: int = 0
    hours_wanted: int = 1
    weekend_share: int = 200
    closing_share: int = 100
    change: int = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything a roster is made from. Raises ValueError when parts contradict each other."""

    days: int
    people: tuple[Person, ...]
    shifts: tuple[Shift, ...]
    slots: tuple[SlotDemand, ...] = ()
    intervals: tuple[IntervalDemand, ...] = ()
    rules: tuple[Rule, ...] = ()
    locked: tuple[Assignment, ...] = ()
    published: tuple[Assignment, ...] = ()
    budget: int | None = None
    weights: Weights = field(default_factory=Weights)
    first_weekday: int = 0

    def __post_init__(self) -> None:
        people = {person.id for person in self.people}
        shifts = {shift.id: shift for shift in self.shifts}
        if len(people) != len(self.people) or len(shifts) != len(self.shifts):
            raise ValueError("ids of people and of shifts must be unique")
        if any(not 0 <= shift.day < self.days for shift in self.shifts):
            raise ValueError("a shift lies outside the period")
        if any(not 0 <= shift.break_minutes < shift.minutes <= DAY or shift.start < 0 for shift in self.shifts):
            raise ValueError("a shift has an impossible length or break")
        rest = max((rule.value for rule in self.rules if rule.limit is Limit.MIN_REST), default=0)
        if any(shift.start + shift.minutes + rest > 2 * DAY for shift in self.shifts):
            raise ValueError("a shift and the rest after it reach beyond the following day")
        for assignment in (*self.locked, *self.published):
            if assignment.person not in people or assignment.shift not in shifts:
                raise ValueError(f"unknown person or shift: {assignment}")
        fixed = [(assignment.person, shifts[assignment.shift].day) for assignment in self.locked]
        if len(set(fixed)) != len(fixed):
            raise ValueError("two locked shifts of one person on one day")
        for first in self.locked:
            for other in self.locked:
                if other.person == first.person and other is not first:
                    begins = shifts[other.shift].begins
                    if shifts[first.shift].begins <= begins < shifts[first.shift].ends:
                        raise ValueError(f"two locked shifts of {first.person} at once")
        if any(demand.shift not in shifts for demand in self.slots):
            raise ValueError("demand for an unknown shift")
        if len({demand.shift for demand in self.slots}) != len(self.slots):
            raise ValueError("two demands for one shift")
        if any(min(d.need, d.under, d.over) < 0 for demands in (self.slots, self.intervals) for d in demands):
            raise ValueError("demand and its weights are not negative")
        if any(rule.weight is not None and rule.weight < 0 for rule in self.rules):
            raise ValueError("a rule's weight is not negative")

    def weekday(self, day: int) -> int:
        """Monday is 0."""
        return (self.first_weekday + day) % WEEK


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: the best objective so far, a proven lower bound, and the seconds it took."""

    seconds: float
    objective: int
    bound: int
    phase: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A hard rule that cannot be kept for a person, with what it is broken by."""

    person: str
    rule: str
    citation: str
    detail: str


class Status(StrEnum):
    """How a run ended."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"


@dataclass(frozen=True, slots=True)
class Result:
    """The best roster found, its score by part, and the proven bound.

    `status` is infeasible when hard rules contradict what is fixed; the roster is then the least broken one and
    `conflicts` names the rules it breaks.
    """

    status: Status
    assignments: tuple[Assignment, ...]
    objective: int
    bound: int
    score: dict[str, int]
    conflicts: tuple[Conflict, ...]
    seconds: float
    cancelled: bool = False

    @property
    def gap(self) -> float:
        """How far the objective may be from the optimum, as a share of the objective."""
        return 0.0 if self.objective <= self.bound else (self.objective - self.bound) / max(1, abs(self.objective))
