"""The smoothed dual reaches what a simplex method finds the linear program to cost; dives keep near it."""

import random
import time

import numpy as np
import pytest
from ortools.linear_solver import pywraplp

from services.scheduling.rostering.columns import Generator, Master, Pricing, _Column
from services.scheduling.rostering.compiled import OFF, Compiled, Ints
from services.scheduling.rostering.duals import Market, climb
from services.scheduling.rostering.engine import run
from services.scheduling.rostering.model import Limit, Person, Preference, Problem, Rule, Shift, SlotDemand
from services.scheduling.rostering.scoring import Scorer


def exact(market: Market) -> float:
    """What the linear program costs."""
    lp = pywraplp.Solver.CreateSolver("GLOP")
    goal = lp.Objective()
    goal.SetMinimization()
    rows = [lp.Constraint(float(need), float(need)) for need in market.need]
    for place, row in enumerate(rows):
        for sign, cost in ((1.0, market.high[place]), (-1.0, -market.low[place])):
            slack = lp.NumVar(0.0, lp.infinity(), "")
            row.SetCoefficient(slack, sign)
            goal.SetCoefficient(slack, float(cost))
    for person in range(len(market.person_from) - 1):
        one = lp.Constraint(1.0, 1.0)
        for column in range(market.person_from[person], market.person_from[person + 1]):
            share = lp.NumVar(0.0, lp.infinity(), "")
            one.SetCoefficient(share, 1.0)
            goal.SetCoefficient(share, float(market.cost[column]))
            for place in range(market.entry_from[column], market.entry_from[column + 1]):
                rows[market.entry[place]].SetCoefficient(share, float(market.amount[place]))
    assert lp.Solve() == pywraplp.Solver.OPTIMAL
    return float(goal.Value())


def random_market(seed: int) -> Market:
    draw = np.random.default_rng(seed)
    rows, people, each, covered = 20, 12, 15, 6
    return Market(
        need=draw.integers(0, 7, rows).astype(np.float64),
        low=np.full(rows, -float(draw.integers(0, 4))),
        high=np.full(rows, 100.0),
        cost=draw.integers(0, 20, people * each).astype(np.float64),
        person_from=np.arange(0, people * each + 1, each),
        entry_from=np.arange(0, people * each * covered + 1, covered),
        entry=np.concatenate([draw.choice(rows, covered, replace=False) for _ in range(people * each)]),
        amount=np.ones(people * each * covered),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_smoothed_dual_comes_near_the_linear_program(seed: int) -> None:
    market = random_market(seed)
    value = exact(market)
    prices, step = np.zeros(20), 0.1
    for heat in (8.0, 2.0, 0.5, 0.1, 0.02):
        found = climb(market, prices, heat, steps=3000, step=step, tolerance=1e-3)
        prices, step = found.prices, found.step
        assert (market.low <= prices).all()
        assert (prices <= market.high).all()
        for person in range(12):
            assert found.shares[15 * person : 15 * (person + 1)].sum() == pytest.approx(1.0)
        # What lacks is what shares leave of the need.
        had = np.bincount(market.entry, weights=np.repeat(found.shares, 6), minlength=20)
        assert found.lack == pytest.approx(market.need - had)
    reduced = market.cost - prices[market.entry].reshape(-1, 6).sum(axis=1)
    bound = float((prices * market.need).sum() + reduced.reshape(12, 15).min(axis=1).sum())
    assert bound <= value + 1e-6
    assert bound == pytest.approx(value, rel=0.01)
    primal = float(found.shares @ market.cost + (100 * np.maximum(0, found.lack)).sum())
    primal -= float((market.low * np.maximum(0, -found.lack)).sum())
    assert value - 1e-6 <= primal
    assert primal == pytest.approx(value, rel=0.01)


WISHES = tuple(Preference(f"{day}:{kind}", 3, day % 2 == 0) for day in range(14) for kind in ("early", "late"))
MONTH = Problem(
    days=28,
    people=tuple(
        Person(f"p{number}", frozenset({"waiter"}), preferences=WISHES[number::5], days_off=frozenset({number}))
        for number in range(10)
    ),
    shifts=tuple(
        Shift(f"{day}:{kind}", day, start, 480, "waiter", kind)
        for day in range(28)
        for kind, start in (("early", 420), ("late", 900))
    ),
    slots=tuple(SlotDemand(f"{day}:{kind}", 3 + (day % 7 > 4)) for day in range(28) for kind in ("early", "late")),
    rules=(
        Rule(Limit.MIN_REST, "rest", 660, "Labour code, art. 1"),
        Rule(Limit.MAX_CONSECUTIVE_DAYS, "days in a row", 5, "Labour code, art. 2"),
        Rule(Limit.MAX_PERIOD_MINUTES, "hours", 9600, "Labour code, art. 3"),
        Rule(Limit.MAX_WEEKENDS, "weekends", 3, "Labour code, art. 4"),
    ),
)


def root(problem: Problem) -> Generator:
    """Column generation for everybody, from nobody working."""
    compiled = Compiled(problem)
    pricing = Pricing(compiled, Scorer(compiled))
    empty = np.full((len(problem.people), problem.days), OFF, dtype=np.int64)
    return Generator(pricing, empty, range(len(problem.people)), lambda: False)


def dive(generator: Generator, gap: float) -> Ints:
    """The roster that a dive of less than a minute ends at."""
    rows = generator.dive(random.Random(1), gap=gap, until=time.monotonic() + 60)
    assert rows is not None
    return np.array([rows[number] for number in generator.people])


def test_a_dive_ends_near_the_bound_that_was_proven() -> None:
    found = root(MONTH)
    assert found.converge(300, 1.0)
    bound = found.bound
    assert found.value - 1.0 <= bound <= found.value
    # Rows cost a little more than they do, by chance, while a dive chooses among them.
    assert bound <= found.pricing.scorer.total(dive(found, 1.0)) <= bound + 20


def test_a_step_that_costs_too_much_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    found = root(MONTH)
    assert found.converge(300, 1.0)
    bound = found.bound
    step, free = Generator._step, Master.free
    freed: list[int] = []

    def spoilt(generator: Generator, draw: random.Random) -> list[_Column]:
        # The first step gives somebody nothing to do, which loses some fifteen shifts.
        if not freed:
            generator.master.add(3, np.full(28, OFF, dtype=np.int64))
            return [next(column for column in generator.master.columns[3] if (column.row == OFF).all())]
        return step(generator, draw)

    def noted(master: Master, column: _Column) -> None:
        freed.append(column.person)
        free(master, column)

    monkeypatch.setattr(Generator, "_step", spoilt)
    monkeypatch.setattr(Master, "free", noted)
    rows = dive(found, 1.0)
    assert freed[0] == 3
    assert found.pricing.scorer.total(rows) <= bound + 20
    assert (rows[3] != OFF).any()


def test_what_may_be_spent_is_a_price_like_any_other() -> None:
    people = tuple(
        Person(person.id, person.roles, wage=900 + 50 * number) for number, person in enumerate(MONTH.people)
    )
    free = root(Problem(days=28, people=people, shifts=MONTH.shifts, slots=MONTH.slots, rules=MONTH.rules))
    assert free.converge(300, 1.0)
    tight = Problem(days=28, people=people, shifts=MONTH.shifts, slots=MONTH.slots, rules=MONTH.rules, budget=600_000)
    bound = root(tight)
    bound.converge(300, 1.0)
    _, pay = bound.master.prices()
    assert pay > 0
    assert bound.bound > free.bound
    assert run(tight, seconds=3).objective <= bound.bound * 1.02
