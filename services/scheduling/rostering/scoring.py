"""What a roster costs, by part, and which rules a person's days break."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from services.scheduling.rostering.compiled import OFF, Compiled, Ints
from services.scheduling.rostering.model import WEEK, Limit, Person, Rule, Shift

Days = Sequence[Shift | None]


def excess(rule: Rule, person: Person, worked: Days, weekends: Sequence[Sequence[int]]) -> int:
    """By how many units a person's days go beyond a rule; 0 when they keep it."""
    return _EXCESS[rule.limit](rule, person, worked, weekends)


def _rest(rule: Rule, person: Person, worked: Days, _: Sequence[Sequence[int]]) -> int:
    short, previous = 0, person.last_end
    for shift in worked:
        if shift is not None:
            if previous is not None:
                short += max(0, rule.value - (shift.begins - previous))
            previous = shift.ends
    return short


def _succession(rule: Rule, _: Person, worked: Days, __: Sequence[Sequence[int]]) -> int:
    return sum(
        1
        for before, after in itertools.pairwise(worked)
        if before is not None and after is not None and before.kind in rule.after and after.kind in rule.kinds
    )


def _day_minutes(rule: Rule, _: Person, worked: Days, __: Sequence[Sequence[int]]) -> int:
    return sum(max(0, shift.paid_minutes - rule.value) for shift in worked if shift is not None)


def _week_minutes(rule: Rule, _: Person, worked: Days, __: Sequence[Sequence[int]]) -> int:
    return sum(max(0, _minutes(worked[start : start + WEEK]) - rule.value) for start in range(0, len(worked), WEEK))


def _week_days_off(rule: Rule, _: Person, worked: Days, __: Sequence[Sequence[int]]) -> int:
    return sum(
        max(0, sum(shift is not None for shift in worked[start : start + WEEK]) - (WEEK - rule.value))
        for start in range(0, len(worked), WEEK)
    )


def _max_minutes(rule: Rule, _: Person, worked: Days, __: Sequence[Sequence[int]]) -> int:
    return max(0, _minutes(worked) - rule.value)


def _min_minutes(rule: Rule, _: Person, worked: Days, __: Sequence[Sequence[int]]) -> int:
    return max(0, rule.value - _minutes(worked))


def _long_runs(rule: Rule, person: Person, worked: Days, _: Sequence[Sequence[int]]) -> int:
    # A day more than allowed counts once for each window of value + 1 days that it fills.
    run, found = person.worked_run, 0
    for shift in worked:
        run = run + 1 if shift is not None else 0
        found += run > rule.value
    return found


def _short_runs(rule: Rule, person: Person, worked: Days, _: Sequence[Sequence[int]]) -> int:
    return sum(rule.value - n for works, n in _inner_runs(worked) if works and n < rule.value)


def _short_off(rule: Rule, _: Person, worked: Days, __: Sequence[Sequence[int]]) -> int:
    return sum(rule.value - n for works, n in _inner_runs(worked) if not works and n < rule.value)


def _of_kind(rule: Rule, _: Person, worked: Days, __: Sequence[Sequence[int]]) -> int:
    return max(0, sum(shift is not None and shift.kind in rule.kinds for shift in worked) - rule.value)


def _weekends(rule: Rule, _: Person, worked: Days, weekends: Sequence[Sequence[int]]) -> int:
    return max(0, sum(any(worked[day] is not None for day in days) for days in weekends) - rule.value)


def _minutes(worked: Days) -> int:
    return sum(shift.paid_minutes for shift in worked if shift is not None)


def _inner_runs(worked: Days) -> list[tuple[bool, int]]:
    """Runs of days worked or off that do not touch the edge of the period, beyond which nothing is known."""
    runs: list[tuple[bool, int]] = []
    for shift in worked:
        works = shift is not None
        if runs and runs[-1][0] is works:
            runs[-1] = (works, runs[-1][1] + 1)
        else:
            runs.append((works, 1))
    return runs[1:-1]


_EXCESS: dict[Limit, Callable[[Rule, Person, Days, Sequence[Sequence[int]]], int]] = {
    Limit.MIN_REST: _rest,
    Limit.FORBIDDEN_SUCCESSION: _succession,
    Limit.MAX_DAY_MINUTES: _day_minutes,
    Limit.MAX_WEEK_MINUTES: _week_minutes,
    Limit.MIN_WEEK_DAYS_OFF: _week_days_off,
    Limit.MAX_PERIOD_MINUTES: _max_minutes,
    Limit.MIN_PERIOD_MINUTES: _min_minutes,
    Limit.MAX_CONSECUTIVE_DAYS: _long_runs,
    Limit.MIN_CONSECUTIVE_DAYS: _short_runs,
    Limit.MIN_CONSECUTIVE_DAYS_OFF: _short_off,
    Limit.MAX_SHIFTS_OF_KIND: _of_kind,
    Limit.MAX_WEEKENDS: _weekends,
}


