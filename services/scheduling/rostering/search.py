"""Looks for the best roster: first one that breaks no hard rule, then column generation and neighbourhoods around it.

Two searches share the best roster. One generates columns, for everybody and then for groups of people. The other
frees some people or days and lets CP-SAT rearrange them. Each finds what the other misses: columns see a whole period
at once, neighbourhoods see rules that only a whole roster can break. Where columns take too long, both anneal instead,
and search neighbourhoods before the moves are compiled and at the end.
"""

from __future__ import annotations

import itertools
import math
import random
import threading
import time
from collections.abc import Callable

import numpy as np

from services.scheduling.rostering.annealing import Annealing
from services.scheduling.rostering.bounds import aggregate
from services.scheduling.rostering.columns import Generator, Pricing
from services.scheduling.rostering.compiled import OFF, Compiled, Ints
from services.scheduling.rostering.model import DAY, WEEK, Assignment, Progress
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.subproblem import Subproblem
from services.scheduling.rostering.walk import Floats

# A neighbourhood that takes longer than this is too large.
_TURN = 2.5
# Column generation for everybody may take this share of the time before smaller groups do better.
_ROOT_SHARE = 0.45
_DIVE_SHARE = 0.2
_SWEEP_SHARE = 0.1
# Kinds of neighbourhood are weighed by what they brought per second, of which so much is remembered; none is tried
# less often than this against the best.
_MEMORY = 0.9
_SELDOM = 0.15
# About so many times everybody is priced before the linear program has converged.
_ROUNDS = 60
# Annealing ends when so much of the time is left, and is not begun with less time than this: compiling may take longer.
_POLISH_SHARE = 0.15
_LEAST_ANNEALING = 4.0
# When another process has compiled the moves they are here so soon that no neighbourhood is begun before.
_LOADING = 1.5


