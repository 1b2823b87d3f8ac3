"""Where best days are out of reach, rough days that are mended keep every rule that can be kept."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from services.scheduling.rostering import paths
from services.scheduling.rostering.checker import check
from services.scheduling.rostering.columns import Pricing
from services.scheduling.rostering.compiled import Compiled
from services.scheduling.rostering.conflicts import impossible, tolerated
from services.scheduling.rostering.engine import run
from services.scheduling.rostering.model import Limit, Person, Problem, Rule, Shift, SlotDemand, Status
from services.scheduling.rostering.opening import opening
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.search import Search
from services.scheduling.rostering.tests.random_problems import problems

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
DAYS = 364
KINDS = {"early": (360, 480), "late": (840, 570), "night": (1260, 720)}
YEAR = Problem(
    days=DAYS,
    people=tuple(
        Person(f"p{number}", frozenset({"cook"}), days_off=frozenset(range(30 * number, 30 * number + 14)))
        for number in range(6)
    ),
    shifts=tuple(
        Shift(f"{day}-{kind}", day, start, minutes, "cook", kind)
        for day in range(DAYS)
        for kind, (start, minutes) in KINDS.items()
    ),
    slots=tuple(SlotDemand(f"{day}-{kind}", 1) for day in range(DAYS) for kind in KINDS),
    rules=(
        Rule(Limit.MIN_REST, "rest", 660),
        Rule(Limit.MAX_PERIOD_MINUTES, "most hours", 112_320),
        Rule(Limit.MIN_PERIOD_MINUTES, "least hours", 109_200),
        Rule(Limit.MAX_CONSECUTIVE_DAYS, "days in a row", 5),
        Rule(Limit.MIN_CONSECUTIVE_DAYS, "days of work together", 2),
        Rule(Limit.MIN_CONSECUTIVE_DAYS_OFF, "days off together", 2),
        Rule(Limit.MAX_WEEKENDS, "weekends", 26),
        Rule(Limit.MAX_SHIFTS_OF_KIND, "nights", 40, kinds=frozenset({"night"})),
    ),
)


@pytest.mark.timeout(120)
def test_a_year_is_planned_and_nobody_breaks_a_rule() -> None:
    compiled = Compiled(YEAR)
    scorer, pricing = Scorer(compiled), Pricing(compiled, Scorer(compiled))
    assert not pricing.tractable(range(len(YEAR.people)))
    finders = [pricing.paths(number) for number in range(len(YEAR.people))]
    rough, unsettled = opening(compiled, scorer, finders, seed=1, seconds=0.0)
    assert unsettled, "rough days keep all limits of the year: nothing is there to be mended"
    assert not any(broken for number, row in enumerate(rough) for broken in bent(scorer, number, row))
    _, unsettled = opening(compiled, scorer, finders, seed=1, seconds=60)
    assert not unsettled

    result = run(YEAR, seconds=10, seed=1)
    assert result.status is Status.FEASIBLE
    assert not check(YEAR, result.assignments)
    # Six people can work some 1,200 shifts of the 1,092 that are asked for.
    assert len(result.assignments) > 900


def bent(scorer: Scorer, number: int, row: np.ndarray) -> list[str]:
    """The rules about days that follow one another which the days of a person break."""
    near = {Limit.MIN_REST, Limit.MAX_CONSECUTIVE_DAYS, Limit.MIN_CONSECUTIVE_DAYS, Limit.MIN_CONSECUTIVE_DAYS_OFF}
    return [rule.name for rule, _ in scorer.broken(number, row) if rule.limit in near]


@pytest.mark.timeout(300)
@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(problems())
def test_whatever_can_be_kept_is_kept_where_no_days_are_a_path(problem: Problem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "MOST_STATES", 0)
        waived = impossible(Compiled(problem), 1.0)
        search = Search(Compiled(problem, waived), seconds=2, seed=1, progress=lambda _: None, cancelled=lambda: False)
        search.first()
    known = tolerated(problem, waived)
    found = check(problem, search.assignments())
    assert [violation for violation in found if (violation.person, violation.rule) not in known] == []
    held = {(a.person, a.shift) for a in search.assignments()}
    assert {(a.person, a.shift) for a in problem.locked} <= held
    assert search.value == search.scorer.total(search.best)


def test_what_cannot_be_kept_for_a_year_is_named() -> None:
    hours = Rule(Limit.MIN_PERIOD_MINUTES, "far too many hours", 400_000, "contract")
    result = run(replace(YEAR, people=YEAR.people[:1], rules=(*YEAR.rules, hours)), seconds=8, seed=1)
    assert result.status is Status.INFEASIBLE
    assert "far too many hours" in {conflict.rule for conflict in result.conflicts}
