"""Looks for the best roster: first one that breaks no hard rule, then whatever brings something better.

Two threads share the best roster. One generates columns for everybody, which proves a bound, and dives to a roster; the
other rearranges some people or days with CP-SAT. Then both try one way after another: columns see a whole period at
once, neighbourhoods see rules that only a whole roster can break, short coolings take many small steps. Where columns
take too long, both anneal instead as soon as moves are compiled, until the last of the time.
"""

from __future__ import annotations

import itertools
import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from services.scheduling.rostering import duals, labels
from services.scheduling.rostering.annealing import Annealing
from services.scheduling.rostering.bounds import aggregate
from services.scheduling.rostering.columns import Generator, Pool, Pricing, Proof
from services.scheduling.rostering.compiled import OFF, Compiled, Ints
from services.scheduling.rostering.model import Assignment, Progress
from services.scheduling.rostering.neighbourhoods import KINDS, Neighbourhoods
from services.scheduling.rostering.opening import opening
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.selection import select
from services.scheduling.rostering.subproblem import Subproblem
from services.scheduling.rostering.walk import Floats

# A neighbourhood that takes longer than this is too large.
_TURN = 2.5
# Column generation for everybody may take this share of the time before smaller groups do better.
_ROOT_SHARE = 0.45
_DIVE_SHARE = 0.4
_SWEEP_SHARE = 0.1
# Mending rough days may take this share, where best days are out of reach.
_OPENING_SHARE = 0.25
# Kinds of neighbourhood are weighed by what they brought per second, of which so much is remembered; none is tried
# less often than this against the best.
_MEMORY = 0.9
_SELDOM = 0.15
# A short cooling takes this share of the time, and choosing among rows that are known no more than this.
_WARM_SHARE = 0.04
_SELECT_SHARE = 0.08
# So many rows of a person are remembered, among so many of them is chosen at first, and a group begins with the latest.
_MOST_KNOWN = 200
_ROWS = 40.0
_OF_EACH = 6
# A dive begins with so many rows of each person that were found before.
_ROWS_OF_DIVE = 45
# Prices within such a share of the best are good enough for a dive, or where time runs out before, within the larger
# one; until so much of the time they are made better.
_NEAR, _ROUGH = 0.005, 0.2
_PROOF_SHARE = 0.08
# Where rounds take more than this share of the time both threads price, and where they seem to take so many times what
# column generation may, it is given up.
_BOTH_SHARE = 0.05
_DOUBT = 1.5
# So many rounds are not looked at: prices are wild and states many.
_FIRST_ROUNDS = 5
# More rounds than these bring nothing any more.
_MOST_ROUNDS = 300
# Columns are generated for so many people at first, and for no fewer; no way is tried with more people than the most.
_GROUP, _LEAST_GROUP, _MOST = 12.0, 4.0, 40.0
# A dive from rows that are known takes so much of the time, of that which the first one may take.
_AGAIN = (0.2, 0.6)
# What converges within such a share of the penalty is converged, and no better than this.
_GAP_SHARE, _LEAST_GAP = 1 / 500, 0.9
# So long is waited for compiled code that another process has left behind.
_AT_HAND = 1.0
# The thread that generates columns.
_OF_COLUMNS = 2
# About so many times everybody is priced before the linear program has converged.
_ROUNDS = 60
# Annealing ends when so much of the time is left, and is not begun with less time than this: compiling may take longer.
_POLISH_SHARE = 0.3
_LEAST_ANNEALING = 4.0
# So long a share of the time is waited for moves to be compiled: what is found meanwhile annealing would undo, and what
# looks for it takes the interpreter from what compiles. Where another process has left the code behind it is a moment.
_LOADING_SHARE = 0.25
_LOOK = 0.05


