"""An independent check of a finished roster, from the problem alone: shares no code with the model or the search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.scheduling.rostering.model import Assignment, Person, Problem, Rule, Shift


@dataclass(frozen=True, slots=True)
class Violation:
    """A hard rule that a roster breaks."""

    person: str
    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.person}: {self.rule} ({self.detail})"


def check(problem: Problem, assignments: Iterable[Assignment]) -> list[Violation]:
    """Everything wrong with a roster: broken hard rules, people where they cannot be, locked shifts not given."""
    shifts = {shift.id: shift for shift in problem.shifts}
    people = {person.id: person for person in problem.people}
    given: dict[str, list[Shift]] = defaultdict(list)
    found: list[Violation] = []
    held = set()
    for assignment in assignments:
        if assignment.person not in people or assignment.shift not in shifts:
            found.append(Violation(assignment.person, "known ids", assignment.shift))
            continue
        held.add((assignment.person, assignment.shift))
        given[assignment.person].append(shifts[assignment.shift])
    for lock in problem.locked:
        if (lock.person, lock.shift) not in held:
            found.append(Violation(lock.person, "locked shift", lock.shift))
    for name, person in people.items():
        worked = sorted(given[name], key=lambda shift: (shift.day, shift.start))
        found += _presence(person, worked)
        for rule in problem.rules:
            if rule.weight is None and (rule.people is None or name in rule.people):
                found += [Violation(name, rule.name, detail) for detail in _details(rule, person, worked, problem)]
    return found


def _presence(person: Person, worked: Sequence[Shift]) -> Iterator[Violation]:
    seen: set[int] = set()
    for shift in worked:
        if shift.role not in person.roles:
            yield Violation(person.id, "role", shift.id)
        if shift.day in person.days_off:
            yield Violation(person.id, "time off", shift.id)
        begins = shift.day * 1440 + shift.start
        for start, end in person.unavailable:
            if begins < end and start < begins + shift.minutes:
                yield Violation(person.id, "availability", shift.id)
        if shift.day in seen:
            yield Violation(person.id, "one shift a day", shift.id)
        seen.add(shift.day)
    previous = person.last_end
    for shift in worked:
        begins = shift.day * 1440 + shift.start
        if previous is not None and begins < previous:
            yield Violation(person.id, "two shifts at once", shift.id)
        previous = begins + shift.minutes


def _details(rule: Rule, person: Person, worked: Sequence[Shift], problem: Problem) -> Iterator[str]:
    paid = {shift.id: shift.minutes - shift.break_minutes for shift in worked}
    weeks: dict[int, list[Shift]] = defaultdict(list)
    for shift in worked:
        weeks[shift.day // 7].append(shift)
    match rule.limit.value:
        case "min_rest_minutes":
            end = person.last_end
            for shift in worked:
                begin = shift.day * 1440 + shift.start
                if end is not None and begin - end < rule.value:
                    yield f"{begin - end} minutes before {shift.id}, at least {rule.value}"
                end = begin + shift.minutes
        case "forbidden_succession":
            by_day = {shift.day: shift for shift in worked}
            for shift in worked:
                following = by_day.get(shift.day + 1)
                if following and shift.kind in rule.after and following.kind in rule.kinds:
                    yield f"{following.id} follows {shift.id}"
        case "max_day_minutes":
            yield from (f"{paid[shift.id]} minutes in {shift.id}" for shift in worked if paid[shift.id] > rule.value)
        case "max_week_minutes":
            for week, inside in weeks.items():
                total = sum(paid[shift.id] for shift in inside)
                if total > rule.value:
                    yield f"{total} minutes in week {week}, at most {rule.value}"
        case "min_week_days_off":
            for week, inside in weeks.items():
                if 7 - len(inside) < rule.value:
                    yield f"{7 - len(inside)} days off in week {week}, at least {rule.value}"
        case "max_period_minutes":
            if sum(paid.values()) > rule.value:
                yield f"{sum(paid.values())} minutes, at most {rule.value}"
        case "min_period_minutes":
            if sum(paid.values()) < rule.value:
                yield f"{sum(paid.values())} minutes, at least {rule.value}"
        case "max_shifts_of_kind":
            count = len([shift for shift in worked if shift.kind in rule.kinds])
            if count > rule.value:
                yield f"{count} shifts of {sorted(rule.kinds)}, at most {rule.value}"
        case "max_weekends":
            # The Monday before a Saturday and the Sunday after it are days of one calendar week.
            calendar = {(shift.day + problem.first_weekday) // 7 for shift in worked if _is_weekend(problem, shift.day)}
            if len(calendar) > rule.value:
                yield f"{len(calendar)} weekends, at most {rule.value}"
        case _:
            yield from _run_details(rule, person, {shift.day for shift in worked}, problem.days)


def _is_weekend(problem: Problem, day: int) -> bool:
    return (day + problem.first_weekday) % 7 >= 5


def _run_details(rule: Rule, person: Person, days: set[int], horizon: int) -> Iterator[str]:
    if rule.limit.value == "max_consecutive_days":
        length = person.worked_run
        for day in range(horizon):
            length = length + 1 if day in days else 0
            if length > rule.value:
                yield f"{length} days in a row up to day {day}, at most {rule.value}"
        return
    wanted = rule.limit.value == "min_consecutive_days"
    start = 0
    for day in range(1, horizon + 1):
        if day < horizon and (day in days) == (start in days):
            continue
        touches_edge = start == 0 or day == horizon
        if (start in days) == wanted and not touches_edge and day - start < rule.value:
            yield f"{day - start} days from day {start}, at least {rule.value}"
        start = day
