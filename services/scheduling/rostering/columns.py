"""Column generation: whole rows of people as columns, priced by shortest paths, made whole by diving.

A linear program chooses among the rows known for each person. Its prices (`duals`) say what one more person on a demand
row is worth, and the best row at those prices enters, until none improves. The prices then prove a lower bound, and
fixing the people whose rows the program has all but chosen, a few at a time, leads to a roster.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from services.scheduling.rostering.compiled import Compiled, Ints
from services.scheduling.rostering.duals import Market, climb
from services.scheduling.rostering.paths import Paths, best_of, never
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.temperatures import temperatures, worth_of_a_shift
from services.scheduling.rostering.walk import Family, Floats, Path

# So few people are priced by one thread.
_ALONE = 6
# Heat begins where it smooths away a share of what a shift is worth, falls by so much with each round, and no further
# than to a share of the gap for each person, which then is what smoothing costs.
_FALL = 0.88
_OF_GAP = 0.125
_SHARPER = 0.5
_LEAST_HEAT = 1e-3
# A dive is made with so much of the heat at which annealing ends; rows then cost up to so many times that more, by
# chance, since the program spreads itself over all rows that are equally good and would choose none.
_DIVE_HEAT = 0.125
_CHANCE = 1.5
# A dive fixes one of so many people in each step, and prices the others so often if there is time.
_STEPS = 14
_DIVE_ROUNDS = 80
# Who has so much of a share is chosen. A step is taken back that costs so many times what chance may for each row it
# fixes, so often in a dive; its rows then cost so much of what was lost more than they do.
_CHOSEN = 0.99
_COSTLY = 2.0
_MISTAKES = 12
_AVOIDED = 0.5
# Climbing ends after so many steps, or when no more of a shift for each person lacks or is too much, and no more than
# costs such a share of the gap. No step is shorter to begin with.
_CLIMB = 400
_EXACT = 0.02
_OF_LACK = 0.5
_LEAST_STEP = 1e-3
# Beyond so many rows of each person those go that cost most at the prices.
_MANY, _KEPT = 80, 45


class Pricing:
    """Finds best rows of people; keeps what it prepared for each of them."""

    def __init__(self, compiled: Compiled, scorer: Scorer) -> None:
        self.compiled = compiled
        self.scorer = scorer
        self._paths: dict[int, Paths] = {}
        self._families: dict[object, Family] = {}
        # Whether two threads price where many people are asked for.
        self.parallel = False
        self._other = ThreadPoolExecutor(1)

    def paths(self, number: int) -> Paths:
        """The person's path finder."""
        if number not in self._paths:
            self._paths[number] = Paths(self.compiled, number, self._families)
        return self._paths[number]

    def tractable(self, people: Sequence[int]) -> bool:
        """Whether every one of them can be priced."""
        return all(self.paths(number).tractable for number in people)

    def best(self, number: int, values: Floats, pay: float = 0.0) -> Path | None:
        """The best row when covering a demand row brings `values`, and a unit of pay costs `pay`."""
        return self.best_of([number], values, pay)[0]

    def best_of(
        self, people: Sequence[int], values: Floats, pay: float = 0.0, stop: Callable[[], bool] = never
    ) -> list[Path | None]:
        """The best row of each person; None where the limits allow none, or once `stop` says so."""
        gained = self.compiled.sum_over_rows(values)
        wanted = []
        for number in people:
            candidate = self.compiled.people[number]
            prices = candidate.cost - gained
            wanted.append((self.paths(number), prices + pay * candidate.pay if pay else prices))
        if self.parallel and len(wanted) > _ALONE:
            half = self._other.submit(best_of, wanted[::2], stop)
            found: list[Path | None] = [None] * len(wanted)
            found[1::2] = best_of(wanted[1::2], stop)
            found[::2] = half.result()
        else:
            found = best_of(wanted, stop)
        return [
            None if path is None else Path(path.row, path.price + self.scorer.fixed(number))
            for number, path in zip(people, found, strict=True)
        ]

    def reduced(self, number: int, row: Ints, gained: Floats, pay: float) -> float:
        """What a row costs at prices; `gained` is what each shift brings."""
        chosen = row[row >= 0]
        paid = pay * self.compiled.people[number].pay[chosen].sum()
        return float(self.scorer.person(number, row) - gained[chosen].sum() + paid)


