"""What is chosen among known rows is the best of them; what a proof says a row costs at least, it costs."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scheduling.rostering.columns import Generator, Pool, Pricing, Proof
from services.scheduling.rostering.compiled import OFF, Compiled, Ints
from services.scheduling.rostering.conflicts import impossible
from services.scheduling.rostering.model import Problem
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.selection import select
from services.scheduling.rostering.subproblem import Subproblem
from services.scheduling.rostering.tests.random_problems import problems

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def some_rows(compiled: Compiled, pricing: Pricing, number: int, draw: random.Random) -> list[Ints]:
    """Best rows of a person at prices drawn at random."""
    rows = []
    for _ in range(3):
        worth = np.array([draw.uniform(-20, 60) for _ in compiled.need])
        path = pricing.best(number, worth)
        if path is not None:
            rows.append(path.row)
    return rows


@pytest.mark.timeout(180)
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(problems(), st.integers(0, 2**30))
def test_the_best_of_known_rows_is_chosen(problem: Problem, seed: int) -> None:
    compiled = Compiled(problem, impossible(Compiled(problem), 10.0))
    scorer, draw = Scorer(compiled), random.Random(seed)
    pricing = Pricing(compiled, scorer)
    known = {number: some_rows(compiled, pricing, number, draw) for number in range(len(compiled.people))}
    if not all(known.values()):
        return
    rosters = [np.array(rows) for rows in itertools.product(*known.values())]
    roster = draw.choice(rosters)
    best = min(map(scorer.total, rosters))
    chosen, proven = select(compiled, scorer, known, roster, seconds=10, seed=seed)
    assert proven
    if best == scorer.total(roster):
        assert chosen is None
    else:
        assert chosen is not None
        assert scorer.total(np.array([chosen[number] for number in range(len(known))])) == best


@pytest.mark.timeout(180)
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(problems(locks=False))
def test_a_roster_costs_at_least_what_the_proof_says_of_each_of_its_rows(problem: Problem) -> None:
    compiled = Compiled(problem, impossible(Compiled(problem), 10.0))
    scorer = Scorer(compiled)
    everybody = range(len(compiled.people))
    empty = np.full((len(compiled.people), compiled.days), OFF, dtype=np.int64)
    answer = Subproblem(compiled, empty, everybody, range(compiled.days)).solve(10, seed=1, hint=False)
    assert answer is not None
    root = Generator(Pricing(compiled, scorer), np.array([answer.rows[n] for n in everybody]), everybody, lambda: False)
    assert root.converge(200, 0.5)
    assert root.proof is not None
    for number in everybody:
        excess = root.proof.excess(number, answer.rows[number])
        assert excess >= -1e-6
        assert root.proof.bound + excess <= answer.objective + 1e-6


def test_rows_beyond_the_most_go_by_what_they_cost_or_by_age() -> None:
    rows = [np.array([day, OFF], dtype=np.int64) for day in range(4)]
    pool = Pool(1)
    pool.add(0, rows, 3, None)
    assert [row[0] for row in pool.of(0)] == [3, 2, 1]
    pool.add(0, rows[:1] * 2, 3, FirstIsDear())
    assert [row[0] for row in pool.of(0)] == [3, 2, 1]
    pool.add(0, rows[1:2], 3, None)
    assert len(pool.of(0)) == 3


class FirstIsDear(Proof):
    """A proof by which the earliest day costs most."""

    def __init__(self) -> None:
        """Needs no prices."""

    def excess(self, number: int, row: Ints) -> float:
        return float(-row[0])
