"""Which people and days to free, so that what is rearranged is near what is missing or costs."""

from __future__ import annotations

import random

import numpy as np

from services.scheduling.rostering.compiled import Compiled, Ints
from services.scheduling.rostering.model import DAY, WEEK
from services.scheduling.rostering.scoring import Scorer

# The kinds, and how many people or days each begins with.
KINDS = {"people": 5.0, "missing": 5.0, "days": 3.0, "block": 8.0}
# When days are freed this many people are.
_MOST_PEOPLE = 40


class Neighbourhoods:
    """Draws neighbourhoods of a roster."""

    def __init__(self, compiled: Compiled, scorer: Scorer) -> None:
        self.compiled, self.scorer = compiled, scorer
        self.people = len(compiled.people)

    def choose(self, kind: str, size: float, roster: Ints, draw: random.Random) -> tuple[list[int], list[int]]:
        """The people and days to free."""
        days = list(range(self.compiled.days))
        count = min(self.people, max(2, round(size)))
        if kind == "days":
            span = min(len(days), max(2, round(size)))
            start = draw.randrange(len(days) - span + 1)
            people = draw.sample(range(self.people), min(self.people, _MOST_PEOPLE))
            return people, days[start : start + span]
        row = self._gap(roster, draw) if kind in ("missing", "block") else None
        people = draw.sample(range(self.people), count) if row is None else self._around(row, count, draw)
        if kind == "block":
            span = min(len(days), draw.randint(WEEK, 3 * WEEK))
            middle = self._day(row) if row is not None else draw.randrange(len(days))
            start = min(max(0, middle - draw.randrange(span)), len(days) - span)
            return people, days[start : start + span]
        return people, days

    def _gap(self, roster: Ints, draw: random.Random) -> int | None:
        """A demand row where somebody is missing or too many, the dearest most often."""
        compiled = self.compiled
        have = self.scorer.cover(roster)
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
