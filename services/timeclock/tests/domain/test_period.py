"""Days are the restaurant's, whatever its zone and season."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.timeclock.domain.period import period_end, period_start

ZONES = [ZoneInfo(name) for name in ("Africa/Casablanca", "Europe/Paris", "America/New_York", "Australia/Lord_Howe")]
DAYS = st.dates(date(2000, 1, 1), date(2040, 12, 31))
MOMENTS = st.builds(datetime.combine, DAYS, st.times(), st.sampled_from(ZONES))


@given(DAYS, st.sampled_from(ZONES))
def test_days_follow_each_other_without_gap_or_overlap(day: date, zone: ZoneInfo) -> None:
    following = (day + timedelta(days=1)).isoformat()
    assert period_end(day.isoformat(), zone) == period_start(following, zone)
    length = period_end(day.isoformat(), zone) - period_start(day.isoformat(), zone)
    assert timedelta(hours=22) <= length <= timedelta(hours=26)


@given(MOMENTS, st.sampled_from(ZONES))
def test_every_instant_lies_within_its_own_day(instant: datetime, zone: ZoneInfo) -> None:
    day = instant.astimezone(zone).date().isoformat()
    assert period_start(day, zone) <= instant < period_end(day, zone)


@given(MOMENTS)
def test_an_instant_is_itself_and_included(instant: datetime) -> None:
    text = instant.isoformat()
    assert period_start(text, UTC) == instant.astimezone(UTC)
    assert period_start(text, UTC) < period_end(text, UTC)


def test_an_instant_without_an_offset_is_the_restaurants() -> None:
    assert period_start("2026-07-01T09:30:00", ZoneInfo("Europe/Paris")) == datetime(2026, 7, 1, 7, 30, tzinfo=UTC)


def test_the_javascript_form_is_understood() -> None:
    assert period_start("2026-07-01T09:30:00.000Z", ZONES[1]) == datetime(2026, 7, 1, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-02-30", "2026-13-01T00:00:00", "12:30", " ", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_neither_is_refused(text: str) -> None:
    for meaning in (period_start, period_end):
        with pytest.raises(ValueError, match=r"Invalid|must be|out of range|beyond"):
            meaning(text, UTC)


def test_the_last_day_of_the_calendar_has_no_end() -> None:
    with pytest.raises(ValueError, match="beyond the calendar"):
        period_end("9999-12-31", UTC)
