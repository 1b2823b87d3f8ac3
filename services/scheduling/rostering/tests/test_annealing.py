"""Compiled moves count what they change as the scorer does, break no rule, and threads share what they find."""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scheduling.rostering.annealing import Annealing, breach
from services.scheduling.rostering.checker import check
from services.scheduling.rostering.columns import Generator
from services.scheduling.rostering.compiled import OFF, Compiled, Ints
from services.scheduling.rostering.conflicts import impossible, tolerated
from services.scheduling.rostering.counts import BEST, PAY, VALUE, counted
from services.scheduling.rostering.machine_code import temporary_folder
from services.scheduling.rostering.model import (
    Assignment,
    Limit,
    Person,
    Preference,
    Problem,
    Rule,
    Shift,
    SlotDemand,
    Weights,
)
from services.scheduling.rostering.moves import EVERYBODY, SHARES, anneal, broken
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.search import Search
from services.scheduling.rostering.tariffs import Breach, tables
from services.scheduling.rostering.temperatures import temperatures
from services.scheduling.rostering.tests.random_problems import problems

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
LOCKED = Assignment("p0", "2-480")
FORTNIGHT = Problem(
    days=14,
    people=tuple(
        Person(f"p{number}", frozenset({"waiter"}), preferences=(Preference(f"{number}-480", 4, True),))
        for number in range(6)
    ),
    shifts=tuple(
        Shift(f"{day}-{start}", day, start, 480, "waiter", "any") for day in range(14) for start in (480, 960)
    ),
    slots=tuple(SlotDemand(f"{day}-{start}", 2) for day in range(14) for start in (480, 960)),
    rules=(Rule(Limit.MAX_CONSECUTIVE_DAYS, "days in a row", 5, "Labour code, art. 1"),),
    locked=(LOCKED,),
)
# Numba tries a folder by making a temporary file in it.
WITHOUT_A_FOLDER = """
import os, tempfile
make, own = tempfile.TemporaryFile, tempfile.gettempdir()
def refuse(*args, **options):
    if {temporary} and str(options["dir"]).startswith(own + os.sep):
        return make(*args, **options)
    raise PermissionError("read-only")
tempfile.TemporaryFile = refuse
from services.scheduling.rostering.tests.double import double
print(double(21), double.stats.cache_path)
"""


def search_for(problem: Problem, seconds: float = 20.0) -> Search:
    return Search(Compiled(problem), seconds=seconds, seed=1, progress=lambda _: None, cancelled=lambda: False)


def assignments(problem: Problem, roster: Ints) -> list[Assignment]:
    return [
        Assignment(problem.people[person].id, problem.shifts[roster[person, day]].id)
        for person, day in np.argwhere(roster >= 0).tolist()
    ]


@pytest.mark.timeout(300)
@settings(max_examples=250, deadline=None, suppress_health_check=SLOW)
@given(problems(), st.sampled_from((0.5, 30.0, 1e6)), st.integers(1, 2**30))
def test_whatever_is_moved_the_value_stays_true_and_the_rules_are_kept(
    problem: Problem, temperature: float, seed: int
) -> None:
    waived = impossible(Compiled(problem), 30.0)
    compiled = Compiled(problem, waived)
    search = Search(compiled, seconds=5, seed=1, progress=lambda _: None, cancelled=lambda: False)
    search.first()
    scorer, table = search.scorer, tables(compiled)
    state = counted(compiled, table, scorer, search.best, seed)
    anneal(table, state, SHARES, 3000, temperature, EVERYBODY)
    known = tolerated(problem, waived)
    for roster, value in ((state.roster, state.totals[VALUE]), (state.best, state.totals[BEST])):
        assert scorer.total(roster) == value
        given_now = assignments(problem, roster)
        assert [found for found in check(problem, given_now) if (found.person, found.rule) not in known] == []
        assert set(problem.locked) <= set(given_now)
    if problem.budget is not None:
        assert state.totals[PAY] == scorer.pay(state.roster)
    assert state.totals[BEST] <= search.value
    anew = counted(compiled, table, scorer, state.roster, seed)
    for name in ("minutes", "week_minutes", "week_days", "weekends", "groups", "have"):
        assert (getattr(state, name) == getattr(anew, name)).all(), name


