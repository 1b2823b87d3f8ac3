"""What surrounds the search: wire form, the process of its own, explanations, shift design, the benchmark's format."""

import json
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from services.scheduling.rostering.benchmark import main, read
from services.scheduling.rostering.checker import check
from services.scheduling.rostering.compiled import Compiled
from services.scheduling.rostering.design import ShiftDesign, covers, design
from services.scheduling.rostering.engine import run
from services.scheduling.rostering.explain import explain
from services.scheduling.rostering.model import (
    Assignment,
    IntervalDemand,
    Limit,
    Person,
    Problem,
    Progress,
    Rule,
    Shift,
    SlotDemand,
    Status,
)
from services.scheduling.rostering.wire import document, explanation_from, problem_from, result_from, shifts_from

REST = Rule(Limit.MIN_REST, "daily rest", 660, "Labour code, art. 12")
LATE = Shift("late", 0, 16 * 60, 480, "waiter", "late")
EARLY = Shift("early", 1, 7 * 60, 480, "waiter", "early")
ANA = Person("ana", frozenset({"waiter"}), wage=1200)
BEN = Person("ben", frozenset({"waiter"}), wage=1200, days_off=frozenset({0, 1}))
CEM = Person("cem", frozenset({"cook"}), wage=1200)
SMALL = Problem(
    days=2,
    people=(ANA, BEN, CEM),
    shifts=(LATE, EARLY),
    slots=(SlotDemand("late", 1), SlotDemand("early", 1)),
    rules=(REST,),
)
INSTANCE = """
SECTION_HORIZON
7

SECTION_SHIFTS
# ShiftID, Length in mins, Shifts which cannot follow this shift | separated
E,480,
L,480,E

SECTION_STAFF
A,E=7|L=7,2400,960,5,2,2,1
B,E=7|L=0,2400,960,5,2,2,1

SECTION_DAYS_OFF
A,0
B,3

SECTION_SHIFT_ON_REQUESTS
A,2,L,3

SECTION_SHIFT_OFF_REQUESTS
B,1,E,2

SECTION_COVER
0,E,1,100,1
1,L,1,100,1
2,L,1,100,1
"""


def test_a_locked_shift_is_kept_and_what_it_makes_impossible_is_named() -> None:
    locked = (Assignment("ana", "late"), Assignment("ana", "early"))
    result = run(replace(SMALL, locked=locked), seconds=1)
    assert result.status is Status.INFEASIBLE
    assert set(result.assignments) == set(locked)
    assert [(c.person, c.rule, c.citation) for c in result.conflicts] == [("ana", "daily rest", "Labour code, art. 12")]


def test_locked_leave_is_named_as_a_conflict() -> None:
    result = run(replace(SMALL, locked=(Assignment("ben", "late"),)), seconds=1)
    assert result.status is Status.INFEASIBLE
    assert ("ben", "time off") in {(c.person, c.rule) for c in result.conflicts}


def test_more_hours_than_the_shifts_offer_are_named_as_a_conflict() -> None:
    # Two shifts of eight hours in all: twenty cannot be worked, whatever the days.
    contract = Rule(Limit.MIN_PERIOD_MINUTES, "contracted hours", 20 * 60, people=frozenset({"ana"}))
    result = run(replace(SMALL, rules=(contract,)), seconds=1)
    assert {(c.person, c.rule) for c in result.conflicts} == {("ana", "contracted hours")}


def test_an_unfilled_slot_says_who_was_considered_and_what_excluded_each() -> None:
    result = run(SMALL, seconds=1)
    assert result.status is Status.OPTIMAL
    assert result.score["under_cover"] == 1_600
    explanation = explain(Compiled(SMALL), result)
    assert explanation.objective == result.objective == sum(explanation.score.values())
    (gap,) = explanation.unfilled
    assert gap.missing == 1
    reasons = {c.person: [(r.rule, r.citation) for r in c.reasons] for c in gap.considered}
    assert reasons == {"ana": [("daily rest", "Labour code, art. 12")], "ben": [("time off", "")]}


def test_someone_who_could_have_worked_is_named_with_what_it_would_cost() -> None:
    free = replace(SMALL, rules=())
    nobody = run(replace(free, slots=()), seconds=1)
    assert nobody.assignments == ()
    gaps = explain(Compiled(free), nobody).unfilled
    assert {gap.shift for gap in gaps} == {"late", "early"}
    assert all(c.extra_cost == -1_600 for gap in gaps for c in gap.considered if c.person == "ana")


def test_gaps_of_interval_demand_are_joined() -> None:
    demand = tuple(IntervalDemand("waiter", 960 + 15 * n, 15, 2) for n in range(8))
    problem = replace(SMALL, slots=(), intervals=demand)
    (gap,) = explain(Compiled(problem), run(problem, seconds=1)).unfilled
    assert (gap.start, gap.end, gap.missing) == (960, 1080, 1)


