"""Hard rules that what is fixed makes impossible: which ones to give up for whom, and how to name them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.scheduling.rostering.checker import check
from services.scheduling.rostering.compiled import OFF, Compiled
from services.scheduling.rostering.model import Assignment, Conflict, Limit, Problem, Rule
from services.scheduling.rostering.opening import opening
from services.scheduling.rostering.paths import Paths
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.subproblem import Subproblem
from services.scheduling.rostering.walk import Family


def impossible(compiled: Compiled, seconds: float) -> set[tuple[str, Rule]]:
    """For each person whose hard rules cannot all be kept, the fewest that have to give way.

    Hard rules bind each person alone, so that each can be looked at alone.
    """
    waived: set[tuple[str, Rule]] = set()
    for number in _doubtful(compiled, seconds):
        empty = np.full((len(compiled.people), compiled.days), OFF, dtype=np.int64)
        if Subproblem(compiled, empty, [number], range(compiled.days)).solve(seconds, seed=1, hint=False) is not None:
            continue
        waived |= _least_broken(compiled, number, seconds)
    return waived


def _doubtful(compiled: Compiled, seconds: float) -> list[int]:
    """Those who have to work and for whom no days that keep the rules were found quickly."""
    nothing = np.zeros(len(compiled.shifts))
    families: dict[object, Family] = {}
    finders = [Paths(compiled, number, families) for number in range(len(compiled.people))]
    doubtful = [
        number
        for number, candidate in enumerate(compiled.people)
        if (candidate.locked or candidate.limits.min_minutes) and finders[number].best(nothing) is None
    ]
    if all(finders[number].tractable for number in doubtful):
        return doubtful
    _, unsettled = opening(compiled, Scorer(compiled), finders, seed=1, seconds=seconds)
    return [number for number in doubtful if number in unsettled]


def _least_broken(compiled: Compiled, number: int, seconds: float) -> set[tuple[str, Rule]]:
    problem = compiled.problem
    person = problem.people[number]
    hard = {(person.id, rule) for rule in problem.rules if rule.weight is None and rule.binds(person.id)}
    relaxed = Compiled(problem, hard)
    # Only the rules count here: cover would trade a broken rule for a person more.
    relaxed.under[:] = 0
    relaxed.over[:] = 0
    empty = np.full((len(compiled.people), compiled.days), OFF, dtype=np.int64)
    answer = Subproblem(relaxed, empty, [number], range(compiled.days)).solve(seconds, seed=1, hint=False)
    if answer is None:
        raise RuntimeError(f"no days found for {person.id}, even with every rule waived")
    return {(person.id, rule) for rule, _ in Scorer(relaxed).broken(number, answer.rows[number])}


def tolerated(problem: Problem, waived: set[tuple[str, Rule]]) -> set[tuple[str, str]]:
    """Whose breach of which rule is no fault of the search: rules waived, and what locked shifts break."""
    alone = {
        rule.name
        for rule in problem.rules
        if rule.limit in (Limit.MIN_REST, Limit.MAX_DAY_MINUTES, Limit.MAX_SHIFTS_OF_KIND)
    }
    alone |= {"role", "time off", "availability", "two shifts at once"}
    fixed = {(found.person, found.rule) for found in check(problem, problem.locked) if found.rule in alone}
    return fixed | {(person, rule.name) for person, rule in waived}


def named(problem: Problem, assignments: Sequence[Assignment]) -> tuple[Conflict, ...]:
    """The hard rules that a roster breaks, and locked shifts at odds with role, leave or availability."""
    compiled = Compiled(problem)
    scorer = Scorer(compiled)
    numbers = {person.id: number for number, person in enumerate(problem.people)}
    roster = np.full((len(problem.people), problem.days), OFF, dtype=np.int64)
    for assignment in assignments:
        shift = compiled.shift_of(assignment.shift)
        roster[numbers[assignment.person], shift.day] = compiled.index[assignment.shift]
    found = []
    for person, number in numbers.items():
        for rule, units in scorer.broken(number, roster[number]):
            found.append(Conflict(person, rule.name, rule.citation, f"{rule.limit.value}: {units} beyond {rule.value}"))
    for assignment in problem.locked:
        person_ = problem.people[numbers[assignment.person]]
        shift = compiled.shift_of(assignment.shift)
        detail = f"locked shift {shift.id} on day {shift.day}"
        if shift.role not in person_.roles:
            found.append(Conflict(person_.id, "role", "", detail))
        if shift.day in person_.days_off:
            found.append(Conflict(person_.id, "time off", "", detail))
        if any(shift.begins < finish and begin < shift.ends for begin, finish in person_.unavailable):
            found.append(Conflict(person_.id, "availability", "", detail))
    return tuple(found)