@pytest.mark.timeout(300)
@settings(max_examples=80, deadline=None, suppress_health_check=(*SLOW, HealthCheck.function_scoped_fixture))
@given(
    problem=problems(),
    mending=st.sampled_from((0, 500)),
    temperature=st.sampled_from((0.5, 30.0, 1e6)),
    seed=st.integers(1, 2**30),
)
def test_whatever_is_broken_while_limits_are_relaxed_is_mended(
    monkeypatch: pytest.MonkeyPatch, problem: Problem, mending: int, temperature: float, seed: int
) -> None:
    monkeypatch.setattr("services.scheduling.rostering.annealing._MENDING", mending)
    waived = impossible(Compiled(problem), 30.0)
    compiled = Compiled(problem, waived)
    search = Search(compiled, seconds=5, seed=1, progress=lambda _: None, cancelled=lambda: False)
    search.first()
    annealing = Annealing(compiled, search.scorer, seed=seed, until=time.monotonic() + 60)
    annealing.prepare(search.best)
    moves = annealing._moves
    assert moves is not None
    relaxed = tables(compiled, Breach(1, 1))
    state = counted(compiled, relaxed, search.scorer, search.best, seed)
    moves.anneal(relaxed, state, 3000, temperature)
    mended = annealing._mended(moves, state, search.best, temperature)
    assert search.scorer.total(mended.roster) == mended.totals[VALUE] == mended.totals[BEST]
    assert (mended.best == mended.roster).all()
    known = tolerated(problem, waived)
    given_now = assignments(problem, mended.roster)
    assert [found for found in check(problem, given_now) if (found.person, found.rule) not in known] == []
    assert set(problem.locked) <= set(given_now)


def test_limits_of_weekends_and_runs_have_a_price_while_they_are_relaxed() -> None:
    rules = (
        Rule(Limit.MAX_CONSECUTIVE_DAYS, "days in a row", 5),
        Rule(Limit.MIN_CONSECUTIVE_DAYS, "days at least", 2),
        Rule(Limit.MIN_CONSECUTIVE_DAYS_OFF, "days off", 2),
        Rule(Limit.MAX_WEEKENDS, "weekends", 1),
    )
    problem = replace(FORTNIGHT, rules=rules, weights=Weights(weekend_share=0), locked=())
    compiled = Compiled(problem)
    scorer, price = Scorer(compiled), breach(compiled)
    assert price == Breach(weekend=1920, run=960)
    assert breach(Compiled(replace(problem, slots=()))) == Breach()
    roster = np.full((6, 14), OFF, dtype=np.int64)
    # One who works both weekends in a run of nine days, one who works a single day and has a single day off.
    roster[0, 5:14] = [compiled.index[f"{day}-480"] for day in range(5, 14)]
    roster[1, [1, 3, 4]] = [compiled.index[f"{day}-480"] for day in (1, 3, 4)]
    kept, relaxed = tables(compiled), tables(compiled, price)
    state = counted(compiled, kept, scorer, roster, 1)
    assert [broken(kept, state, person) for person in range(6)] == [True, True, False, False, False, False]
    assert not any(broken(relaxed, state, person) for person in range(6))
    # Wishes for a shift on each day are worth more than that.
    wishes = tuple(
        replace(person, preferences=tuple(Preference(f"{day}-480", 5000) for day in range(14)))
        for person in problem.people
    )
    compiled = Compiled(replace(problem, people=wishes, slots=tuple(SlotDemand(s.id, 2) for s in problem.shifts)))
    kept, relaxed = tables(compiled), tables(compiled, price)
    empty = counted(compiled, relaxed, Scorer(compiled), np.full((6, 14), OFF, dtype=np.int64), 1)
    anneal(relaxed, empty, SHARES, 100_000, 1.0, EVERYBODY)
    assert all(broken(kept, empty, person) for person in range(6))


