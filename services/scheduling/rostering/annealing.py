"""Simulated annealing: compiled moves that may make the roster dearer, by less and less as time goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from services.scheduling.rostering.compiled import Compiled, Ints
from services.scheduling.rostering.counts import BEST, VALUE, State, counted
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.tariffs import Tables, tables

# Annealing begins where a move may cost about this share of what a shift is worth, and ends at so much of a wish.
_HOT_SHARE = 0.15
_COLD_SHARE = 0.5
# Between the two lies at least this factor.
_COOLING = 10.0
# So many moves are made between two looks at the clock: about a hundredth of a second.
_MOVES = 100_000
# So often in all threads hand over what they found and look at each other's.
_EXCHANGES = 40


class Annealing:
    """One cooling that threads share: each goes on from another's roster when that is better than its own."""

    def __init__(self, compiled: Compiled, scorer: Scorer, *, seed: int, until: float) -> None:
        self._compiled, self._scorer, self._seed, self._until = compiled, scorer, seed, until
        self._hot, self._cold = temperatures(compiled)
        self._lock = threading.Lock()
        self._began: float | None = None
        self._states: dict[int, State] = {}
        self._anneal: Callable[[Tables, State, int, float], None] | None = None
        self._table: Tables | None = None

    def prepare(self, roster: Ints) -> None:
        """Compiles the moves, which takes seconds unless another process has left the code behind."""
        # Numba alone takes half a second to import, which runs that never anneal do without.
        from services.scheduling.rostering.moves import SHARES, anneal

        self._table = tables(self._compiled)
        anneal(self._table, self._state(self._table, roster, 0), SHARES, 0, 1.0)
        self._anneal = lambda table, state, moves, temperature: anneal(table, state, SHARES, moves, temperature)

    def due(self) -> bool:
        """Whether moves are compiled and there is time left to make them."""
        return self._anneal is not None and time.monotonic() < self._until

    def run(
        self,
        stream: int,
        best: Callable[[], Ints],
        offer: Callable[[dict[int, Ints], str], bool],
        stop: Callable[[], bool],
    ) -> None:
        """Anneals the best roster and offers what becomes of it, until the time for it is over."""
        if self._anneal is None or self._table is None:
            raise RuntimeError("the moves are not compiled yet")
        with self._lock:
            began = self._began = self._began or time.monotonic()
        state = self._state(self._table, best(), self._seed * 1000 + stream)
        offered = int(state.totals[BEST])
        pause = (self._until - began) / _EXCHANGES
        exchange = began
        while not stop() and (now := time.monotonic()) < self._until:
            if now >= exchange:
                exchange = now + pause
                offered = _hand_over(state, offered, best(), offer)
                state = self._better(stream, state)
            share = (now - began) / (self._until - began)
            self._anneal(self._table, state, _MOVES, self._hot * (self._cold / self._hot) ** share)
        _hand_over(state, offered, best(), offer)

    def _state(self, table: Tables, roster: Ints, seed: int) -> State:
        return counted(self._compiled, table, self._scorer, roster, seed)

    def _better(self, stream: int, state: State) -> State:
        """The state to go on from: the other thread's as it was lately if that is better, with own chances."""
        with self._lock:
            self._states[stream] = state.copy()
            found = min(self._states.values(), key=lambda other: int(other.totals[VALUE]))
        if found.totals[VALUE] >= state.totals[VALUE]:
            return state
        return found.copy()._replace(random=state.random)


def _hand_over(state: State, offered: int, best: Ints, offer: Callable[[dict[int, Ints], str], bool]) -> int:
    """Offers the days that differ from the best roster's if what was found is better than what was offered before."""
    value = int(state.totals[BEST])
    if value >= offered:
        return offered
    changed = np.flatnonzero((state.best != best).any(axis=1)).tolist()
    offer({number: state.best[number].copy() for number in changed}, "annealing")
    return value


def temperatures(compiled: Compiled) -> tuple[float, float]:
    """What moves may cost at the beginning and at the end, by what shifts and wishes are worth."""
    worth = compiled.sum_over_rows(compiled.under)
    worth = worth[worth > 0]
    wishes = [wish.weight for person in compiled.problem.people for wish in person.preferences if wish.weight > 0]
    hot = _HOT_SHARE * float(np.median(worth)) if len(worth) else 0.0
    cold = _COLD_SHARE * float(np.median(wishes)) if wishes else hot / _COOLING
    if not hot:
        return max(1.0, cold * _COOLING), max(1.0 / _COOLING, cold)
    return hot, min(cold, hot / _COOLING)
