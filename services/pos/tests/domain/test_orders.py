"""How orders move on, and which day they belong to."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.zones import day_of
from services.pos.domain import orders

STATUSES = ("PENDING", "CONFIRMED", "PREPARING", "READY", "SERVED", "COMPLETED", "CANCELLED")
LINES = ("PENDING", "PREPARING", "READY", "SERVED", "CANCELLED")


@pytest.mark.parametrize("wanted", STATUSES)
def test_what_is_closed_stays_closed(wanted: str) -> None:
    assert not orders.may_become("COMPLETED", wanted)
    assert not orders.may_become("CANCELLED", wanted)


def test_what_was_served_can_only_be_paid() -> None:
    assert [wanted for wanted in STATUSES if orders.may_become("SERVED", wanted)] == ["COMPLETED"]


@given(st.sampled_from(STATUSES), st.lists(st.sampled_from(LINES), max_size=6))
def test_lines_never_close_or_reopen_an_order(status: str, lines: list[str]) -> None:
    followed = orders.status_of_lines(status, lines)
    assert (followed in orders.FINAL) == (status in orders.FINAL)
    assert followed == status or followed in ("PREPARING", "READY", "SERVED")


@pytest.mark.parametrize(
    ("status", "lines", "expected"),
    [
        ("PENDING", ["READY", "PENDING"], "PREPARING"),
        ("PREPARING", ["READY", "CANCELLED"], "READY"),
        ("READY", ["READY", "PENDING"], "PREPARING"),
        ("READY", ["SERVED", "SERVED"], "SERVED"),
        ("CONFIRMED", ["PENDING"], "CONFIRMED"),
        ("PENDING", ["CANCELLED"], "PENDING"),
    ],
)
def test_an_order_follows_its_lines(status: str, lines: list[str], expected: str) -> None:
    assert orders.status_of_lines(status, lines) == expected


@given(
    st.datetimes(timezones=st.just(UTC)).map(lambda instant: instant.replace(year=2020 + instant.year % 10, day=15)),
    st.sampled_from(("Africa/Casablanca", "Europe/Paris", "America/New_York", "UTC")),
    st.sampled_from((time(0), time(4), time(6, 30))),
)
def test_days_follow_each_other_without_a_gap_or_a_step_back(instant: datetime, zone: str, starts: time) -> None:
    here = ZoneInfo(zone)
    day, next_day = (day_of(moment, here, starts) for moment in (instant, instant + timedelta(days=1)))
    assert timedelta(0) <= next_day - day <= timedelta(days=2)
    assert abs(instant.astimezone(here).date() - day) <= timedelta(days=1)


def test_the_night_belongs_to_the_evening_before() -> None:
    paris = ZoneInfo("Europe/Paris")
    late = datetime(2026, 11, 22, 1, 30, tzinfo=paris)
    assert day_of(late, paris, time(4)) == date(2026, 11, 21)
    assert day_of(late, paris, time(0)) == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "phone"),
    [("+212 (6) 12-34.56 78", "+212612345678"), ("0612345678", "0612345678"), ("12345", None), ("call me", None)],
)
def test_phones_are_kept_plain(text: str, phone: str | None) -> None:
    assert orders.phone_of(text) == phone