def test_every_kind_of_move_is_made() -> None:
    compiled = Compiled(FORTNIGHT)
    search = search_for(FORTNIGHT)
    search.first()
    table = tables(compiled)
    for kind in range(len(SHARES)):
        only = np.array([0] * kind + [1] * (len(SHARES) - kind))
        state = counted(compiled, table, search.scorer, search.best, 1)
        anneal(table, state, only, 2000, 1e6, EVERYBODY)
        assert (state.roster != search.best).any(), kind
        assert search.scorer.total(state.roster) == state.totals[VALUE]


@given(problems())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_moves_know_who_fills_what_lacks_somebody_and_what_a_day_costs_at_least(problem: Problem) -> None:
    compiled = Compiled(problem)
    table = tables(compiled)
    for row in range(len(compiled.need)):
        fillers = table.fillers[table.filler_from[row] : table.filler_from[row + 1]].tolist()
        assert fillers == [option for option, rows in enumerate(compiled.covers) if row in rows]
    for person in range(len(compiled.people)):
        for day in range(compiled.days):
            place = person * compiled.days + day
            choices = table.choices[table.choice_from[place] : table.choice_from[place + 1]].tolist()
            costs = [0 if option == OFF else table.cost[person, option] for option in choices]
            assert table.cheapest[person, day] == min(costs)


def test_a_wish_and_what_lacks_somebody_are_found_among_many_days() -> None:
    """One person of forty would rather be off on one of 28 days, and one shift of 28 lacks somebody."""
    people = tuple(
        Person(f"p{number}", frozenset({"waiter"}), preferences=(Preference("9-480", 5, False),) if number == 7 else ())
        for number in range(40)
    )
    shifts = tuple(Shift(f"{day}-480", day, 480, 480, "waiter", "any") for day in range(28))
    problem = Problem(days=28, people=people, shifts=shifts, slots=tuple(SlotDemand(shift.id, 20) for shift in shifts))
    compiled = Compiled(problem)
    scorer, table = Scorer(compiled), tables(compiled)
    roster = np.full((40, 28), OFF, dtype=np.int64)
    roster[:20] = np.arange(28)
    roster[0, 20] = OFF
    state = counted(compiled, table, scorer, roster, 1)
    # Of moves at random about seven hundred change a given day of a given person once.
    anneal(table, state, SHARES, 1500, 1e-9, EVERYBODY)
    assert state.roster[7, 9] == OFF
    assert scorer.total(state.roster) == 0


def test_it_cools_from_what_shifts_are_worth_to_what_wishes_weigh() -> None:
    hot, cold = temperatures(Compiled(FORTNIGHT))
    assert hot == pytest.approx(0.15 * FORTNIGHT.slots[0].under)
    assert cold == pytest.approx(min(0.8, hot / 10))
    bare = Problem(days=1, people=(), shifts=(), slots=(), rules=())
    hot, cold = temperatures(Compiled(bare))
    assert hot > cold > 0