@dataclass(frozen=True, slots=True)
class Proof:
    """Prices that prove a bound: what shifts bring, what pay costs, and what everybody's best days cost at that."""

    pricing: Pricing
    bound: float
    gained: Floats
    pay: float
    least: dict[int, float]

    def excess(self, number: int, row: Ints) -> float:
        """By how much any roster with this row costs more than the bound, at least."""
        return self.pricing.reduced(number, row, self.gained, self.pay) - self.least[number]


class Pool:
    """Rows that were found for each person, which threads may add to and look at as they like."""

    def __init__(self, people: int) -> None:
        self._lock = threading.Lock()
        self._rows: list[dict[bytes, Ints]] = [{} for _ in range(people)]

    def add(self, number: int, rows: Iterable[Ints], most: int, proof: Proof | None) -> None:
        """Adds rows; where they are more than the most, those go that cost most by the proof, or are oldest."""
        with self._lock:
            known = self._rows[number]
            known.update((row.tobytes(), row) for row in rows)
            if len(known) > most:
                kept = (
                    sorted(known.values(), key=lambda row: proof.excess(number, row))
                    if proof
                    else [*known.values()][::-1]
                )
                self._rows[number] = {row.tobytes(): row for row in kept[:most]}

    def of(self, number: int) -> list[Ints]:
        """The rows known for a person."""
        with self._lock:
            return list(self._rows[number].values())


@dataclass(slots=True)
class _Column:
    person: int
    row: Ints
    cost: int
    entries: Ints
    amounts: Floats
    # What the row costs more than it does while a dive chooses, and the share that the program gives it.
    chance: float = 0.0
    share: float = 0.0


