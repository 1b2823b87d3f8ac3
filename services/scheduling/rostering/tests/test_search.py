"""Whatever the restaurant, the roster keeps the rules; what the parts of the solver believe agrees."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from services.scheduling.rostering.bounds import aggregate
from services.scheduling.rostering.checker import check
from services.scheduling.rostering.columns import Pricing
from services.scheduling.rostering.compiled import OFF, Compiled
from services.scheduling.rostering.conflicts import impossible, tolerated
from services.scheduling.rostering.engine import run
from services.scheduling.rostering.model import Person, Problem, Status
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.search import Search
from services.scheduling.rostering.subproblem import Subproblem
from services.scheduling.rostering.tests.random_problems import problems

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def optimum(problem: Problem) -> int | None:
    """The proven optimum of the whole as one CP-SAT model, or None when the rules allow no roster."""
    compiled = Compiled(problem)
    empty = np.full((len(problem.people), problem.days), OFF, dtype=np.int64)
    everybody = range(len(problem.people))
    answer = Subproblem(compiled, empty, everybody, range(problem.days)).solve(10, seed=1, hint=False)
    if answer is None:
        return None
    assert answer.optimal
    roster = empty.copy()
    for number, row in answer.rows.items():
        roster[number] = row
    assert Scorer(compiled).total(roster) == answer.objective
    return answer.objective


@pytest.mark.timeout(300)
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW)
@given(problems())
def test_a_first_roster_breaks_no_hard_rule_that_can_be_kept(problem: Problem) -> None:
    compiled = Compiled(problem)
    waived = impossible(compiled, 30.0)
    search = Search(Compiled(problem, waived), seconds=5, seed=1, progress=lambda _: None, cancelled=lambda: False)
    search.first()
    found = check(problem, search.assignments())
    # What stays broken was named as impossible beforehand.
    known = tolerated(problem, waived)
    assert [violation for violation in found if (violation.person, violation.rule) not in known] == []
    held = {(a.person, a.shift) for a in search.assignments()}
    assert {(a.person, a.shift) for a in problem.locked} <= held
    assert search.value == search.scorer.total(search.best)


@pytest.mark.timeout(180)
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(problems(locks=False))
def test_the_model_the_score_and_the_bounds_agree(problem: Problem) -> None:
    compiled = Compiled(problem)
    best = optimum(problem)
    if best is None:
        assert impossible(compiled, 5.0)
        return
    assert not impossible(compiled, 5.0)
    assert aggregate(compiled, Scorer(compiled), 5).bound <= best + 1e-6
    result = run(problem, seconds=0.3)
    assert result.bound <= best <= result.objective
    assert not check(problem, result.assignments)
    assert sum(result.score.values()) == result.objective


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(problems(locks=False))
def test_the_best_days_of_one_person_are_the_best(problem: Problem) -> None:
    # Only what a path prices stays: nothing that is shared, no soft rule.
    hard = tuple(rule for rule in problem.rules if rule.weight is None)
    alone = replace(problem, people=problem.people[:1], rules=hard, budget=None)
    compiled = Compiled(alone)
    compiled.weekend_share, compiled.closing_share = 0, 1
    scorer = Scorer(compiled)
    compiled.under[:] = 0
    compiled.over[:] = 0
    empty = np.full((1, alone.days), OFF, dtype=np.int64)
    answer = Subproblem(compiled, empty, [0], range(alone.days)).solve(10, seed=1, hint=False)
    pricing = Pricing(compiled, scorer)
    path = pricing.best(0, np.zeros(len(compiled.need)))
    if answer is None or not pricing.tractable([0]):
        assert path is None
        return
    assert path is not None
    assert path.price <= answer.objective <= scorer.person(0, path.row)
    if pricing.paths(0).counts_closes:
        assert path.price == answer.objective == scorer.person(0, path.row)
    assert not scorer.broken(0, path.row)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(problems(locks=False))
def test_another_person_never_makes_the_optimum_worse(problem: Problem) -> None:
    # A newcomer who must work, or wants hours, may cost; one who asks for nothing cannot.
    free = tuple(rule for rule in problem.rules if rule.limit.value != "min_period_minutes")
    weights = replace(problem.weights, weekend_share=0, closing_share=0, over_budget=10_000)
    before = replace(problem, rules=free, weights=weights)
    newcomer = Person("new", frozenset({"waiter", "cook"}), wage=900)
    after = replace(before, people=(*before.people, newcomer))
    first, second = optimum(before), optimum(after)
    assert first is not None
    assert second is not None
    assert second <= first


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(problems(locks=False))
def test_the_budget_is_kept_where_nobody_must_work(problem: Problem) -> None:
    free = tuple(rule for rule in problem.rules if rule.weight is None and rule.limit.value != "min_period_minutes")
    people = tuple(replace(person, wanted_minutes=None) for person in problem.people)
    limited = replace(problem, rules=free, people=people, budget=20_000)
    result = run(limited, seconds=0.3)
    assert result.status is not Status.INFEASIBLE
    assert result.score["over_budget"] == 0
    wages = {person.id: person.wage for person in people}
    minutes = {shift.id: shift.paid_minutes for shift in problem.shifts}
    assert sum(minutes[a.shift] * wages[a.person] // 60 for a in result.assignments) <= 20_000
