"""Who is needed when, out of templates, opening hours and sales."""

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain.staffing import (
    alike,
    canonical,
    in_department,
    opening_hours,
    scaled,
    staffing,
    without_planned,
)
from services.scheduling.rostering.forecast import Kind, day_begins, demand, forecast
from services.scheduling.rostering.model import DAY, IntervalDemand

FORTY_FOUR = timedelta(hours=44)


def test_departments_and_roles_that_do_the_same_work() -> None:
    assert in_department("CHEF", "Kitchen")
    assert not in_department("WAITER", "kitchen")
    assert in_department("MANAGER", "all")
    assert not in_department("MANAGER", "service")
    assert canonical("WAITRESS") == canonical("SERVER") == "WAITER"
    assert "WAITER" in alike("WAITRESS")
    assert alike("SECURITY") == {"SECURITY"}


def test_levels_scale_and_never_to_nobody() -> None:
    assert [scaled(4, level) for level in ("LOW", "MEDIUM", "HIGH", None)] == [3, 4, 5, 4]
    assert (scaled(1, "LOW"), scaled(0, "HIGH")) == (1, 0)


def test_opening_hours_are_read_as_the_settings_write_them() -> None:
    hours = opening_hours(
        {
            "Monday": {"open": "10:00", "close": "02:00", "isClosed": False},
            "tuesday": {"open": "10:00", "close": "22:30"},
            "Wednesday": {"open": "10:00", "close": "22:00", "isClosed": True},
            "Thursday": {"open": "soon", "close": "22:00"},
        }
    )
    assert hours == {0: [(600, 26 * 60)], 1: [(600, 22 * 60 + 30)]}
    assert set(opening_hours({})) == set(range(7))


@given(st.integers(1, 30), st.integers(0, 6))
def test_a_profile_never_asks_for_more_people_than_there_are(people: int, weekday: int) -> None:
    expected = forecast([], 7, first_weekday=weekday, hours=opening_hours({}), kind=Kind.CASUAL)
    needs = staffing(expected, ["WAITER"] * people + ["MANAGER"], FORTY_FOUR)
    assert [need.role for need in needs] == ["WAITER"]
    wanted = demand(expected, needs)
    assert all(0 <= need.need <= people for need in wanted)
    # People have time for what is asked of them, and are asked for at least half of it.
    hours = sum(need.need * need.minutes for need in wanted) / 60
    assert hours <= max(people * 44, float(expected.open.sum()) / 4)
    if people > 3:
        assert hours >= people * 44 * 0.35


def test_what_the_restaurant_planned_tells_how_much_one_person_serves() -> None:
    history = [[10.0 if 48 <= quarter < 60 else 0.0 for quarter in range(96)] for _ in range(28)]
    expected = forecast(history, 7, first_weekday=0, hours=opening_hours({}))
    (need,) = staffing(expected, ["WAITER"] * 6, FORTY_FOUR, sold=28 * 120.0, planned={"WAITER": 28 * 6.0})
    assert need.per_person == 20.0
    assert max(n.need for n in demand(expected, [need])) == 2


def test_demand_is_less_where_somebody_is_planned() -> None:
    wanted = [IntervalDemand("WAITER", 600 + 15 * n, 15, 2) for n in range(4)]
    left = without_planned(wanted, [("WAITRESS", 600, 630), ("CHEF", 600, 660), ("WAITER", 615, 640)])
    assert [need.need for need in left] == [1, 0, 2, 2]


@given(st.integers(0, 95), st.integers(1, 96))
def test_a_day_of_work_begins_after_the_longest_quiet_time(first: int, length: int) -> None:
    wanted = [IntervalDemand("WAITER", (first + n) % 96 * 15, 15, 1) for n in range(length)]
    assert day_begins(wanted) == (first * 15 if length < 96 else 0)
    assert np.all([0 <= day_begins(wanted) < DAY])
