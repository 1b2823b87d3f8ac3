"""What a shift and a wish are worth in a problem, and the temperatures that follow from it."""

from __future__ import annotations

import numpy as np

from services.scheduling.rostering.compiled import Compiled

# Annealing begins where a move may cost about this share of what a shift is worth, and ends at so much of a wish.
_HOT_SHARE = 0.15
_COLD_SHARE = 0.2
# Between the two lies at least this factor.
_COOLING = 10.0


def worth_of_a_shift(compiled: Compiled) -> float:
    """What a shift is worth whose cover is missing; 0 where none is wanted."""
    worth = compiled.sum_over_rows(compiled.under)
    worth = worth[worth > 0]
    return float(np.median(worth)) if len(worth) else 0.0


def temperatures(compiled: Compiled) -> tuple[float, float]:
    """What moves may cost at the beginning and at the end, by what shifts and wishes are worth."""
    wishes = [wish.weight for person in compiled.problem.people for wish in person.preferences if wish.weight > 0]
    hot = _HOT_SHARE * worth_of_a_shift(compiled)
    cold = _COLD_SHARE * float(np.median(wishes)) if wishes else hot / _COOLING
    if not hot:
        return max(1.0, cold * _COOLING), max(1.0 / _COOLING, cold)
    return hot, min(cold, hot / _COOLING)