class Master:
    """The linear program over the rows of some people, all others staying as they are."""

    def __init__(self, pricing: Pricing, roster: Ints, people: Sequence[int]) -> None:
        self.pricing = pricing
        self.compiled = compiled = pricing.compiled
        self.scorer = pricing.scorer
        self.people = list(people)
        self.columns: dict[int, list[_Column]] = {number: [] for number in self.people}
        self.fixed: dict[int, _Column] = {}
        # How much prices are smoothed, and how much may lack, or be too much, where climbing ends.
        self.heat = 1.0
        self.tolerance = _EXACT * len(self.people)
        self.value = float("inf")
        self._known: set[tuple[int, bytes]] = set()
        self._step = _LEAST_STEP
        rest = roster.copy()
        rest[self.people] = -1
        # What has to be covered, and last of all what may be spent, in units of what a shift is paid.
        self.need = (compiled.need - self.scorer.cover(rest)).astype(np.float64)
        self.low, self.high = -compiled.over.astype(np.float64), compiled.under.astype(np.float64)
        self.unit = 0.0
        if compiled.problem.budget is not None:
            self.unit = max(1.0, float(np.median([one.pay.max(initial=0) for one in compiled.people])))
            left = compiled.problem.budget - self.scorer.pay(rest)
            self.need = np.append(self.need, -left / self.unit)
            self.low, self.high = np.append(self.low, 0.0), np.append(self.high, compiled.over_budget * self.unit)
        self.market_prices: Floats = (self.low + self.high) / 2
        if self.unit:
            self.market_prices[-1] = 0.0

    @property
    def loose(self) -> list[int]:
        """The people whose rows are not fixed."""
        return [number for number in self.people if number not in self.fixed]

    def add(self, number: int, row: Ints, chance: float = 0.0) -> bool:
        """Adds a row of a person; False when it is known."""
        key = (number, row.tobytes())
        if key in self._known:
            return False
        self._known.add(key)
        chosen = row[row >= 0]
        entries = np.concatenate([self.compiled.covers[option] for option in chosen.tolist()] or [chosen])
        amounts = np.ones(len(entries))
        if self.unit:
            paid = float(self.compiled.people[number].pay[chosen].sum()) / self.unit
            entries, amounts = np.append(entries, len(self.need) - 1), np.append(amounts, -paid)
        cost = self.scorer.person(number, row)
        self.columns[number].append(_Column(number, row, cost, entries, amounts, chance))
        return True

    def solve(self) -> None:
        """Finds the prices and every row's share at this heat, and from these what the program costs at most."""
        loose = self.loose
        columns = [column for number in loose for column in self.columns[number]]
        market = Market(
            need=self.need,
            low=self.low,
            high=self.high,
            cost=np.array([column.cost + column.chance for column in columns]),
            person_from=np.cumsum([0, *(len(self.columns[number]) for number in loose)]),
            entry_from=np.cumsum([0, *(len(column.entries) for column in columns)]),
            entry=np.concatenate([column.entries for column in columns]),
            amount=np.concatenate([column.amounts for column in columns]),
        )
        step = max(self._step, _LEAST_STEP)
        found = climb(market, self.market_prices, self.heat, steps=_CLIMB, step=step, tolerance=self.tolerance)
        self.market_prices, self._step = found.prices, found.step
        value = float(sum(column.cost for column in self.fixed.values()))
        for column, share in zip(columns, found.shares.tolist(), strict=True):
            column.share = share
            value += share * column.cost
        lack, much = np.maximum(0.0, found.lack), np.maximum(0.0, -found.lack)
        self.value = value + float((self.high * lack - self.low * much).sum())

    def prices(self) -> tuple[Floats, float]:
        """The worth of each demand row, and the price of a unit of pay."""
        if not self.unit:
            return self.market_prices, 0.0
        return self.market_prices[:-1], float(self.market_prices[-1]) / self.unit

    def floor(self) -> float:
        """What the program costs at these prices without the rows that are not fixed."""
        return float((self.market_prices * self.need).sum()) + sum(column.cost for column in self.fixed.values())

    def fix(self, column: _Column) -> None:
        """Gives a person this row for good."""
        self.fixed[column.person] = column
        np.subtract.at(self.need, column.entries, column.amounts)

    def free(self, column: _Column) -> None:
        """Takes back that a person has this row."""
        del self.fixed[column.person]
        np.add.at(self.need, column.entries, column.amounts)

    def forget(self) -> None:
        """Where rows are many, only those stay that cost least at the prices."""
        for number in self.loose:
            columns = self.columns[number]
            if len(columns) > _MANY:
                columns.sort(key=lambda c: c.cost - float((self.market_prices[c.entries] * c.amounts).sum()))
                self._known.difference_update((number, column.row.tobytes()) for column in columns[_KEPT:])
                del columns[_KEPT:]


