"""Why a roster is as it is: for each unfilled slot who was considered, and what kept each of them out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.scheduling.rostering.compiled import OFF, Compiled, Ints
from services.scheduling.rostering.model import DAY, Result, Shift
from services.scheduling.rostering.scoring import Scorer

# Gaps for which it is worth while to say of each person what keeps them out.
MOST_GAPS = 40


@dataclass(frozen=True, slots=True)
class Reason:
    """What keeps a person out: a rule with its citation, or a plain fact such as time off."""

    rule: str
    citation: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Considered:
    """A person and what keeps them out of a slot; without a reason, `extra_cost` is what it would cost."""

    person: str
    reasons: tuple[Reason, ...]
    extra_cost: int | None = None


@dataclass(frozen=True, slots=True)
class Unfilled:
    """Demand that is not met: of a shift, or of a role from one absolute minute to another."""

    role: str
    start: int
    end: int
    missing: int
    shift: str | None
    considered: tuple[Considered, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The score by part, the proven bound, how much of the demand is met, and each unfilled slot.

    Demand is counted in minutes of people. Only for the largest gaps it is said who was considered.
    """

    score: dict[str, int]
    objective: int
    bound: int
    needed_minutes: int = 0
    covered_minutes: int = 0
    unfilled: tuple[Unfilled, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class _Gap:
    role: str
    start: int
    end: int
    missing: int
    shifts: Sequence[int]
    shift: str | None = None

    @property
    def size(self) -> int:
        """Minutes of people that are missing."""
        return self.missing * (self.end - self.start)


class Explainer:
    """Explains one result of one problem."""

    def __init__(self, compiled: Compiled, result: Result) -> None:
        self.compiled = compiled
        self.scorer = Scorer(compiled)
        self.result = result
        numbers = {person.id: number for number, person in enumerate(compiled.problem.people)}
        self.roster = np.full((len(numbers), compiled.days), OFF, dtype=np.int64)
        for assignment in result.assignments:
            option = compiled.index[assignment.shift]
            self.roster[numbers[assignment.person], compiled.day_of[option]] = option
        self.have = self.scorer.cover(self.roster)
        self.total = self.scorer.total(self.roster)

    def explain(self) -> Explanation:
        """The whole explanation."""
        gaps = list(self._gaps())
        largest = set(sorted(range(len(gaps)), key=lambda n: -gaps[n].size)[:MOST_GAPS])
        unfilled = tuple(
            Unfilled(
                gap.role,
                gap.start,
                gap.end,
                gap.missing,
                gap.shift,
                tuple(self._considered(gap)) if number in largest else (),
            )
            for number, gap in enumerate(gaps)
        )
        return Explanation(
            self.scorer.parts(self.roster),
            self.total,
            self.result.bound,
            self._minutes(self.compiled.need),
            self._minutes(np.minimum(self.have, self.compiled.need)),
            unfilled,
        )

    def _minutes(self, people: Ints) -> int:
        """Demand rows in minutes when each has so many people."""
        problem = self.compiled.problem
        lengths = [self.compiled.shift_of(slot.shift).minutes for slot in problem.slots]
        lengths += [interval.minutes for interval in problem.intervals]
        return int((people * np.array(lengths, dtype=np.int64)).sum())

    def _gaps(self) -> Iterator[_Gap]:
        """Unmet demand; intervals of a role that follow each other with as many missing are one gap."""
        problem, compiled = self.compiled.problem, self.compiled
        missing = np.maximum(0, compiled.need - self.have).tolist()
        for row, slot in enumerate(problem.slots):
            if missing[row]:
                shift = compiled.shift_of(slot.shift)
                option = [compiled.index[slot.shift]]
                yield _Gap(shift.role, shift.begins, shift.ends, missing[row], option, shift.id)
        rows = sorted(
            (interval.role, interval.start, interval.minutes, short)
            for interval, short in zip(problem.intervals, missing[len(problem.slots) :], strict=True)
            if short
        )
        current: _Gap | None = None
        for role, start, minutes, short in rows:
            if current and (current.role, current.end, current.missing) == (role, start, short):
                current = _Gap(role, current.start, start + minutes, short, ())
                continue
            if current:
                yield self._with_shifts(current)
            current = _Gap(role, start, start + minutes, short, ())
        if current:
            yield self._with_shifts(current)

    def _with_shifts(self, gap: _Gap) -> _Gap:
        """The shifts that would cover some of the gap, those that cover most of it first."""

        def overlap(shift: Shift) -> int:
            return min(shift.ends, gap.end) - max(shift.begins, gap.start)

        shifts = self.compiled.shifts
        options = [n for n, shift in enumerate(shifts) if shift.role == gap.role and overlap(shift) > 0]
        options.sort(key=lambda n: -overlap(shifts[n]))
        return _Gap(gap.role, gap.start, gap.end, gap.missing, options[:12])

    def _considered(self, gap: _Gap) -> Iterator[Considered]:
        """Each person who has the role, by the shift that comes nearest to being possible for them."""
        for number, candidate in enumerate(self.compiled.people):
            if gap.role not in candidate.person.roles:
                continue
            attempts = [self._attempt(number, option) for option in gap.shifts]
            if not attempts:
                yield Considered(candidate.person.id, (Reason("no shift", "", "no shift covers this time"),))
                continue
            yield min(attempts, key=lambda a: (len(a.reasons), a.extra_cost if a.extra_cost is not None else 0))

    def _attempt(self, number: int, option: int) -> Considered:
        person = self.compiled.people[number].person
        shift = self.compiled.shifts[option]
        row = self.roster[number]
        reasons = list(self._facts(number, shift, row))
        if int(row[shift.day]) == OFF and not reasons:
            changed = row.copy()
            changed[shift.day] = option
            already = {rule for rule, _ in self.scorer.broken(number, row)}
            for rule, units in self.scorer.broken(number, changed):
                if rule not in already:
                    reasons.append(Reason(rule.name, rule.citation, f"{units} beyond {rule.value}"))
            if not reasons:
                return Considered(person.id, (), self._extra(number, changed))
        return Considered(person.id, tuple(reasons))

    def _facts(self, number: int, shift: Shift, row: Ints) -> Iterator[Reason]:
        person = self.compiled.people[number].person
        if shift.day in person.days_off:
            yield Reason("time off", "", f"day {shift.day}")
        for start, end in person.unavailable:
            if shift.begins < end and start < shift.ends:
                yield Reason("availability", "", f"minutes {start % DAY} to {end % DAY} of day {start // DAY}")
        current = int(row[shift.day])
        if current != OFF:
            works = self.compiled.shifts[current]
            locked = shift.day in self.compiled.people[number].locked
            yield Reason("locked shift" if locked else "works already", "", works.id)

    def _extra(self, number: int, changed: Ints) -> int:
        roster = self.roster.copy()
        roster[number] = changed
        return self.scorer.total(roster) - self.total


def explain(compiled: Compiled, result: Result) -> Explanation:
    """Explains a result of the compiled problem."""
    return Explainer(compiled, result).explain()
