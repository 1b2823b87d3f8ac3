"""Prices of demand at which known rows compete: the Lagrangian dual of their linear program, smoothed and climbed.

Each person takes their cheapest row at the prices; smoothed, they take rows with shares that fall with what they cost
beyond that, by a temperature called heat. What demand lacks then is the slope of the dual, and accelerated steps along
it (as in Nesterov's method, begun anew where they lead down) reach the top in a few dozen evaluations, where a simplex
method needs thousands of degenerate pivots. Prices at the top lie in the midst of those that are optimal, which brings
in useful rows sooner than the extreme ones of a simplex method.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from services.scheduling.rostering.compiled import Ints
from services.scheduling.rostering.machine_code import compiled
from services.scheduling.rostering.walk import Floats

_part = compiled(_nrt=False, forceinline=True)
# Shares that are smaller than exp of minus this are none.
_NEGLIGIBLE = 40.0
# The step grows by so much after each step that led up far enough, so that it can recover from a short one.
_LONGER = 1.1
# So many steps are made between two looks at the slope.
_LOOK = 10


class Market(NamedTuple):
    """Rows of people and what they cover: `amount` of each `entry`, with all rows of a person together.

    A unit of demand that lacks costs `high`, a unit too much costs minus `low`: between these lies its price.
    """

    need: Floats
    low: Floats
    high: Floats
    cost: Floats
    person_from: Ints
    entry_from: Ints
    entry: Ints
    amount: Floats


class Place(NamedTuple):
    """Prices, the share of each row at them, what demand lacks (less than nothing: has too much), and the last step."""

    prices: Floats
    shares: Floats
    lack: Floats
    step: float


@_part
def _value(market: Market, prices: Floats, heat: float, shares: Floats, lack: Floats) -> float:
    """The smoothed dual at prices; writes shares and what lacks."""
    total = 0.0
    for row in range(prices.shape[0]):
        lack[row] = market.need[row]
        total += prices[row] * market.need[row]
    for person in range(market.person_from.shape[0] - 1):
        begin, finish = market.person_from[person], market.person_from[person + 1]
        least = np.inf
        for column in range(begin, finish):
            reduced = market.cost[column]
            for place in range(market.entry_from[column], market.entry_from[column + 1]):
                reduced -= prices[market.entry[place]] * market.amount[place]
            shares[column] = reduced
            least = min(least, reduced)
        whole = 0.0
        for column in range(begin, finish):
            beyond = (shares[column] - least) / heat
            shares[column] = np.exp(-beyond) if beyond < _NEGLIGIBLE else 0.0
            whole += shares[column]
        total += least - heat * np.log(whole)
        for column in range(begin, finish):
            share = shares[column] / whole
            shares[column] = share
            if share > 0.0:
                for place in range(market.entry_from[column], market.entry_from[column + 1]):
                    lack[market.entry[place]] -= share * market.amount[place]
    return total


@compiled(_nrt=False)
def _climb(
    market: Market, heat: float, steps: int, step: float, tolerance: float, room: Floats, shares: Floats, lack: Floats
) -> Any:
    """Leaves the prices reached in the first row of `room`; returns the last step.

    `lack` has a row for the prices that were reached last, and one for those that are tried.
    """
    best, ahead, tried = room[0], room[1], room[2]
    rows = best.shape[0]
    low, high = market.low, market.high
    momentum = 1.0
    for row in range(rows):
        ahead[row] = best[row]
    value = _value(market, ahead, heat, shares, lack[0])
    for turn in range(steps):
        while True:
            rise, square = 0.0, 0.0
            for row in range(rows):
                tried[row] = min(max(ahead[row] + step * lack[0, row], low[row]), high[row])
                change = tried[row] - ahead[row]
                rise += change * lack[0, row]
                square += change * change
            if square == 0.0:
                break
            found = _value(market, tried, heat, shares, lack[1])
            if found >= value + rise - square / (2.0 * step) - 1e-9 * abs(value):
                break
            step *= 0.5
        along = 0.0
        for row in range(rows):
            along += (tried[row] - ahead[row]) * (tried[row] - best[row])
        if along < 0.0:
            momentum = 1.0
        after = (1.0 + np.sqrt(1.0 + 4.0 * momentum * momentum)) / 2.0
        push = (momentum - 1.0) / after
        momentum = after
        for row in range(rows):
            ahead[row] = min(max(tried[row] + push * (tried[row] - best[row]), low[row]), high[row])
            best[row] = tried[row]
        if square == 0.0:
            break
        value = _value(market, ahead, heat, shares, lack[0])
        step *= _LONGER
        if turn % _LOOK == _LOOK - 1:
            slope = 0.0
            for row in range(rows):
                slope += abs(min(max(ahead[row] + lack[0, row], low[row]), high[row]) - ahead[row])
            if slope < tolerance:
                break
    _value(market, best, heat, shares, lack[0])
    return step


def climb(market: Market, prices: Floats, heat: float, *, steps: int, step: float, tolerance: float) -> Place:
    """Climbs from prices until no more than a tolerance lacks, or is too much, where prices could still follow."""
    rows = len(prices)
    room, shares, lack = np.zeros((3, rows)), np.zeros(len(market.cost)), np.zeros((2, rows))
    room[0] = np.clip(prices, market.low, market.high)
    step = _climb(market, heat, steps, step, tolerance, room, shares, lack)
    return Place(room[0].copy(), shares, lack[0].copy(), float(step))


def prepare() -> None:
    """Compiles the code, which takes seconds unless another process has left it behind."""
    one, none = np.ones(1), np.zeros(1, dtype=np.int64)
    market = Market(one, -one, one, one, np.array([0, 1]), np.array([0, 1]), none, one)
    climb(market, one, 1.0, steps=1, step=1.0, tolerance=1.0)


def ready() -> bool:
    """Whether the code is compiled."""
    return bool(_climb.signatures)  # type: ignore[attr-defined] # numba's wrapper has them
