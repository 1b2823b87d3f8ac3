"""Quiet hours: never woken, never forgotten, in any zone and through every change of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.quiet import next_moment

ZONES = ("Africa/Casablanca", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
moments = st.integers(0, 6 * 365 * 86_400).map(lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(0, seconds))
zones = st.sampled_from(ZONES).map(ZoneInfo)
times = st.times().map(lambda moment: moment.replace(microsecond=0))


def is_quiet(moment: datetime, start: time, end: time, zone: ZoneInfo) -> bool:
    wall = moment.astimezone(zone).time()
    return start <= wall < end if start < end else (wall >= start or wall < end)


@given(moments, times, times, zones)
def test_what_waits_is_sent_outside_the_quiet_hours_and_within_a_day(
    now: datetime, start: time, end: time, zone: ZoneInfo
) -> None:
    later = next_moment(now, start, end, zone)
    assert now <= later <= now + timedelta(hours=26)
    if start == end or not is_quiet(now, start, end, zone):
        assert later == now
    else:
        assert later > now
        assert not is_quiet(later, start, end, zone)


@given(moments, zones)
def test_without_quiet_hours_nothing_waits(now: datetime, zone: ZoneInfo) -> None:
    assert next_moment(now, None, None, zone) == next_moment(now, time(22), None, zone) == now


def test_through_the_change_of_the_clocks() -> None:
    new_york = ZoneInfo("America/New_York")
    spring = next_moment(datetime(2027, 3, 14, 6, tzinfo=UTC), time(22), time(2, 30), new_york)
    assert spring == datetime(2027, 3, 14, 7, 30, tzinfo=UTC)
    autumn = next_moment(datetime(2027, 11, 7, 5, 10, tzinfo=UTC), time(22), time(1, 30), new_york)
    assert autumn == datetime(2027, 11, 7, 6, 30, tzinfo=UTC)
