"""The optimizer's bench solves what it says, and says so when there is nothing to solve."""

from pathlib import Path

import pytest

from services.scheduling.rostering.checker import check
from services.scheduling.rostering.engine import run
from tests.bench.roster import ROLES, instances, restaurant


def test_the_restaurant_of_the_bench_can_be_rostered() -> None:
    problem = restaurant(12, 1)
    assert {interval.role for interval in problem.intervals} == set(ROLES)
    assert {shift.role for shift in problem.shifts} == set(ROLES)
    result = run(problem, seconds=3)
    assert not check(problem, result.assignments)
    assert 0 < result.bound <= result.objective == sum(result.score.values())


def test_a_directory_without_instances_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert instances(tmp_path, 1) == 1
    assert "no instances" in capsys.readouterr().out
