"""Compiled paths are those of `walk`, whatever the rules; with caps that bind they are still the best."""

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scheduling.rostering import labels
from services.scheduling.rostering.columns import Pricing
from services.scheduling.rostering.compiled import Compiled
from services.scheduling.rostering.conflicts import impossible
from services.scheduling.rostering.model import Limit, Person, Problem, Rule, Shift
from services.scheduling.rostering.paths import Paths, best_of
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.tests.random_problems import problems
from services.scheduling.rostering.walk import Floats, Walk

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def random_prices(compiled: Compiled, number: int, draw: random.Random) -> Floats:
    """What shifts cost a person when what demand is worth is drawn by chance, of few values so that paths tie."""
    worth = np.array([float(draw.choice((-20, 0, 5, 60))) for _ in compiled.need])
    prices: Floats = compiled.people[number].cost - compiled.sum_over_rows(worth)
    return prices


def assert_alike(compiled: Compiled, number: int, prices: Floats) -> None:
    """Both ways find a path of the same price, or none."""
    finder = Paths(compiled, number)
    if not finder.tractable or finder.plan.empty:
        return
    slow, quick = Walk([finder.plan], [prices]).back(0), labels.path(finder.plan, prices)
    if slow is None or quick is None:
        assert slow is quick
        return
    assert quick.price == pytest.approx(slow.price)
    # What the row itself adds up to, but for what ends cost, is no different.
    chosen = quick.row[quick.row >= 0]
    if all(charge is None for charge in finder.plan.charges):
        assert prices[chosen].sum() == pytest.approx(quick.price)


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(problems(), st.integers(0, 2**30))
def test_a_compiled_path_costs_what_the_walk_finds(problem: Problem, seed: int) -> None:
    compiled = Compiled(problem, impossible(Compiled(problem), 10.0))
    draw = random.Random(seed)
    for number in range(len(compiled.people)):
        assert_alike(compiled, number, random_prices(compiled, number, draw))


KINDS = {"early": (360, 480), "day": (600, 600), "late": (900, 720), "night": (1320, 480)}


def long_problem(*rules: Rule) -> Problem:
    """Five weeks of four kinds of shift, with what a roster of a month is limited by."""
    shifts = tuple(
        Shift(f"{day}:{kind}", day, start, length, "waiter", kind, closing=kind == "late")
        for day in range(35)
        for kind, (start, length) in KINDS.items()
    )
    people = tuple(
        Person(f"p{number}", frozenset({"waiter"}), worked_run=number, days_off=frozenset({9, 20 + number}))
        for number in range(3)
    )
    always = (
        Rule(Limit.MIN_REST, "rest", 660, "Labour code, art. 1"),
        Rule(Limit.MAX_CONSECUTIVE_DAYS, "days in a row", 5, "Labour code, art. 2"),
    )
    return Problem(days=35, people=people, shifts=shifts, rules=(*always, *rules))


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [(Limit.MIN_CONSECUTIVE_DAYS, 2), (Limit.MIN_CONSECUTIVE_DAYS_OFF, 3), (Limit.MAX_WEEKENDS, 2)],
        [(Limit.MIN_PERIOD_MINUTES, 9000), (Limit.MAX_PERIOD_MINUTES, 9600), (Limit.MIN_CONSECUTIVE_DAYS_OFF, 2)],
        [(Limit.MAX_WEEK_MINUTES, 2400), (Limit.MIN_WEEK_DAYS_OFF, 3), (Limit.MIN_CONSECUTIVE_DAYS, 3)],
    ],
    ids=["rest alone", "runs and weekends", "hours of the period", "weeks"],
)
def test_months_are_walked_alike(rules: list[tuple[Limit, int]]) -> None:
    made = [Rule(limit, limit.value, value, "Labour code, art. 3") for limit, value in rules]
    compiled = Compiled(long_problem(*made))
    draw = random.Random(1)
    for number in range(3):
        for _ in range(5):
            prices = np.array([draw.uniform(-50, 20) for _ in compiled.shifts])
            assert_alike(compiled, number, prices)


def test_caps_become_part_of_the_state_while_they_bind() -> None:
    caps = [
        Rule(Limit.MAX_SHIFTS_OF_KIND, f"most of {kind}", most, "Labour code, art. 4", kinds=frozenset({kind}))
        for kind, most in (("night", 2), ("late", 4), ("early", 30))
    ]
    compiled = Compiled(long_problem(*caps))
    finder = Paths(compiled, 0)
    labels.prepare(finder.plan)
    wanted = np.array([-30.0 if shift.kind == "night" else -10.0 for shift in compiled.shifts])
    (path,) = best_of([(finder, wanted)])
    assert path is not None
    nights = sum(compiled.shifts[option].kind == "night" for option in path.row[path.row >= 0])
    assert nights == 2
    assert 0 in finder.plan.capped
    assert 2 not in finder.plan.capped
    # Where nobody wants nights their cap is no part of the state any more, once a row has shown it.
    for _ in range(2):
        (path,) = best_of([(finder, -wanted)])
    assert path is not None
    assert (path.row < 0).all()
    assert finder.plan.capped == []


def test_two_threads_price_as_one_does() -> None:
    compiled = Compiled(long_problem(Rule(Limit.MAX_WEEKENDS, "weekends", 2, "Labour code, art. 5")))
    pricing = Pricing(compiled, Scorer(compiled))
    labels.prepare(pricing.paths(0).plan)
    worth = np.array([], dtype=np.float64)
    people = [0, 1, 2] * 4
    alone = pricing.best_of(people, worth)
    pricing.parallel = True
    together = pricing.best_of(people, worth)
    for one, other in zip(alone, together, strict=True):
        assert one is not None
        assert other is not None
        assert one.price == other.price
