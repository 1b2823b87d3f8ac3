"""What a restaurant's own sales say about the days to come, by quarter of an hour, and how wrong that tends to be.

The floor is the seasonal naive method with trend: a quarter of an hour sells what it sold a week ago, scaled by how the
last weeks have grown. A smoothed weekly profile takes over where it errs less on weeks held back. Without two weeks of
history a profile of the kind of restaurant is spread over the opening hours, and no error can be stated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from services.scheduling.rostering.model import DAY, WEEK, IntervalDemand

QUARTER = 15
QUARTERS = DAY // QUARTER
Sales = NDArray[np.float64]


class Method(StrEnum):
    """How a forecast was made."""

    SEASONAL_NAIVE = "seasonal_naive_with_trend"
    SMOOTHED_PROFILE = "smoothed_weekly_profile"
    KIND_PROFILE = "profile_of_kind"


class Kind(StrEnum):
    """Kinds of restaurant whose days look different."""

    CAFE = "cafe"
    FAST_FOOD = "fast_food"
    CASUAL = "casual"
    FINE_DINING = "fine_dining"
    BAR = "bar"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Sales by day and quarter of an hour, and 1 where the restaurant is open.

    `error` is the mean absolute error on weeks held back as a share of what they sold; None without enough history.
    `compared` has it for each method that was tried.
    """

    sales: Sales
    open: Sales
    method: Method
    error: float | None
    compared: dict[Method, float]


@dataclass(frozen=True, slots=True)
class Staffing:
    """How many people of a role sales ask for: one for each `per_person` an hour, between least and most when open."""

    role: str
    per_person: float
    least: int = 1
    most: int = 50


# Hour of the busiest times, how long they last (standard deviation in hours), and their share.
_PEAKS: dict[Kind, tuple[tuple[float, float, float], ...]] = {
    Kind.CAFE: ((8.5, 1.5, 0.5), (12.5, 1.5, 0.3), (16.0, 1.5, 0.2)),
    Kind.FAST_FOOD: ((12.75, 1.2, 0.5), (18.75, 1.5, 0.5)),
    Kind.CASUAL: ((12.75, 1.2, 0.4), (19.5, 1.5, 0.6)),
    Kind.FINE_DINING: ((13.0, 0.9, 0.2), (20.25, 1.3, 0.8)),
    Kind.BAR: ((18.5, 1.5, 0.3), (22.0, 2.0, 0.7)),
}
# Monday to Sunday, one on average.
_WEEKDAYS: dict[Kind, tuple[float, ...]] = {
    Kind.CAFE: (0.95, 0.95, 0.97, 0.98, 1.05, 1.1, 1.0),
    Kind.FAST_FOOD: (0.88, 0.88, 0.92, 0.96, 1.14, 1.18, 1.04),
    Kind.CASUAL: (0.75, 0.8, 0.88, 0.97, 1.25, 1.35, 1.0),
    Kind.FINE_DINING: (0.55, 0.75, 0.9, 1.05, 1.4, 1.5, 0.85),
    Kind.BAR: (0.55, 0.65, 0.8, 1.0, 1.55, 1.6, 0.85),
}
# What the levels of demand that a manager can ask for do to sales.
LEVELS = {"LOW": 0.8, "MEDIUM": 1.0, "HIGH": 1.25}
_SMOOTHING = 0.35
_HELD_BACK = 4


def forecast(
    history: Sequence[Sequence[float]],
    days: int,
    *,
    first_weekday: int,
    hours: Mapping[int, Sequence[tuple[int, int]]],
    kind: Kind = Kind.CASUAL,
    daily_sales: float = 1_000.0,
) -> Forecast:
    """The days that follow the history.

    `history` has a list of 96 quarter-hours for each day, without gaps, up to the day before; `first_weekday` is
    that of the first day forecast; `hours` are opening hours by weekday in minutes, `daily_sales` an average
    day's guess where there is no history. Raises ValueError when a day of the history does not have 96 numbers that
    are not negative.
    """
    past = np.array(history, dtype=np.float64) if len(history) else np.zeros((0, QUARTERS))
    if past.shape[1:] != (QUARTERS,) or not np.isfinite(past).all() or (past < 0).any():
        raise ValueError("a day of the history has 96 quarter-hours that are not negative")
    open_ = np.array([_open_quarters(hours, (first_weekday + day) % WEEK) for day in range(days)]).reshape(
        days, QUARTERS
    )
    if len(past) < 2 * WEEK:
        sales = np.array([_profile(kind, (first_weekday + day) % WEEK, open_[day], daily_sales) for day in range(days)])
        return Forecast(sales.reshape(days, QUARTERS), open_, Method.KIND_PROFILE, None, {})
    errors = back_test(past)
    method = min(errors, key=lambda m: (errors[m], m is not Method.SEASONAL_NAIVE)) if errors else Method.SEASONAL_NAIVE
    return Forecast(_METHODS[method](past, days) * open_, open_, method, errors.get(method), errors)