class Generator:
    """Solves the linear program of some people to a bound, and dives from it to rosters."""

    def __init__(self, pricing: Pricing, roster: Ints, people: Sequence[int], stop: Callable[[], bool]) -> None:
        self.people = list(people)
        self.master = Master(pricing, roster, people)
        self.pricing = pricing
        self.stop = stop
        self.bound = float("-inf")
        # How many rounds there were, and how long the last one took.
        self.rounds = 0
        self.seconds = 0.0
        self.proof: Proof | None = None
        self._chance: Callable[[], float] = float
        self._worth = max(1.0, worth_of_a_shift(pricing.compiled))
        hot, self._cold = temperatures(pricing.compiled)
        self.master.heat = hot
        for number in people:
            self.master.add(number, roster[number])

    @property
    def value(self) -> float:
        """What the program costs, at most."""
        return self.master.value

    def add(self, pool: Pool, most: int) -> None:
        """Starts from rows that were found before, for each person so many of the latest."""
        for number in self.master.people:
            for row in pool.of(number)[-most:]:
                self.master.add(number, row)

    def start_from(self, worth: Floats) -> None:
        """Starts from a guess at what demand rows are worth."""
        self.master.market_prices[: len(worth)] = worth

    def converge(self, rounds: int, gap: float, *, share: float = 0.0, least: float | None = None) -> bool:
        """Generates columns until the bound is within `gap` of the program's value, or within a share of that.

        False when stopped first. The heat falls meanwhile, to the least if that is told, or with the gap.
        """
        master = self.master
        for _ in range(rounds):
            if self.stop():
                return False
            began = time.monotonic()
            master.solve()
            added = self._price()
            self.seconds = time.monotonic() - began
            self.rounds += 1
            beyond = self.value - self.bound
            if beyond <= max(gap, share * abs(self.value)) or (not added and master.heat <= _LEAST_HEAT):
                return True
            floor = max(_LEAST_HEAT, _OF_GAP * beyond / len(master.loose)) if least is None else least
            # Where no row enters, all that is wrong comes of smoothing.
            master.heat = max(min(floor, master.heat), master.heat * _FALL) if added else master.heat * _SHARPER
            master.tolerance = min(_EXACT * len(master.loose), _OF_LACK * beyond / self._worth)
        return True

    def _price(self) -> int:
        """Prices everybody who is not fixed; returns how many new rows entered."""
        master, added = self.master, 0
        worth, pay = master.prices()
        bound = master.floor()
        loose = master.loose
        least: dict[int, float] = {}
        for number, path in zip(loose, self.pricing.best_of(loose, worth, pay, self.stop), strict=True):
            if path is None:
                return added
            bound += path.price
            least[number] = path.price
            added += master.add(number, path.row, self._chance())
        if bound > self.bound:
            self.bound = bound
            self.proof = Proof(self.pricing, bound, self.pricing.compiled.sum_over_rows(worth), pay, least)
        master.forget()
        return added

    def dive(self, draw: random.Random, *, gap: float, until: float) -> dict[int, Ints] | None:
        """Fixes people's rows by and by, generating columns for the others in between; None when stopped.

        Rounds are spread over the steps so that the dive ends at about an instant. A step that proves to cost more than
        chance explains is taken back, as long as there is time, and other rows are chosen.
        """
        master = self.master
        chance = _CHANCE * self._cold
        self._chance = lambda: chance * draw.random()
        for columns in master.columns.values():
            for column in columns:
                column.chance = self._chance()
        heat = _DIVE_HEAT * self._cold
        before, mistakes = self.bound, 0
        while len(master.fixed) < len(master.people):
            if self.stop():
                return None
            master.solve()
            step = self._step(draw)
            for column in step:
                master.fix(column)
            self.bound = float("-inf")
            if not master.loose:
                break
            master.heat = heat
            if not self.converge(self._rounds_until(until, len(step)), gap, least=heat):
                return None
            costly = self.bound > before + _COSTLY * chance * len(step) + gap
            if costly and mistakes < _MISTAKES and time.monotonic() < until:
                mistakes += 1
                for column in step:
                    column.chance += _AVOIDED * (self.bound - before)
                    master.free(column)
                self.bound = before
                continue
            before = max(before, self.bound)
        return {number: column.row for number, column in master.fixed.items()}

    def _step(self, draw: random.Random) -> list[_Column]:
        """The rows that are fixed next: those with most of a share, and all that are chosen already."""
        ranked = [max(self.master.columns[number], key=lambda c: c.share) for number in self.master.loose]
        ranked.sort(key=lambda c: (-round(c.share, 2), draw.random()))
        least = max(1, len(ranked) // _STEPS)
        return [column for place, column in enumerate(ranked) if place < least or column.share > _CHOSEN]

    def _rounds_until(self, until: float, fixed: int) -> int:
        """How many rounds a step may have, when all steps that are left shall end by then."""
        loose = len(self.master.loose)
        # The later ones are quicker: a round takes as long as there are people left.
        each = self.seconds * loose / (loose + fixed)
        steps = min(loose, _STEPS) + _STEPS * math.log(max(1.0, loose / _STEPS))
        left = max(0.0, until - time.monotonic())
        return max(1, min(_DIVE_ROUNDS, round(left / max(1e-6, steps * each))))

    def known(self, number: int) -> list[Ints]:
        """The rows known for a person."""
        return [column.row for column in self.master.columns[number]]
