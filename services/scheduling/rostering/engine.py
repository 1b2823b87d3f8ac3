"""One run of the optimizer, from a problem to a checked result."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.scheduling.rostering.checker import check
from services.scheduling.rostering.compiled import Compiled
from services.scheduling.rostering.conflicts import impossible, named, tolerated
from services.scheduling.rostering.model import Problem, Progress, Result, Status
from services.scheduling.rostering.search import Search


class CheckFailed(RuntimeError):
    """The independent checker found what the search should have ruled out."""


def _silent(_: Progress) -> None:
    """Progress that nobody watches."""


def _never() -> bool:
    return False


def run(
    problem: Problem,
    *,
    seconds: float = 20.0,
    seed: int = 1,
    progress: Callable[[Progress], None] = _silent,
    cancelled: Callable[[], bool] = _never,
) -> Result:
    """The best roster found in the time, or until `cancelled` says so; raises CheckFailed when it breaks a rule.

    `progress` is called, from any thread of the run, whenever the objective or the bound gets better.
    """
    began = time.monotonic()
    compiled = Compiled(problem)
    waived = impossible(compiled, min(5.0, seconds / 2))
    if waived:
        compiled = Compiled(problem, waived)
    search = Search(
        compiled,
        seconds=max(0.0, seconds - (time.monotonic() - began)),
        seed=seed,
        progress=progress,
        cancelled=cancelled,
    )
    search.run()
    assignments = search.assignments()
    conflicts = named(problem, assignments)
    known = tolerated(problem, waived)
    found = [violation for violation in check(problem, assignments) if (violation.person, violation.rule) not in known]
    if found:
        raise CheckFailed("; ".join(map(str, found)))
    optimal = search.value <= search.bound
    status = Status.INFEASIBLE if conflicts else Status.OPTIMAL if optimal else Status.FEASIBLE
    return Result(
        status=status,
        assignments=assignments,
        objective=search.value,
        bound=min(search.bound, search.value),
        score=search.scorer.parts(search.best),
        conflicts=conflicts,
        seconds=round(time.monotonic() - began, 3),
        cancelled=cancelled(),
    )