def test_two_threads_share_what_they_find() -> None:
    search = search_for(FORTNIGHT)
    search.first()
    # The worst roster that keeps what is fixed, so that there is something to find.
    search.best[:] = OFF
    search.best[0, 2] = search.compiled.index[LOCKED.shift]
    for number, row in enumerate(search.best):
        search._costs[number] = search.scorer.person(number, row)
    began = search.value = search.scorer.total(search.best)
    annealing = Annealing(search.compiled, search.scorer, seed=1, until=time.monotonic() + 60)
    assert not annealing.due()
    with pytest.raises(RuntimeError, match="not compiled"):
        annealing.run(1, lambda: search.best, search.offer, search.over)
    annealing.prepare(search.best)
    assert annealing.due()
    annealing._until = time.monotonic() + 0.5
    run = partial(annealing.run, best=lambda: search.best, offer=search.offer, stop=search.over)
    threads = [threading.Thread(target=run, args=(stream,)) for stream in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {stream for _, stream in annealing._states} == {1, 2}
    assert search.value == search.scorer.total(search.best) < began
    assert not check(FORTNIGHT, search.assignments())
    # Who finds another's roster better goes on from it, with chances of their own.
    good, bad = (
        counted(search.compiled, tables(search.compiled), search.scorer, roster, seed)
        for seed, roster in enumerate((search.best, np.where(search.best == search.best[0, 2], search.best, OFF)))
    )
    annealing._states.clear()
    assert annealing._better(True, 1, good) is good
    # What breaks limits is not compared with what keeps them.
    assert annealing._better(False, 2, bad) is bad
    taken = annealing._better(True, 2, bad)
    assert (taken.roster == good.roster).all()
    assert taken.roster is not good.roster
    assert taken.random is bad.random


def test_what_is_offered_keeps_limits_when_annealing_stops_while_they_are_relaxed() -> None:
    search = search_for(FORTNIGHT)
    search.first()
    search.best[:] = OFF
    search.best[0, 2] = search.compiled.index[LOCKED.shift]
    search._costs[:] = [search.scorer.person(number, row) for number, row in enumerate(search.best)]
    began = search.value = search.scorer.total(search.best)
    annealing = Annealing(search.compiled, search.scorer, seed=1, until=time.monotonic() + 3600)
    annealing.prepare(search.best)
    looks = iter(range(5))
    annealing.run(1, lambda: search.best, search.offer, lambda: next(looks, None) is None)
    assert search.value == search.scorer.total(search.best) < began
    assert not check(FORTNIGHT, search.assignments())


def test_a_short_cooling_leaves_a_roster_no_worse_and_keeps_limits() -> None:
    search = search_for(FORTNIGHT)
    search.first()
    search.best[1:] = OFF
    annealing = Annealing(search.compiled, search.scorer, seed=1, until=0.0)
    draw, until = random.Random(1), time.monotonic() + 0.5
    with pytest.raises(RuntimeError, match="not compiled"):
        annealing.warm(search.best, draw, until, search.over)
    annealing.prepare(search.best)
    assert annealing.ready
    assert not annealing.due()
    unchanged = annealing.warm(search.best, draw, until, lambda: True)
    assert (unchanged == search.best).all()
    better = annealing.warm(search.best, draw, time.monotonic() + 0.5, search.over)
    assert search.scorer.total(better) < search.scorer.total(search.best)
    assert not check(FORTNIGHT, assignments(FORTNIGHT, better))


def test_every_way_to_a_better_roster_is_tried_and_keeps_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: set[str] = set()
    wanted = {"_dive", "_select", "_warm", "_group", "_rearrange"}

    def noted(name: str) -> Callable[..., tuple[bool, bool]]:
        way = getattr(Search, name)

        def attempt(self: Search, *about: object) -> tuple[bool, bool]:
            before = self.value
            won, quick = way(self, *about)
            assert not won or self.value < before
            tried.add(name)
            return won, quick

        return attempt

    for name in wanted:
        monkeypatch.setattr(Search, name, noted(name))
    monkeypatch.setattr("services.scheduling.rostering.search._GROUP", 4.0)
    # A proof of the optimum would end the search.
    monkeypatch.setattr(Search, "_prove", lambda *_: None)
    search = Search(Compiled(FORTNIGHT), seconds=60, seed=1, progress=lambda _: None, cancelled=lambda: tried >= wanted)
    search.run()
    assert tried == wanted
    assert search.value == search.scorer.total(search.best)
    assert not check(FORTNIGHT, search.assignments())


def annealed(monkeypatch: pytest.MonkeyPatch, seconds: float) -> tuple[Search, threading.Event]:
    """A search that goes on whatever is proven until it comes to anneal, and what says that it has."""
    ended = threading.Event()
    monkeypatch.setattr(Search, "_prove", lambda *_: None)
    monkeypatch.setattr(Annealing, "run", lambda *_: ended.set())
    compiled = Compiled(FORTNIGHT)
    return Search(compiled, seconds=seconds, seed=1, progress=lambda _: None, cancelled=ended.is_set), ended


def test_annealing_takes_over_where_columns_do_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Generator, "converge", lambda *_, **__: False)
    monkeypatch.setattr(Search, "_dive", lambda *_: pytest.fail("dived from a program that has not converged"))
    search, ended = annealed(monkeypatch, 60)
    search.run()
    assert ended.is_set()
    assert not check(FORTNIGHT, search.assignments())