class Search:
    """One run. `best` and `bound` may be read at any time."""

    def __init__(
        self,
        compiled: Compiled,
        *,
        seconds: float,
        seed: int,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.compiled = compiled
        self.scorer = Scorer(compiled)
        self.pricing = Pricing(compiled, self.scorer)
        self.people = len(compiled.people)
        self.began = time.monotonic()
        self.deadline = self.began + seconds
        self.seconds = seconds
        self.seed = seed
        self.cancelled = cancelled
        self.bound = 0
        self._progress = progress
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self.best = np.full((self.people, compiled.days), OFF, dtype=np.int64)
        for number, candidate in enumerate(compiled.people):
            for day, option in candidate.locked.items():
                self.best[number, day] = option
        self._costs = np.zeros(self.people, dtype=np.int64)
        self.value = 0
        self.pool: dict[int, list[Ints]] = {}
        self._annealing: Annealing | None = None

    def over(self) -> bool:
        """Whether to stop: out of time, cancelled, proven optimal, or the other search failed."""
        if not self._ended.is_set() and (time.monotonic() >= self.deadline or self.cancelled()):
            self._ended.set()
        return self._ended.is_set()

    @property
    def left(self) -> float:
        """Seconds left."""
        return max(0.0, self.deadline - time.monotonic())

    def run(self) -> None:
        """Searches until time is out, the run is cancelled, or the best is proven optimal."""
        self.first()
        self._report("first")
        if not self.people or not self.compiled.shifts:
            self._prove(self.value)
            return
        draw = random.Random(self.seed)  # noqa: S311 - a search, not a secret
        slow = self._slow(draw)
        if slow:
            self._prepare_annealing()
        if self._annealing is None or not self._annealing.due():
            # Annealing would soon undo what a sweep brings.
            self._sweep()
        helper = threading.Thread(target=self._guarded, args=(self._neighbourhoods, 1), daemon=True)
        helper.start()
        self._guarded(self._columns, draw, slow)
        helper.join()
        if self._failure is not None:
            raise self._failure

    def assignments(self) -> tuple[Assignment, ...]:
        """The best roster as assignments."""
        problem = self.compiled.problem
        return tuple(
            Assignment(problem.people[person].id, problem.shifts[self.best[person, day]].id)
            for person, day in np.argwhere(self.best != OFF).tolist()
        )

    def _guarded(self, work: Callable[..., None], *args: int | Ints | random.Random) -> None:
        try:
            work(*args)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for both searches
            self._failure = error
            self._ended.set()

    def first(self) -> None:
        """Each person in turn gets the best days that the cover so far leaves them."""
        compiled = self.compiled
        have = self.scorer.cover(self.best)
        pay = self.scorer.pay(self.best)
        budget = compiled.problem.budget
        for number in range(self.people):
            row = self.best[number]
            have = have - self._covered(row)
            pay -= int(compiled.people[number].pay[row[row >= 0]].sum())
            price = float(compiled.over_budget) if budget is not None and pay >= budget else 0.0
            row = self._best_row(number, have, price)
            own = int(compiled.people[number].pay[row[row >= 0]].sum())
            if budget is not None and pay < budget < pay + own:
                row = self._best_row(number, have, float(compiled.over_budget))
                own = int(compiled.people[number].pay[row[row >= 0]].sum())
            self.best[number] = row
            have = have + self._covered(row)
            pay += own
            self._costs[number] = self.scorer.person(number, row)
        self.value = int(self._costs.sum()) + sum(self.scorer.shared(have, pay).values())

    def _best_row(self, number: int, have: Ints, price: float) -> Ints:
        compiled = self.compiled
        values = np.where(have < compiled.need, compiled.under, -compiled.over).astype(np.float64)
        path = self.pricing.best(number, values, price) if self.pricing.tractable([number]) else None
        if path is not None:
            return path.row
        alone = self.best.copy()
        answer = Subproblem(compiled, alone, [number], range(compiled.days)).solve(
            min(5.0, max(1.0, self.left)), seed=self.seed, hint=False
        )
        if answer is None:
            raise RuntimeError(f"no days found for {compiled.people[number].person.id}")
        return answer.rows[number]

    def _covered(self, row: Ints) -> Ints:
        return self.scorer.cover_of_counts(np.bincount(row[row >= 0], minlength=len(self.compiled.shifts)))

    def offer(self, rows: dict[int, Ints], phase: str) -> bool:
        """Takes rows over into the best roster when that is no worse; True when it is better."""
        with self._lock:
            roster = self.best.copy()
            costs = self._costs.copy()
            for number, row in rows.items():
                roster[number] = row
                costs[number] = self.scorer.person(number, row)
            shared = self.scorer.shared(self.scorer.cover(roster), self.scorer.pay(roster))
            value = int(costs.sum()) + sum(shared.values())
            if value > self.value:
                return False
            better = value < self.value
            self.best, self._costs, self.value = roster, costs, value
        if better:
            self._report(phase)
            self._prove(self.bound)
        return better

    def _prove(self, bound: float) -> None:
        """Takes over a better bound; all costs are whole numbers, so it may be rounded up."""
        whole = math.ceil(bound - 1e-4) if math.isfinite(bound) else 0
        if whole > self.bound:
            self.bound = min(whole, self.value)
            self._report("bound")
        if self.value <= self.bound:
            self._ended.set()

    def _report(self, phase: str) -> None:
        self._progress(Progress(round(time.monotonic() - self.began, 3), self.value, self.bound, phase))

    def _columns(self, draw: random.Random, slow: bool) -> None:
        """Column generation: a bound and a dive for everybody when there is time for it, then group after group."""
        # A sweep finds the caps that bind, which pricing takes longer to keep.
        if slow := slow or self._slow(draw):
            self._prepare_annealing()
        whole = aggregate(self.compiled, self.scorer, self.left / 4)
        self._prove(whole.bound)
        if slow:
            # Long before the program says what shifts are worth, small changes have brought much.
            self._neighbourhoods(2)
            return
        self._root(whole.worth, draw)
        size = min(self.people, 12)
        while not self.over():
            if size < 4:
                self._neighbourhoods(2)
            else:
                size = self._group(draw, size)

    def _root(self, worth: Floats | None, draw: random.Random) -> None:
        """Column generation for everybody at once."""
        everyone = range(self.people)
        limit = time.monotonic() + self.seconds * _ROOT_SHARE
        root = Generator(self.pricing, self.best, everyone, lambda: self.over() or time.monotonic() > limit)
        root.start_from(worth)
        root.add(self.pool)
        root.converge(300, max(0.9, self.value / 2000))
        self._prove(root.bound)
        self.pool = {number: root.known(number) for number in everyone}
        root.stop = self.over
        until = time.monotonic() + self.seconds * _DIVE_SHARE
        rows = root.dive(draw, steps=10, rounds=self._rounds_of(root.seconds, 10), until=until)
        if rows is not None:
            self._improve(rows)

    def _rounds_of(self, seconds: float, steps: int) -> int:
        """How many rounds a dive has time for in each step, when one for everybody takes so long."""
        # People are fixed by and by: on average a round is for half of them.
        return max(1, min(6, int(self.seconds * _DIVE_SHARE / (steps * max(seconds, 1e-3) / 2))))

    def _improve(self, rows: dict[int, Ints]) -> None:
        """Offers a whole roster, and what comes of it when each person in turn gets better days."""
        self.offer(rows, "columns")
        roster = np.array([rows[number] for number in range(self.people)])
        self.offer(dict(enumerate(self._swept(roster))), "columns")

    def _sweep(self) -> None:
        self.offer(dict(enumerate(self._swept(self.best.copy()))), "sweep")

    def _swept(self, roster: Ints) -> Ints:
        """The roster after each person in turn got the best days while the others stayed, until nobody gains."""
        scorer = self.scorer
        limit = time.monotonic() + self.seconds * _SWEEP_SHARE
        costs = np.array([scorer.person(number, row) for number, row in enumerate(roster)])
        best = int(costs.sum()) + sum(scorer.shared(scorer.cover(roster), scorer.pay(roster)).values())
        # Everybody after whom nobody has gained.
        settled = 0
        for number in itertools.cycle(range(self.people)):
            if settled == self.people or time.monotonic() > limit or self.over():
                return roster
            settled += 1
            tried = roster.copy()
            tried[number] = OFF
            tried[number] = self._best_row(number, scorer.cover(tried), 0.0)
            own = scorer.person(number, tried[number])
            shared = scorer.shared(scorer.cover(tried), scorer.pay(tried))
            value = int(costs.sum()) - int(costs[number]) + own + sum(shared.values())
            if value <= best:
                settled = 0 if value < best else settled
                roster, best, costs[number] = tried, value, own
                self.pool.setdefault(number, []).append(tried[number])
        return roster

    def _slow(self, draw: random.Random) -> bool:
        """Whether pricing everybody until the linear program has converged takes longer than it may, or cannot be."""
        if not self.pricing.tractable(range(self.people)):
            return True
        return _ROUNDS * self._pricing_seconds(draw) * self.people > self.seconds * _ROOT_SHARE

    def _pricing_seconds(self, draw: random.Random) -> float:
        """How long one person's best row takes among those of others, whatever else the machine does meanwhile."""
        some = draw.sample(range(self.people), min(self.people, 16))
        began = time.thread_time()
        self.pricing.best_of(some, np.zeros(len(self.compiled.need)))
        return max(1e-6, (time.thread_time() - began) / len(some))

    def _group(self, draw: random.Random, size: int) -> int:
        """Column generation for some people; returns the size to try next."""
        began = time.monotonic()
        roster = self.best.copy()
        people = draw.sample(range(self.people), size)
        group = Generator(self.pricing, roster, people, self.over)
        group.add({number: self.pool.get(number, [])[-6:] for number in people})
        if group.converge(40, 0.5):
            others = int(self._costs.sum() - self._costs[people].sum())
            if group.bound + others < self.value - 1e-4 and size == self.people:
                self._prove(group.bound)
            rows = group.dive(draw, steps=7, rounds=5, until=self.deadline)
            if rows is not None:
                self.offer(rows, "columns")
        for number in people:
            self.pool[number] = group.known(number)[-30:]
        took = time.monotonic() - began
        if took < self.seconds / 20:
            return min(self.people, size + 1)
        return size - 1 if took > self.seconds / 8 else size

    def _prepare_annealing(self) -> None:
        """Both threads anneal as soon as the moves are compiled, until neighbourhoods have the last of the time."""
        if self._annealing is not None or self.left < _LEAST_ANNEALING:
            return
        until = self.deadline - self.seconds * _POLISH_SHARE
        annealing = Annealing(self.compiled, self.scorer, seed=self.seed, until=until)
        compiling = threading.Thread(target=self._guarded, args=(annealing.prepare, self.best), daemon=True)
        compiling.start()
        self._annealing = annealing
        compiling.join(_LOADING)

    def _neighbourhoods(self, stream: int) -> None:
        """Frees people or days and lets CP-SAT rearrange them, growing neighbourhoods that are solved easily."""
        draw = random.Random(self.seed * 1000 + stream)  # noqa: S311 - a search, not a secret
        sizes = {"people": 5.0, "missing": 5.0, "days": 3.0, "block": 8.0}
        gains = dict.fromkeys(sizes, 1.0)
        while not self.over():
            if self._annealing is not None and self._annealing.due():
                self._annealing.run(stream, lambda: self.best, self.offer, self.over)
                continue
            # What has brought most in its time lately is tried most, and everything now and then.
            best = max(gains.values())
            kind = draw.choices(list(gains), [max(gain, best * _SELDOM) for gain in gains.values()])[0]
            people, days = self._choose(kind, sizes[kind], draw)
            began, before = time.monotonic(), self.value
            roster = self.best.copy()
            answer = Subproblem(self.compiled, roster, people, days).solve(
                min(_TURN, self.left),
                seed=draw.randrange(2**30),
                wander=3 if draw.random() < 0.5 else 0,
            )
            took = time.monotonic() - began
            won = answer is not None and self.offer(answer.rows, f"neighbourhood: {kind}")
            gain = (before - self.value) / max(1, self.value) / max(took, 1e-3) if won else 0.0
            gains[kind] = _MEMORY * gains[kind] + (1 - _MEMORY) * gain
            quick = answer is not None and answer.optimal and took < _TURN / 3
            sizes[kind] = min(sizes[kind] * 1.05, 40.0) if quick else max(2.0, sizes[kind] * 0.95)

    def _choose(self, kind: str, size: float, draw: random.Random) -> tuple[list[int], list[int]]:
        """The people and days to free."""
        days = list(range(self.compiled.days))
        count = min(self.people, max(2, round(size)))
        if kind == "days":
            span = min(len(days), max(2, round(size)))
            start = draw.randrange(len(days) - span + 1)
            people = draw.sample(range(self.people), min(self.people, 40))
            return people, days[start : start + span]
        row = self._gap(draw) if kind in ("missing", "block") else None
        people = draw.sample(range(self.people), count) if row is None else self._around(row, count, draw)
        if kind == "block":
            span = min(len(days), draw.randint(WEEK, 3 * WEEK))
            middle = self._day(row) if row is not None else draw.randrange(len(days))
            start = min(max(0, middle - draw.randrange(span)), len(days) - span)
            return people, days[start : start + span]
        return people, days

    def _gap(self, draw: random.Random) -> int | None:
        """A demand row where somebody is missing or too many, the dearest most often."""
        compiled = self.compiled
        have = self.scorer.cover(self.best)
        costs = np.where(have < compiled.need, compiled.under, compiled.over) * np.abs(have - compiled.need)
        rows = np.flatnonzero(costs)
        return int(draw.choices(rows.tolist(), weights=costs[rows].tolist())[0]) if len(rows) else None

    def _around(self, row: int, count: int, draw: random.Random) -> list[int]:
        """People who could work where somebody is missing or too many, and some others."""
        compiled = self.compiled
        able = [
            number
            for number, candidate in enumerate(compiled.people)
            if any(row in compiled.covers[option] for option in candidate.allowed[self._day(row)])
        ]
        chosen = draw.sample(able, min(len(able), -(-count // 2)))
        others = [number for number in range(self.people) if number not in set(chosen)]
        return chosen + draw.sample(others, min(len(others), count - len(chosen)))

    def _day(self, row: int) -> int:
        problem = self.compiled.problem
        if row < len(problem.slots):
            return self.compiled.shift_of(problem.slots[row].shift).day
        return problem.intervals[row - len(problem.slots)].start // DAY