def test_problems_and_results_survive_json_and_pickling() -> None:
    result = run(SMALL, seconds=1)
    assert problem_from(json.loads(json.dumps(document(SMALL)))) == SMALL
    assert result_from(json.loads(json.dumps(document(result)))) == result
    assert pickle.loads(pickle.dumps((SMALL, result))) == (SMALL, result)  # noqa: S301 - what was just pickled


@pytest.mark.parametrize(
    "change",
    [
        {"days": "two"},
        {"days": True},
        {"unheard_of": 1},
        {"people": [{"id": "x"}]},
        {"rules": [{"limit": "max_naps", "name": "naps"}]},
        {"locked": [{"person": "ana", "shift": "never"}]},
        {"slots": [{"shift": "late", "need": -1}]},
    ],
)
def test_malformed_problems_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        problem_from(document(SMALL) | change)


def test_a_cancelled_run_keeps_the_best_so_far() -> None:
    seen: list[Progress] = []
    problem = read(INSTANCE)
    result = run(problem, seconds=30, progress=seen.append, cancelled=lambda: bool(seen))
    assert result.cancelled
    assert result.seconds < 20
    assert not check(problem, result.assignments)
    assert seen[0].phase == "first"


@pytest.mark.parametrize("deserted", [False, True], ids=["told", "deserted"])
def test_the_process_streams_progress_and_keeps_the_best_when_it_ends_early(deserted: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "services.scheduling.rostering.solve", "--seconds", "50", "--attended"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdin
    assert process.stdout
    # Two who both want the only shift: no bound proves that one of them must go without.
    shifts = tuple(Shift(f"{day}", day, 600, 480, "waiter", "day") for day in range(28))
    people = tuple(Person(f"p{n}", frozenset({"waiter"}), wanted_minutes=2_400) for n in range(12))
    rules = (REST, Rule(Limit.MIN_CONSECUTIVE_DAYS, "runs", 3), Rule(Limit.MAX_WEEKENDS, "weekends", 1))
    hard = Problem(28, people, shifts, tuple(SlotDemand(shift.id, 7, 100, 10) for shift in shifts), rules=rules)
    process.stdin.write(json.dumps(document(hard)) + "\n")
    process.stdin.flush()
    first = json.loads(process.stdout.readline())
    assert first["progress"]["objective"] >= first["progress"]["bound"]
    if deserted:
        process.stdin.close()
    else:
        process.send_signal(signal.SIGTERM)
    last = json.loads(process.stdout.readlines()[-1])
    assert process.wait(timeout=30) == 0
    process.stdout.close()
    process.stdin.close()
    result = result_from(last["result"])
    assert not check(hard, result.assignments)
    assert result.assignments
    explanation = explanation_from(last["explanation"])
    assert 0 < explanation.covered_minutes < explanation.needed_minutes == 28 * 7 * 480
    assert shifts_from(last["shifts"]) == shifts


def test_the_process_says_what_is_wrong_with_a_problem() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.scheduling.rostering.solve"],
        input='{"days": 1}',
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 2
    assert "people" in json.loads(done.stdout)["error"]


def test_designed_shifts_keep_to_the_grid_and_cover_the_demand() -> None:
    demand = [IntervalDemand("waiter", 660 + 15 * n, 15, 2 if n < 20 else 3) for n in range(44)]
    rules = ShiftDesign(lengths=(300, 480))
    shifts = design(demand, rules)
    assert 0 < len(shifts) <= rules.most
    assert {shift.minutes for shift in shifts} <= {300, 480}
    assert all(shift.break_minutes == (30 if shift.minutes == 480 else 0) for shift in shifts)
    assert all(shift.start >= 660 and shift.start + shift.minutes <= 1320 for shift in shifts)
    assert all(any(covers(shift, interval) for shift in shifts) for interval in demand)
    people = tuple(Person(f"p{n}", frozenset({"waiter"})) for n in range(9))
    result = run(Problem(1, people, shifts, intervals=tuple(demand)), seconds=2)
    assert result.score["under_cover"] == 0


def test_nothing_is_designed_where_nothing_is_needed() -> None:
    assert design([IntervalDemand("waiter", 600, 15, 0)]) == ()


def test_an_instance_is_read_solved_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instance, roster = tmp_path / "Tiny.txt", tmp_path / "roster.csv"
    instance.write_text(INSTANCE, encoding="utf-8")
    assert main([str(instance), "--seconds", "2", "--out", str(roster)]) == 0
    assert capsys.readouterr().out.startswith("Tiny: penalty 0, bound 0, optimal")
    lines = [line.split(",") for line in roster.read_text(encoding="utf-8").split()]
    assert ["A", "2", "L"] in lines
    assert ["B", "0", "E"] in lines
    assert ["B", "1", "E"] not in lines