def test_neighbourhoods_are_searched_until_moves_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiling, entered = threading.Event(), threading.Event()

    def prepare(self: Annealing, roster: Ints) -> None:
        entered.set()
        assert compiling.wait(30)
        original(self, roster)

    def offer(self: Search, rows: dict[int, Ints], phase: str) -> bool:
        # A neighbourhood was searched while moves were still being compiled.
        if entered.is_set() and phase.startswith("neighbourhood"):
            compiling.set()
        return offered(self, rows, phase)

    original, offered = Annealing.prepare, Search.offer
    monkeypatch.setattr("services.scheduling.rostering.search._LOADING_SHARE", 0.01)
    monkeypatch.setattr(Search, "offer", offer)
    monkeypatch.setattr(Annealing, "prepare", prepare)
    monkeypatch.setattr(Search, "_slow", lambda *_: True)
    search, ended = annealed(monkeypatch, 30)
    running = threading.Thread(target=search.run)
    running.start()
    running.join(40)
    assert not running.is_alive()
    assert ended.is_set()
    assert not check(FORTNIGHT, search.assignments())


def test_annealing_goes_on_from_the_first_roster_when_moves_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr("services.scheduling.rostering.search._LOADING_SHARE", 0.5)
    monkeypatch.setattr(Search, "_slow", lambda *_: True)
    monkeypatch.setattr(Search, "_sweep", lambda _: pytest.fail("swept what annealing would undo"))
    monkeypatch.setattr(Search, "_prove", lambda *_: None)
    monkeypatch.setattr(Annealing, "run", lambda *_: ended.set())
    search = Search(Compiled(FORTNIGHT), seconds=120, seed=1, progress=lambda _: None, cancelled=ended.is_set)
    search.run()
    assert ended.is_set()
    assert not check(FORTNIGHT, search.assignments())


def test_a_run_that_waits_for_moves_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiling, entered = threading.Event(), threading.Event()

    def prepare(*_: object) -> None:
        entered.set()
        compiling.wait(60)

    monkeypatch.setattr(Annealing, "prepare", prepare)
    monkeypatch.setattr(Search, "_slow", lambda *_: True)
    search = Search(Compiled(FORTNIGHT), seconds=240, seed=1, progress=lambda _: None, cancelled=entered.is_set)
    began = time.monotonic()
    search.run()
    assert entered.is_set()
    assert time.monotonic() - began < 30
    compiling.set()
    assert not check(FORTNIGHT, search.assignments())


def test_a_run_without_time_to_compile_does_not_begin_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Annealing, "prepare", lambda *_: pytest.fail("compiled"))
    monkeypatch.setattr(Search, "_slow", lambda *_: True)
    search = search_for(FORTNIGHT, seconds=1.0)
    search.run()
    assert not check(FORTNIGHT, search.assignments())


def test_a_failure_to_compile_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(Annealing, "prepare", prepare)
    monkeypatch.setattr(Search, "_slow", lambda *_: True)
    with pytest.raises(OSError, match="no room"):
        search_for(FORTNIGHT).run()


@pytest.mark.parametrize("temporary", [True, False])
def test_code_is_compiled_where_no_folder_can_be_written(tmp_path: Path, temporary: bool) -> None:
    """A file system that cannot be written, but perhaps for temporary files."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "NUMBA_CACHE_DIR": ""}
    script = WITHOUT_A_FOLDER.format(temporary=temporary)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    value, folder = done.stdout.split()
    assert value == "42"
    assert (folder != "None") is temporary
    if temporary:
        assert Path(folder).is_relative_to(tmp_path)
        assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o700]


def test_another_users_folder_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = temporary_folder()
    assert own is not None
    own.chmod(0o777)
    assert temporary_folder() is None
    own.rmdir()
    own.symlink_to(tmp_path)
    assert temporary_folder() is None