@dataclass(slots=True)
class _Way:
    """A way to a better roster: told how many people or days to take, it says whether it won, and was quick."""

    attempt: Callable[[random.Random, float], tuple[bool, bool]]
    size: float = 0.0
    least: float = 2.0
    most: float = _MOST
    gain: float = 1.0


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
        # Whether the other thread may go on beside column generation.
        self._alone = threading.Event()
        self._alone.set()
        self._failure: BaseException | None = None
        self.best = np.full((self.people, compiled.days), OFF, dtype=np.int64)
        for number, candidate in enumerate(compiled.people):
            for day, option in candidate.locked.items():
                self.best[number, day] = option
        self._costs = np.zeros(self.people, dtype=np.int64)
        self.value = 0
        self.pool = Pool(self.people)
        self._neighbours = Neighbourhoods(compiled, self.scorer)
        self._annealing: Annealing | None = None
        # What column generation for everybody proved, and what it found demand to be worth.
        self._proof: Proof | None = None
        self._worth: Floats | None = None

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
        loading = threading.Thread(target=self._guarded, args=(self._load,))
        if self.people and self.compiled.shifts:
            loading.start()
            loading.join(_AT_HAND)
        self.first()
        self._report("first")
        if not self.people or not self.compiled.shifts:
            self._prove(self.value)
            return
        draw = random.Random(self.seed)  # noqa: S311 - a search, not a secret
        slow = self._slow(draw)
        if slow:
            self._prepare_annealing(1 - _POLISH_SHARE)
        if self._annealing is None or not self._annealing.due():
            # Annealing would soon undo what a sweep brings.
            self._sweep()
        helper = threading.Thread(target=self._guarded, args=(self._neighbourhoods, 1), daemon=True)
        helper.start()
        self._guarded(self._columns, draw, slow, loading)
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

    def _guarded(self, work: Callable[..., None], *args: int | Ints | random.Random | threading.Thread) -> None:
        try:
            work(*args)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for both searches
            self._failure = error
            self._ended.set()

    def first(self) -> None:
        """Each person in turn gets the best days that the cover so far leaves them."""
        waiting: Sequence[int] = range(self.people)
        if not self.pricing.tractable(waiting):
            finders = [self.pricing.paths(number) for number in waiting]
            limit = self.seconds * _OPENING_SHARE
            self.best, waiting = opening(self.compiled, self.scorer, finders, seed=self.seed, seconds=limit)
        self._costs = np.array(
            [self.scorer.person(number, row) for number, row in enumerate(self.best)], dtype=np.int64
        )
        self._fill(waiting)

    def _fill(self, waiting: Sequence[int]) -> None:
        compiled = self.compiled
        have = self.scorer.cover(self.best)
        pay = self.scorer.pay(self.best)
        budget = compiled.problem.budget
        for number in waiting:
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
        for number, row in rows.items():
            self._remember(number, [row.copy()])
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

    def _load(self) -> None:
        """Compiles what prices rows, which takes seconds unless another process has left the code behind."""
        duals.prepare()
        if self.pricing.tractable([0]):
            labels.prepare(self.pricing.paths(0).plan)

    def _gap(self) -> float:
        return max(_LEAST_GAP, self.bound * _GAP_SHARE)

    def _columns(self, draw: random.Random, slow: bool, loading: threading.Thread) -> None:
        """Column generation for everybody where there is time for it, which proves a bound and dives; then all ways."""
        # A sweep finds the caps that bind, which pricing takes longer to keep.
        slow = slow or self._slow(draw)
        if slow:
            self._prepare_annealing(1 - _POLISH_SHARE)
        whole = aggregate(self.compiled, self.scorer, self.left / 4)
        self._prove(whole.bound)
        if not slow and self._loaded(loading):
            self._root(whole.worth, draw)
            self._price_together(False)
        # Where the program takes too long, small changes bring much before it says what shifts are worth.
        self._neighbourhoods(_OF_COLUMNS)

    def _root(self, worth: Floats | None, draw: random.Random) -> None:
        """Column generation for everybody at once, and a dive; annealing where that takes too long."""
        root = Generator(self.pricing, self.best, range(self.people), self.over)
        if worth is not None:
            root.start_from(worth)
        root.add(self.pool, _OF_EACH)
        converged = self._converged(root)
        self._prove(root.bound)
        self._keep(root)
        if not converged:
            self._prepare_annealing(1 - _POLISH_SHARE)
            return
        self._proof, self._worth = root.proof, root.master.prices()[0].copy()
        # From here on short coolings are tried beside neighbourhoods.
        self._prepare_annealing(0.0)
        root.stop = self.over
        rows = root.dive(draw, gap=self._gap(), until=time.monotonic() + self.seconds * _DIVE_SHARE)
        self._keep(root)
        if rows is not None:
            self._improve(rows)

    def _converged(self, root: Generator) -> bool:
        """Solves the linear program, near enough for a dive; False where that takes too long."""
        began = time.monotonic()
        limit = began + self.seconds * _ROOT_SHARE

        def late() -> bool:
            now = time.monotonic()
            expected = _ROUNDS * (now - began) / root.rounds if root.rounds >= _FIRST_ROUNDS else 0.0
            if expected > self.seconds * _BOTH_SHARE:
                self._price_together(True)
            return self.over() or now > limit or expected > self.seconds * _ROOT_SHARE * _DOUBT

        root.stop = late
        if not root.converge(_MOST_ROUNDS, _LEAST_GAP, share=_NEAR):
            return math.isfinite(root.bound) and root.value - root.bound <= _ROUGH * abs(root.value)
        # Small programs are solved to the end, which may prove a roster the best.
        limit = min(limit, self.began + self.seconds * _PROOF_SHARE)
        root.converge(_MOST_ROUNDS, _LEAST_GAP)
        return True

    def _price_together(self, both: bool) -> None:
        """Has both threads price, or lets the other one go its own ways."""
        self.pricing.parallel = both
        if both:
            self._alone.clear()
        else:
            self._alone.set()

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
                self._remember(number, [tried[number]])
        return roster

    def _slow(self, draw: random.Random) -> bool:
        """Whether pricing everybody until the linear program has converged takes longer than it may, or cannot be."""
        if not self.pricing.tractable(range(self.people)):
            return True
        if labels.ready():
            # A few rounds will tell.
            return False
        return _ROUNDS * self._pricing_seconds(draw) * self.people > self.seconds * _ROOT_SHARE

    def _pricing_seconds(self, draw: random.Random) -> float:
        """How long one person's best row takes among those of others, whatever else the machine does meanwhile."""
        some = draw.sample(range(self.people), min(self.people, 16))
        began = time.thread_time()
        self.pricing.best_of(some, np.zeros(len(self.compiled.need)))
        return max(1e-6, (time.thread_time() - began) / len(some))

    def _group(self, draw: random.Random, size: float) -> tuple[bool, bool]:
        """Column generation for some people; whether that brought a better roster, and whether it was quick."""
        began = time.monotonic()
        people = draw.sample(range(self.people), min(self.people, round(size)))
        group = Generator(self.pricing, self.best.copy(), people, self.over)
        group.add(self.pool, _OF_EACH)
        won = False
        if group.converge(_MOST_ROUNDS, 0.5):
            rows = group.dive(draw, gap=0.5, until=self.deadline)
            won = rows is not None and self.offer(rows, "columns")
        self._keep(group)
        return won, time.monotonic() - began < self.seconds / 20

    def _prepare_annealing(self, share: float) -> None:
        """Compiles moves; both threads anneal as soon as that is done, until so much of the time is over."""
        if self._annealing is not None or self.left < _LEAST_ANNEALING:
            return
        until = self.began + self.seconds * share
        annealing = Annealing(self.compiled, self.scorer, seed=self.seed, until=until)
        compiling = threading.Thread(target=self._guarded, args=(annealing.prepare, self.best))
        compiling.start()
        self._annealing = annealing
        if share:
            self._loaded(compiling)

    def _loaded(self, compiling: threading.Thread) -> bool:
        """Whether what a thread compiles is there, for which a share of the time is waited."""
        limit = time.monotonic() + self.seconds * _LOADING_SHARE
        while compiling.is_alive() and time.monotonic() < limit and not self.over():
            compiling.join(_LOOK)
        return not compiling.is_alive()

    def _neighbourhoods(self, stream: int) -> None:
        """Tries one way after another to get something better out of the best roster, most often what brings most.

        What is done quickly is done with more people or days the next time.
        """
        draw = random.Random(self.seed * 1000 + stream)  # noqa: S311 - a search, not a secret
        ways = {kind: _Way(partial(self._rearrange, kind), size) for kind, size in KINDS.items()}
        if self._proof is not None and stream == _OF_COLUMNS:
            ways["dive"] = _Way(self._dive)
            ways["select"] = _Way(self._select, _ROWS, most=_MOST_KNOWN)
            if self.people > _GROUP:
                ways["columns"] = _Way(self._group, _GROUP, least=_LEAST_GROUP)
        while not self.over():
            if stream != _OF_COLUMNS and not self._alone.wait(_LOOK):
                continue
            if self._annealing is not None and self._annealing.due():
                self._annealing.run(stream, lambda: self.best, self.offer, self.over)
                continue
            if self._annealing is not None and self._annealing.ready:
                ways.setdefault("warm", _Way(self._warm))
            # What has brought most in its time lately is tried most, and everything now and then.
            most = max(way.gain for way in ways.values())
            way = draw.choices(list(ways.values()), [max(way.gain, most * _SELDOM) for way in ways.values()])[0]
            began, before = time.monotonic(), self.value
            won, quick = way.attempt(draw, way.size)
            took = time.monotonic() - began
            more, less = 1.3 if took < _TURN / 10 else 1.05, 0.8 if took > _TURN else 0.95
            way.size = min(way.size * more, way.most) if quick else max(way.least, way.size * less)
            gain = (before - self.value) / max(1, self.value) / max(took, 1e-3) if won else 0.0
            way.gain = _MEMORY * way.gain + (1 - _MEMORY) * gain

    def _rearrange(self, kind: str, draw: random.Random, size: float) -> tuple[bool, bool]:
        """Frees people or days for CP-SAT; whether that brought a better roster, and whether it was quick."""
        began = time.monotonic()
        roster = self.best.copy()
        people, days = self._neighbours.choose(kind, size, roster, draw)
        answer = Subproblem(self.compiled, roster, people, days).solve(
            min(_TURN, self.left),
            seed=draw.randrange(2**30),
            wander=3 if draw.random() < 0.5 else 0,
        )
        if answer is None:
            return False, False
        won = self.offer(answer.rows, f"neighbourhood: {kind}")
        return won, answer.optimal and time.monotonic() - began < _TURN / 3

    def _warm(self, draw: random.Random, _: float) -> tuple[bool, bool]:
        """A short cooling of the whole roster; whether that brought a better one."""
        if self._annealing is None:
            return False, False
        before = self.best
        until = min(self.deadline, time.monotonic() + self.seconds * _WARM_SHARE)
        after = self._annealing.warm(before, draw, until, self.over)
        changed = np.flatnonzero((after != before).any(axis=1)).tolist()
        # What somebody else has found meanwhile is kept where the two go together.
        together = self.offer({number: after[number] for number in changed}, "warm")
        return together or self.offer(dict(enumerate(after)), "warm"), False

    def _dive(self, draw: random.Random, _: float) -> tuple[bool, bool]:
        """Another dive for everybody, from all rows that are known; whether that brought a better roster."""
        dive = Generator(self.pricing, self.best, range(self.people), self.over)
        dive.add(self.pool, _ROWS_OF_DIVE)
        if self._worth is not None:
            dive.start_from(self._worth)
        until = time.monotonic() + self.seconds * _DIVE_SHARE * draw.uniform(*_AGAIN)
        rows = dive.dive(draw, gap=self._gap(), until=until)
        self._keep(dive)
        return rows is not None and self.offer(rows, "columns"), False

    def _select(self, draw: random.Random, size: float) -> tuple[bool, bool]:
        """The best roster of so many rows of each person; whether that is a better one, and whether it was quick."""
        if self._proof is None:
            return False, False
        began = time.monotonic()
        rows, proven = select(
            self.compiled,
            self.scorer,
            {number: self._promising(self._proof, number, round(size), draw) for number in range(self.people)},
            self.best.copy(),
            seconds=min(self.left, self.seconds * _SELECT_SHARE),
            seed=draw.randrange(2**30),
        )
        won = rows is not None and self.offer(rows, "selection")
        return won, proven and time.monotonic() - began < self.seconds * _SELECT_SHARE / 3

    def _promising(self, proof: Proof, number: int, most: int, draw: random.Random) -> list[Ints]:
        """Rows of a person that a better roster may have, most likely those near the bound."""
        gap = self.value - proof.bound
        rows = [(proof.excess(number, row), row) for row in self.pool.of(number)]
        drawn = [(excess * draw.random(), place) for place, (excess, _) in enumerate(rows) if excess < gap]
        return [rows[place][1] for _, place in sorted(drawn)[:most]]

    def _keep(self, generator: Generator) -> None:
        """Remembers the rows that a generator knows."""
        for number in generator.people:
            self._remember(number, generator.known(number))

    def _remember(self, number: int, rows: Sequence[Ints]) -> None:
        self.pool.add(number, rows, _MOST_KNOWN, self._proof)
