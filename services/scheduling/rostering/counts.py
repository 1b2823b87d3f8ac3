"""A roster that compiled code changes, and what is counted of it: a change is priced by what it touches alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scheduling.rostering.compiled import Compiled, Ints
from services.scheduling.rostering.model import WEEK
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.tariffs import Tables

# Places in `State.totals`.
VALUE, BEST, PAY = 0, 1, 2


class State(NamedTuple):
    """A roster and what is counted of it. `new` holds the days of the first and second person of a move, `window`
    which of them it changes."""

    roster: Ints
    best: Ints
    totals: Ints
    minutes: Ints
    week_minutes: Ints
    week_days: Ints
    weekends: Ints
    groups: Ints
    have: Ints
    new: Ints
    window: Ints
    random: NDArray[np.uint64]

    def copy(self) -> State:
        """Another roster like this, with the same chances."""
        return State._make(values.copy() for values in self)


def counted(compiled: Compiled, table: Tables, scorer: Scorer, roster: Ints, seed: int) -> State:
    """The counts of a roster."""
    people, days = roster.shape
    weeks = -(-days // WEEK)
    minutes = np.where(roster >= 0, compiled.minutes[roster], 0)
    week_minutes = np.zeros((people, weeks), dtype=np.int64)
    week_days = np.zeros((people, weeks), dtype=np.int64)
    groups = np.zeros(table.groups.shape, dtype=np.int64)
    for person, day in np.argwhere(roster >= 0).tolist():
        option = roster[person, day]
        week_minutes[person, day // WEEK] += minutes[person, day]
        week_days[person, day // WEEK] += 1
        groups[person, table.group[table.group_from[option] : table.group_from[option + 1]]] += 1
    weekends = np.zeros(people, dtype=np.int64)
    for weekend in compiled.weekends:
        weekends += (roster[:, weekend] >= 0).any(axis=1)
    value = scorer.total(roster)
    return State(
        roster=roster.copy(),
        best=roster.copy(),
        totals=np.array([value, value, scorer.pay(roster)], dtype=np.int64),
        minutes=minutes.sum(axis=1),
        week_minutes=week_minutes,
        week_days=week_days,
        weekends=weekends,
        groups=groups,
        have=scorer.cover(roster),
        new=np.zeros((2, days), dtype=np.int64),
        window=np.zeros((2, 2), dtype=np.int64),
        random=np.array([np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] | np.uint64(1)]),
    )
