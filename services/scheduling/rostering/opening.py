"""A first roster for periods so long that nobody's best days are a shortest path: rough days, mended by compiled moves.

Rough days keep what binds days that follow one another, which a short path can, and forget what is summed up over
weeks and the whole period. What that breaks is then mended for everybody at once by small changes, each of which may
break nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from services.scheduling.rostering.compiled import OFF, Compiled, Ints
from services.scheduling.rostering.counts import counted
from services.scheduling.rostering.paths import Paths, roughly
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.tariffs import tables
from services.scheduling.rostering.temperatures import temperatures, worth_of_a_shift

# So many people get their rough days at the same prices, with so much of a shift's worth as noise between them.
_AT_ONCE = 10
_NOISE = 0.3
# So many moves are made between two looks at what is still broken.
_MOVES = 500_000


def opening(
    compiled: Compiled, scorer: Scorer, finders: Sequence[Paths], *, seed: int, seconds: float
) -> tuple[Ints, list[int]]:
    """A roster, and the numbers of those whose days still break a hard rule when the time is over.

    Moves that no other process has compiled take longer.
    """
    # Numba alone takes half a second to import, which shorter periods do without.
    from services.scheduling.rostering.moves import EVERYBODY, SHARES, anneal

    table = tables(compiled)
    state = counted(compiled, table, scorer, _rough(compiled, scorer, finders, seed), seed)
    _, cold = temperatures(compiled)
    anneal(table, state, SHARES, 0, cold, EVERYBODY)
    until = time.monotonic() + seconds
    while (unsettled := _unsettled(compiled, scorer, state.roster)) and time.monotonic() < until:
        anneal(table, state, SHARES, _MOVES, cold, np.array(unsettled, dtype=np.int64))
    return state.roster, unsettled


def _rough(compiled: Compiled, scorer: Scorer, finders: Sequence[Paths], seed: int) -> Ints:
    draw = np.random.default_rng(seed)
    noise = _NOISE * worth_of_a_shift(compiled)
    roster = np.full((len(finders), compiled.days), OFF, dtype=np.int64)
    for number, candidate in enumerate(compiled.people):
        for day, option in candidate.locked.items():
            roster[number, day] = option
    for first in range(0, len(finders), _AT_ONCE):
        have = scorer.cover(roster)
        gained = compiled.sum_over_rows(np.where(have < compiled.need, compiled.under, -compiled.over))
        people = range(first, min(first + _AT_ONCE, len(finders)))
        wanted = [
            (finders[number], compiled.people[number].cost - gained + noise * draw.random(len(gained)))
            for number in people
        ]
        for number, path in zip(people, roughly(wanted), strict=True):
            if path is not None:
                roster[number] = path.row
    return roster


def _unsettled(compiled: Compiled, scorer: Scorer, roster: Ints) -> list[int]:
    """Those who break a hard rule that was not given up."""
    return [
        number
        for number, candidate in enumerate(compiled.people)
        if any(rule not in candidate.waived for rule, _ in scorer.broken(number, roster[number]))
    ]