def back_test(past: Sales) -> dict[Method, float]:
    """Each method's error on the last weeks, forecasting each from what came before it; empty below three weeks."""
    origins = [len(past) - week * WEEK for week in range(1, _HELD_BACK + 1) if len(past) - week * WEEK >= 2 * WEEK]
    if not origins:
        return {}
    errors = {}
    for method, predict in _METHODS.items():
        wrong = sold = 0.0
        for origin in origins:
            actual = past[origin : origin + WEEK]
            wrong += float(np.abs(predict(past[:origin], WEEK) - actual).sum())
            sold += float(actual.sum())
        errors[method] = round(wrong / sold, 4) if sold else 0.0
    return errors


def _trend(past: Sales) -> float:
    """Growth by week over the last weeks, damped: what sales were multiplied by from one week to the next."""
    weeks = min(len(past) // WEEK, 8)
    totals = past[len(past) - weeks * WEEK :].reshape(weeks, -1).sum(axis=1)
    half = weeks // 2
    before, after = float(totals[:half].mean()), float(totals[-half:].mean())
    if before <= 0 or after <= 0:
        return 1.0
    # Half of the weeks lie between the middles of the two halves.
    growth = math.exp(math.log(after / before) / (weeks - half))
    return min(1.1, max(0.9, growth))


def _seasonal_naive(past: Sales, days: int) -> Sales:
    growth = _trend(past)
    week = past[-WEEK:]
    return np.array([week[day % WEEK] * growth ** (day // WEEK + 1) for day in range(days)])


def _smoothed_profile(past: Sales, days: int) -> Sales:
    growth = _trend(past)
    weeks = past[len(past) % WEEK :].reshape(-1, WEEK, QUARTERS)
    level = weeks[0]
    for week in weeks[1:]:
        # Carried forward by the trend first, so that growth does not leave the average behind.
        level = (1 - _SMOOTHING) * level * growth + _SMOOTHING * week
    return np.array([level[day % WEEK] * growth ** (day // WEEK + 1) for day in range(days)])


_METHODS: dict[Method, Callable[[Sales, int], Sales]] = {
    Method.SEASONAL_NAIVE: _seasonal_naive,
    Method.SMOOTHED_PROFILE: _smoothed_profile,
}


def _open_quarters(hours: Mapping[int, Sequence[tuple[int, int]]], weekday: int) -> Sales:
    """1 for the quarters of a day in which the restaurant is open; hours past midnight reach into the next day."""
    starts = np.arange(QUARTERS) * QUARTER
    is_open = np.zeros(QUARTERS, dtype=bool)
    for begin, end in hours.get(weekday, ()):
        is_open |= (starts >= begin) & (starts < end)
    for begin, end in hours.get((weekday - 1) % WEEK, ()):
        is_open |= (starts + DAY >= begin) & (starts + DAY < end)
    return is_open.astype(np.float64)


def _profile(kind: Kind, weekday: int, is_open: Sales, daily_sales: float) -> Sales:
    times = np.arange(QUARTERS) * QUARTER / 60 + QUARTER / 120
    shape = np.full(QUARTERS, 0.02)
    for hour, spread, share in _PEAKS[kind]:
        shape += share * np.exp(-0.5 * ((times - hour) / spread) ** 2) / spread
    shape *= is_open
    total = float(shape.sum())
    return shape / total * daily_sales * _WEEKDAYS[kind][weekday] if total else shape


def demand(
    expected: Forecast,
    staffing: Sequence[Staffing],
    *,
    level: float = 1.0,
    under: int = 100,
    over: int = 10,
) -> tuple[IntervalDemand, ...]:
    """The people that forecast sales ask for; `level` scales the sales first. Raises ValueError below 0."""
    if not level >= 0:
        raise ValueError("a demand level is not negative")
    found = []
    for day, sales in enumerate(expected.sales):
        for quarter in np.flatnonzero(expected.open[day]).tolist():
            hourly = float(sales[quarter]) * level * (60 / QUARTER)
            for role in staffing:
                need = min(role.most, max(role.least, math.ceil(hourly / role.per_person - 1e-9)))
                found.append(IntervalDemand(role.role, day * DAY + quarter * QUARTER, QUARTER, need, under, over))
    return tuple(found)


def day_begins(wanted: Sequence[IntervalDemand]) -> int:
    """The minute at which a day of work begins: after the longest time of day in which nobody is ever needed."""
    busy = sorted({need.start % DAY for need in wanted if need.need})
    gaps = [(begin - end) % DAY or DAY for end, begin in zip([busy[-1], *busy], busy, strict=False)] if busy else []
    return busy[max(range(len(busy)), key=lambda n: gaps[n])] if busy and max(gaps) > QUARTER else 0