class Scorer:
    """Scores rosters: an array of people by days that holds shift numbers, or OFF."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        people = compiled.problem.people
        self._published: dict[str, set[int]] = {person.id: set() for person in people}
        for assignment in compiled.problem.published:
            self._published[assignment.person].add(compiled.index[assignment.shift])
        self._wishes = [sum(p.weight for p in person.preferences if p.wants) for person in people]

    def person_parts(self, number: int, row: Ints) -> dict[str, int]:
        """What one person's days cost, by part."""
        compiled = self.compiled
        candidate, weights = compiled.people[number], compiled.problem.weights
        chosen = row[row >= 0]
        worked: list[Shift | None] = [compiled.shifts[n] if n >= 0 else None for n in row.tolist()]
        published = self._published[candidate.person.id]
        kept = len(published.intersection(chosen.tolist()))
        wage = weights.wage * int(candidate.pay[chosen].sum())
        parts = {
            "preferences": self._wishes[number] + int(candidate.cost[chosen].sum()) - wage + weights.change * kept,
            "change": weights.change * (len(published) - kept),
            "wage": wage,
            "soft_rules": sum(
                (rule.weight or 0) * excess(rule, candidate.person, worked, compiled.weekends)
                for rule in candidate.soft
            ),
            "broken_rules": sum(
                (rule.weight or 0) * excess(rule, candidate.person, worked, compiled.weekends)
                for rule in candidate.waived
            ),
            "hours": 0,
        }
        if candidate.person.wanted_minutes is not None:
            given_minutes = int(compiled.minutes[chosen].sum())
            parts["hours"] = weights.hours_wanted * abs(given_minutes - candidate.person.wanted_minutes)
        weekends = {compiled.weekend_of[s.day] for s in worked if s is not None and s.day in compiled.weekend_of}
        parts["fairness"] = weights.weekend_share * max(0, len(weekends) - compiled.weekend_share)
        closes = int(compiled.closing[chosen].sum())
        parts["fairness"] += weights.closing_share * max(0, closes - compiled.closing_share)
        return parts

    def person(self, number: int, row: Ints) -> int:
        """What one person's days cost."""
        return sum(self.person_parts(number, row).values())

    def fixed(self, number: int) -> int:
        """What a person costs who is given nothing they wished for and nothing that was published."""
        person = self.compiled.people[number].person
        return self._wishes[number] + self.compiled.problem.weights.change * len(self._published[person.id])

    def cover(self, roster: Ints) -> Ints:
        """How many people each demand row has."""
        counts = np.bincount(roster[roster >= 0], minlength=len(self.compiled.shifts))
        return self.cover_of_counts(counts)

    def cover_of_counts(self, counts: Ints) -> Ints:
        """How many people each demand row has when each shift is worked by so many."""
        have = np.zeros(len(self.compiled.need), dtype=np.int64)
        for number in np.flatnonzero(counts):
            have[self.compiled.covers[number]] += counts[number]
        return have

    def pay(self, roster: Ints) -> int:
        """What the roster pays in wages."""
        return sum(
            int(candidate.pay[row[row >= 0]].sum()) for candidate, row in zip(self.compiled.people, roster, strict=True)
        )

    def shared(self, have: Ints, pay: int) -> dict[str, int]:
        """What cover and the budget cost."""
        compiled = self.compiled
        budget = compiled.problem.budget
        return {
            "under_cover": int((compiled.under * np.maximum(0, compiled.need - have)).sum()),
            "over_cover": int((compiled.over * np.maximum(0, have - compiled.need)).sum()),
            "over_budget": 0 if budget is None else compiled.over_budget * max(0, pay - budget),
        }

    def parts(self, roster: Ints) -> dict[str, int]:
        """What the whole roster costs, by part."""
        total = self.shared(self.cover(roster), self.pay(roster))
        for number, row in enumerate(roster):
            for part, cost in self.person_parts(number, row).items():
                total[part] = total.get(part, 0) + cost
        return total

    def total(self, roster: Ints) -> int:
        """What the whole roster costs."""
        return sum(self.parts(roster).values())

    def broken(self, number: int, row: Ints) -> list[tuple[Rule, int]]:
        """The hard rules that one person's days break, with the excess of each."""
        compiled = self.compiled
        candidate = compiled.people[number]
        worked: list[Shift | None] = [compiled.shifts[n] if n != OFF else None for n in row.tolist()]
        found = []
        for rule in compiled.problem.rules:
            if rule.weight is None and rule.binds(candidate.person.id):
                units = excess(rule, candidate.person, worked, compiled.weekends)
                if units:
                    found.append((rule, units))
        return found
