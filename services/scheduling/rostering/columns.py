"""Column generation: whole rows of people as columns, priced by shortest paths, made whole by diving.

A linear program chooses among the rows known for each person. Its dual prices say what one more person on a demand row
is worth, and the best row at those prices enters, until none improves. The prices then prove a lower bound, and fixing
the people whose rows the program has all but chosen, a few at a time, leads to a roster.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ortools.linear_solver import pywraplp

from services.scheduling.rostering.compiled import Compiled, Ints
from services.scheduling.rostering.paths import Paths, best_of, never
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.walk import Family, Floats, Path

_TOLERANCE = 1e-6
# Prices are smoothed towards those that proved the best bound, which keeps them from swinging.
_SMOOTHING = 0.6


class Pricing:
    """Finds best rows of people; keeps what it prepared for each of them."""

    def __init__(self, compiled: Compiled, scorer: Scorer) -> None:
        self.compiled = compiled
        self.scorer = scorer
        self._paths: dict[int, Paths] = {}
        self._families: dict[object, Family] = {}

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
        return [
            None if path is None else Path(path.row, path.price + self.scorer.fixed(number))
            for number, path in zip(people, best_of(wanted, stop), strict=True)
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
    covered: Ints
    variable: pywraplp.Variable


class Master:
    """The linear program over the rows of some people, all others staying as they are."""

    def __init__(self, pricing: Pricing, roster: Ints, people: Sequence[int]) -> None:
        self.pricing = pricing
        self.compiled = pricing.compiled
        self.scorer = pricing.scorer
        self.people = list(people)
        self.columns: dict[int, list[_Column]] = {number: [] for number in self.people}
        self._known: set[tuple[int, bytes]] = set()
        rest = roster.copy()
        rest[self.people] = -1
        self.have = self.scorer.cover(rest)
        compiled, budget = self.compiled, self.compiled.problem.budget
        fixed = np.maximum(0, self.have - compiled.need)
        self.constant = int((compiled.over * fixed).sum())
        self.missing = np.maximum(0, compiled.need - self.have)
        self.lp = pywraplp.Solver.CreateSolver("GLOP")
        self.goal = self.lp.Objective()
        self.goal.SetMinimization()
        self.cover = [self.lp.Constraint(float(missing), float(missing)) for missing in self.missing]
        self.one = {number: self.lp.Constraint(1.0, 1.0) for number in self.people}
        for row, constraint in enumerate(self.cover):
            for sign, cost in ((1.0, compiled.under[row]), (-1.0, compiled.over[row])):
                slack = self.lp.NumVar(0.0, self.lp.infinity(), "")
                constraint.SetCoefficient(slack, sign)
                self.goal.SetCoefficient(slack, float(cost))
        self.purse: pywraplp.Constraint | None = None
        if budget is not None:
            left = float(budget - self.scorer.pay(rest))
            self.purse = self.lp.Constraint(-self.lp.infinity(), max(0.0, left))
            self.constant += compiled.over_budget * int(max(0.0, -left))
            over = self.lp.NumVar(0.0, self.lp.infinity(), "")
            self.purse.SetCoefficient(over, -1.0)
            self.goal.SetCoefficient(over, float(compiled.over_budget))
        self.fixed: dict[int, _Column] = {}

    def add(self, number: int, row: Ints) -> bool:
        """Adds a row of a person; False when it is known."""
        key = (number, row.tobytes())
        if key in self._known:
            return False
        self._known.add(key)
        cost = self.scorer.person(number, row)
        variable = self.lp.NumVar(0.0, self.lp.infinity(), "")
        self.goal.SetCoefficient(variable, float(cost))
        self.one[number].SetCoefficient(variable, 1.0)
        chosen = row[row >= 0]
        covered = self.scorer.cover_of_counts(np.bincount(chosen, minlength=len(self.compiled.shifts)))
        for place in np.flatnonzero(covered).tolist():
            self.cover[place].SetCoefficient(variable, float(covered[place]))
        if self.purse is not None:
            self.purse.SetCoefficient(variable, float(self.compiled.people[number].pay[chosen].sum()))
        self.columns[number].append(_Column(number, row, cost, covered, variable))
        return True

    def solve(self) -> float | None:
        """The value of the program, without the constant; None when it could not be solved."""
        if self.lp.Solve() != pywraplp.Solver.OPTIMAL:
            return None
        return float(self.goal.Value())

    def prices(self) -> tuple[Floats, float]:
        """The worth of each demand row, and the price of a unit of pay."""
        worth = np.array([constraint.dual_value() for constraint in self.cover])
        return worth, 0.0 if self.purse is None else -self.purse.dual_value()

    def fix(self, column: _Column) -> None:
        """Gives a person this row for good."""
        column.variable.SetBounds(1.0, 1.0)
        self.fixed[column.person] = column

    def chosen(self) -> dict[int, Ints]:
        """The rows fixed so far."""
        return {number: column.row for number, column in self.fixed.items()}


class Generator:
    """Solves the linear program of some people to a bound, and dives from it to rosters."""

    def __init__(self, pricing: Pricing, roster: Ints, people: Sequence[int], stop: Callable[[], bool]) -> None:
        self.people = list(people)
        self.master = Master(pricing, roster, people)
        self.pricing = pricing
        self.stop = stop
        self.bound = float("-inf")
        self.value = float("inf")
        # How long the last round took.
        self.seconds = 0.0
        self._centre: Floats | None = None
        self._pull = _SMOOTHING
        self.proof: Proof | None = None
        for number in people:
            self.master.add(number, roster[number])

    def add(self, pool: Pool, most: int) -> None:
        """Starts from rows that were found before, for each person so many of the latest."""
        for number in self.master.people:
            for row in pool.of(number)[-most:]:
                self.master.add(number, row)

    def start_from(self, worth: Floats | None) -> None:
        """Starts smoothing from a guess at what demand rows are worth."""
        self._centre = worth

    def converge(self, rounds: int, gap: float) -> bool:
        """Generates columns until the bound is within `gap` of the program's value; False when stopped first."""
        for _ in range(rounds):
            if self.stop():
                return False
            began = time.monotonic()
            value = self.master.solve()
            if value is None:
                return False
            self.value = value + self.master.constant
            added = self._round()
            self.seconds = time.monotonic() - began
            if not added or self.value - self.bound <= gap:
                return True
        return True

    def _round(self) -> int:
        """Prices everybody who is not fixed; returns how many new rows entered."""
        master = self.master
        worth, pay = master.prices()
        shadow = {number: master.one[number].dual_value() for number in master.people}
        added = self._price(self._smooth(worth), worth, pay, shadow)
        if not added and self._centre is not None:
            self._centre = worth
            added = self._price(worth, worth, pay, shadow)
        return added

    def _smooth(self, worth: Floats) -> Floats:
        if self._centre is None:
            return worth
        return self._pull * self._centre + (1 - self._pull) * worth

    def _price(self, at: Floats, worth: Floats, pay: float, shadow: dict[int, float]) -> int:
        master, added = self.master, 0
        bound = float((at * master.missing).sum()) + master.constant
        if self.master.purse is not None:
            bound -= pay * self.master.purse.ub()
        loose = [number for number in master.people if number not in master.fixed]
        for column in master.fixed.values():
            bound += column.cost - float((at * column.covered).sum())
            if pay:
                chosen = column.row[column.row >= 0]
                bound += pay * float(self.pricing.compiled.people[column.person].pay[chosen].sum())
        gained = self.pricing.compiled.sum_over_rows(worth)
        least: dict[int, float] = {}
        for number, path in zip(loose, self.pricing.best_of(loose, at, pay, self.stop), strict=True):
            if path is None:
                return added
            bound += path.price
            least[number] = path.price
            if self.pricing.reduced(number, path.row, gained, pay) < shadow[number] - _TOLERANCE:
                added += master.add(number, path.row)
        if bound > self.bound or self._centre is None:
            self.bound = max(self.bound, bound)
            self.proof = Proof(self.pricing, bound, self.pricing.compiled.sum_over_rows(at), pay, least)
            self._centre = at
            self._pull = _SMOOTHING
        else:
            # A centre that has long proved nothing better should not hold the prices back.
            self._pull *= 0.8
        return added

    def dive(self, draw: random.Random, *, steps: int, rounds: int, until: float) -> dict[int, Ints] | None:
        """Fixes people's rows by and by, generating columns for the others in between; None when stopped.

        There are about so many steps, of so many rounds each, and none of these after an instant: then what is known
        has to do.
        """
        master = self.master
        while len(master.fixed) < len(master.people):
            value = master.solve()
            if value is None or self.stop():
                return None
            loose = [number for number in master.people if number not in master.fixed]
            ranked = []
            for number in loose:
                column = max(master.columns[number], key=lambda c: float(c.variable.solution_value()))
                ranked.append((float(column.variable.solution_value()), draw.random(), number, column))
            ranked.sort(key=lambda entry: (-round(entry[0], 2), entry[1]))
            least = max(1, len(loose) // steps)
            for place, (weight, _, _, column) in enumerate(ranked):
                if place < least or weight > 0.999:
                    master.fix(column)
            self.bound, self._centre = float("-inf"), None
            finished = len(master.fixed) == len(master.people) or time.monotonic() > until
            if not finished and not self.converge(rounds, 0.5):
                return None
        return master.chosen()

    def known(self, number: int) -> list[Ints]:
        """The rows known for a person."""
        return [column.row for column in self.master.columns[number]]
