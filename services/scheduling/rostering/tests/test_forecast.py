"""The forecast follows season and trend, says how wrong it was, and has something to say without history."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.rostering.forecast import (
    LEVELS,
    QUARTERS,
    Kind,
    Method,
    Staffing,
    back_test,
    demand,
    forecast,
)

HOURS = dict.fromkeys(range(7), ((660, 1320),))


def history(weeks: int, growth: float = 1.0, noise: float = 0.0) -> np.ndarray:
    draw = np.random.default_rng(5)
    day = np.zeros(QUARTERS)
    day[44:88] = 20 + 10 * np.sin(np.arange(44) / 7)
    scale = np.array([0.7, 0.8, 0.9, 1.0, 1.3, 1.5, 1.1])
    rows = [day * scale[n % 7] * growth ** (n // 7) for n in range(weeks * 7)]
    return np.array(rows) * (1 + noise * draw.uniform(-1, 1, (weeks * 7, QUARTERS)))


def test_a_season_with_trend_is_continued() -> None:
    past = history(8, growth=1.03)
    found = forecast(past.tolist(), 7, first_weekday=0, hours=HOURS)
    assert found.error is not None
    assert found.error < 0.01
    np.testing.assert_allclose(found.sales, history(9, growth=1.03)[-7:], rtol=0.02)


def test_the_smoother_method_wins_where_weeks_are_noisy_and_the_error_is_its_own() -> None:
    past = history(10, noise=0.6)
    errors = back_test(past)
    found = forecast(past.tolist(), 7, first_weekday=0, hours=HOURS)
    assert errors[Method.SMOOTHED_PROFILE] < errors[Method.SEASONAL_NAIVE]
    assert found.method is Method.SMOOTHED_PROFILE
    assert found.error == errors[found.method]
    assert 0.05 < found.error < 0.6


def test_without_history_the_profile_of_the_kind_fills_the_opening_hours() -> None:
    found = forecast([], 14, first_weekday=3, hours=HOURS, kind=Kind.FINE_DINING, daily_sales=2_000)
    assert found.method is Method.KIND_PROFILE
    assert found.error is None
    assert found.sales[:, :44].sum() == 0
    assert found.sales.sum() == pytest.approx(28_000)
    evening = found.sales[:, 76:88].sum()
    assert evening > found.sales[:, 44:60].sum()
    assert found.sales[2].sum() > found.sales[4].sum()


@given(kind=st.sampled_from(list(Kind)), level=st.sampled_from(sorted(LEVELS.values())))
def test_a_level_of_demand_scales_the_people_asked_for(kind: Kind, level: float) -> None:
    expected = forecast([], 7, first_weekday=0, hours=HOURS, kind=kind, daily_sales=5_000)
    staffing = [Staffing("waiter", 60, least=1, most=9)]
    plain = demand(expected, staffing)
    scaled = demand(expected, staffing, level=level)
    assert len(plain) == len(scaled) == 7 * 44
    assert all(1 <= interval.need <= 9 for interval in scaled)
    assert all((b.need >= a.need) if level >= 1 else (b.need <= a.need) for a, b in zip(plain, scaled, strict=True))


def test_hours_past_midnight_belong_to_the_night_before() -> None:
    found = forecast([], 2, first_weekday=0, hours={0: ((1080, 1560),)}, kind=Kind.BAR)
    assert np.flatnonzero(found.open[1]).tolist() == list(range(8))
    assert found.open[0, 72:].all()


@pytest.mark.parametrize("past", [[[1.0] * 95] * 20, [[-1.0] + [1.0] * 95] * 20, [[float("nan")] * 96] * 20])
def test_a_malformed_history_is_refused(past: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="96 quarter-hours"):
        forecast(past, 7, first_weekday=0, hours=HOURS)


def test_a_negative_level_is_refused() -> None:
    expected = forecast([], 1, first_weekday=0, hours=HOURS)
    with pytest.raises(ValueError, match="not negative"):
        demand(expected, [Staffing("waiter", 60)], level=-1)
