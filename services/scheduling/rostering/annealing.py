"""Simulated annealing: compiled moves that may make the roster dearer, by less and less as time goes on."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from services.scheduling.rostering.compiled import Compiled, Ints
from services.scheduling.rostering.counts import BEST, VALUE, State, counted
from services.scheduling.rostering.scoring import Scorer
from services.scheduling.rostering.tariffs import Breach, Tables, tables
from services.scheduling.rostering.temperatures import temperatures, worth_of_a_shift

# Until so much of the time has passed limits of weekends and runs may be broken, at a price of so much of a shift.
_RELAXED = 0.5
_WEEKEND_SHARE = 1.2
_RUN_SHARE = 0.6
# So many moves then mend what is broken; meanwhile that is done whenever so much of the penalty is saved.
_MENDING = 500_000
_WORTH_MENDING = 0.9
# So many moves are made between two looks at the clock: about a hundredth of a second.
_MOVES = 100_000
# A short cooling begins and ends at about so much of where the long one ends.
_WARM = (1.2, 1.9)
_COOL = (0.25, 0.5)
# So often in all threads hand over what they found and look at each other's.
_EXCHANGES = 40


class _Moves(NamedTuple):
    """Compiled moves, and the tables they are priced by: with all limits kept, and with some relaxed."""

    anneal: Callable[[Tables, State, int, float], None]
    broken: Callable[[Tables, State, int], bool]
    kept: Tables
    relaxed: Tables


class Annealing:
    """One cooling that threads share: each goes on from another's roster when that is better than its own.

    At first limits of weekends and of days in a row may be broken at a price, since between two good rosters that keep
    them there is often none that does, one move apart. What is found is mended before anybody sees it.
    """

    def __init__(self, compiled: Compiled, scorer: Scorer, *, seed: int, until: float) -> None:
        self._compiled, self._scorer, self._seed, self._until = compiled, scorer, seed, until
        self._hot, self._cold = temperatures(compiled)
        self._lock = threading.Lock()
        self._began: float | None = None
        self._states: dict[tuple[bool, int], State] = {}
        self._moves: _Moves | None = None

    def prepare(self, roster: Ints) -> None:
        """Compiles the moves, which takes seconds unless another process has left the code behind."""
        # Numba alone takes half a second to import, which runs that never anneal do without.
        from services.scheduling.rostering.moves import EVERYBODY, SHARES, anneal, broken

        kept = tables(self._compiled)
        state = self._state(kept, roster, 0)
        anneal(kept, state, SHARES, 0, 1.0, EVERYBODY)
        broken(kept, state, 0)
        self._moves = _Moves(
            lambda table, state, moves, temperature: anneal(table, state, SHARES, moves, temperature, EVERYBODY),
            broken,
            kept,
            tables(self._compiled, breach(self._compiled)),
        )

    @property
    def ready(self) -> bool:
        """Whether moves are compiled."""
        return self._moves is not None

    def due(self) -> bool:
        """Whether moves are compiled and there is time left for the long cooling."""
        return self.ready and time.monotonic() < self._until

    def warm(self, roster: Ints, draw: random.Random, until: float, stop: Callable[[], bool]) -> Ints:
        """What becomes of a good roster in one short cooling from little heat, which keeps all limits."""
        if self._moves is None:
            raise RuntimeError("the moves are not compiled yet")
        hot, cold = (self._cold * draw.uniform(*between) for between in (_WARM, _COOL))
        state = self._state(self._moves.kept, roster, draw.randrange(2**30))
        began = time.monotonic()
        while not stop() and (now := time.monotonic()) < until:
            temperature = hot * (cold / hot) ** ((now - began) / (until - began))
            self._moves.anneal(self._moves.kept, state, _MOVES, temperature)
        return state.best

    def run(
        self,
        stream: int,
        best: Callable[[], Ints],
        offer: Callable[[dict[int, Ints], str], bool],
        stop: Callable[[], bool],
    ) -> None:
        """Anneals the best roster and offers what becomes of it, until the time for it is over."""
        if self._moves is None:
            raise RuntimeError("the moves are not compiled yet")
        moves = self._moves
        with self._lock:
            began = self._began = self._began or time.monotonic()
        state = self._state(moves.kept, best(), self._seed * 1000 + stream)
        offered = int(state.totals[BEST])
        pause = (self._until - began) / _EXCHANGES
        exchange, temperature, relaxed = began, self._hot, True
        while not stop() and (now := time.monotonic()) < self._until:
            share = (now - began) / (self._until - began)
            temperature = self._hot * (self._cold / self._hot) ** share
            if relaxed and share >= _RELAXED:
                state, relaxed = self._mended(moves, state, best(), temperature), False
            if now >= exchange:
                exchange = now + pause
                if not relaxed:
                    offered = _hand_over(state, offered, best(), offer)
                elif state.totals[VALUE] < _WORTH_MENDING * offered:
                    offered = _hand_over(self._mended(moves, state, best(), temperature), offered, best(), offer)
                state = self._better(relaxed, stream, state)
            moves.anneal(moves.relaxed if relaxed else moves.kept, state, _MOVES, temperature)
        if relaxed:
            state = self._mended(moves, state, best(), temperature)
        _hand_over(state, offered, best(), offer)

    def _state(self, table: Tables, roster: Ints, seed: int) -> State:
        return counted(self._compiled, table, self._scorer, roster, seed)

    def _mended(self, moves: _Moves, state: State, best: Ints, temperature: float) -> State:
        """The roster once it breaks no limit: after more moves, and with the best days for whom they do not suffice."""
        mended = self._state(moves.kept, state.roster, 0)._replace(random=state.random)
        moves.anneal(moves.kept, mended, _MENDING, temperature)
        for person in range(len(best)):
            if moves.broken(moves.kept, mended, person):
                mended.roster[person] = best[person]
        # What is counted so far holds the price of what was broken at first.
        return self._state(moves.kept, mended.roster, 0)._replace(random=state.random)

    def _better(self, relaxed: bool, stream: int, state: State) -> State:
        """The state to go on from: the other thread's as it was lately if that is better, with own chances."""
        with self._lock:
            self._states[relaxed, stream] = state.copy()
            alike = [other for (bent, _), other in self._states.items() if bent is relaxed]
            found = min(alike, key=lambda other: int(other.totals[VALUE]))
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


def breach(compiled: Compiled) -> Breach:
    """What breaking a limit costs while it is relaxed; where no shift is worth anything all are kept."""
    worth = worth_of_a_shift(compiled)
    return Breach(math.ceil(_WEEKEND_SHARE * worth), math.ceil(_RUN_SHARE * worth)) if worth else Breach()
