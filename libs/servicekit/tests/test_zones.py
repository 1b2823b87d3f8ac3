"""Every clock is read from one database of time zones."""

import zoneinfo
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from servicekit.testing.stack import FreshDatabase
from servicekit.zones import beginning_of, day_of, local_instant, local_time, offset_parameters

# With summer and without, with changes at midnight, with parts of hours, with a Ramadan in between, with a day less.
ZONES = (
    "UTC",
    "Africa/Casablanca",
    "Europe/Paris",
    "America/New_York",
    "Africa/Cairo",
    "America/Havana",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
)
SECOND = timedelta(seconds=1)
FIRST = datetime(1995, 1, 1, tzinfo=UTC)
CLOCK = f"SELECT {local_time('instant')} FROM unnest(CAST(:asked AS timestamptz[])) AS instant"  # noqa: S608 - fixed
instants = st.integers(0, 40 * 365 * 86_400).map(lambda seconds: FIRST + seconds * SECOND)


def test_what_the_machine_has_is_not_read():
    assert zoneinfo.TZPATH == ()
    # Since the autumn of 2026 Morocco's clocks show UTC; older databases put them an hour ahead.
    assert datetime(2026, 12, 1, 12, tzinfo=UTC).astimezone(ZoneInfo("Africa/Casablanca")).hour == 12


@given(st.sampled_from(ZONES), st.tuples(instants, instants, instants))
def test_the_offset_of_every_instant_is_known(key, three):
    since, instant, until = sorted(three)
    zone = ZoneInfo(key)
    found = offset_parameters(zone, since, until)
    offset = found["offsets"][bisect_right(found["changes"], instant)]
    assert offset == instant.astimezone(zone).utcoffset()
    assert all(one != after for one, after in zip(found["offsets"], found["offsets"][1:], strict=False))


@pytest.mark.parametrize("key", ZONES)
def test_postgresql_reads_the_same_clock(key: str, fresh_database: FreshDatabase) -> None:
    zone = ZoneInfo(key)
    since, until = datetime(2011, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    parameters = offset_parameters(zone, since, until)
    asked = [since, until, *(change + step * SECOND for change in parameters["changes"] for step in (-1, 0, 1))]
    url = fresh_database("clock", lambda *_: []).app_dsn
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        shown = connection.execute(sa.text(CLOCK), {**parameters, "asked": asked}).scalars().all()
    engine.dispose()
    assert shown == [instant.astimezone(zone).replace(tzinfo=None) for instant in asked]


@given(st.sampled_from(ZONES), st.dates(date(1995, 1, 1), date(2035, 1, 1)))
def test_days_follow_one_another(key, day):
    zone = ZoneInfo(key)
    begins, ends = beginning_of(day, zone), beginning_of(day + timedelta(days=1), zone)
    if (key, day) == ("Pacific/Apia", date(2011, 12, 30)):  # Samoa left it out.
        assert begins == ends
    else:
        assert (begins - SECOND).astimezone(zone).date() < begins.astimezone(zone).date() == day
        assert begins < ends


@given(st.sampled_from(ZONES), st.dates(date(1995, 1, 1), date(2035, 1, 1)), st.times())
def test_a_skipped_time_is_the_moment_of_the_jump(key, day, at):
    zone, wall = ZoneInfo(key), datetime.combine(day, at)
    instant = local_instant(day, at, zone)
    shown = instant.astimezone(zone).replace(tzinfo=None)
    if shown != wall:
        assert (instant - SECOND).astimezone(zone).replace(tzinfo=None) < wall < shown


@given(st.sampled_from(ZONES), st.dates(date(1995, 1, 1), date(2035, 1, 1)), st.times(max_value=time(12)))
def test_each_instant_belongs_to_the_day_that_began_last(key, day, starts_at):
    zone = ZoneInfo(key)
    begins, ends = (beginning_of(day + timedelta(days=more), zone, starts_at) for more in (0, 1))
    assert day_of(begins - SECOND / 1000, zone, starts_at) < day
    if begins < ends:
        inside = (begins, begins + (ends - begins) / 2, ends - SECOND / 1000)
        assert {day_of(instant, zone, starts_at) for instant in inside} == {day}


def test_a_day_begins_once_where_the_clock_shows_its_beginning_twice_or_never():
    paris, half_past_two = ZoneInfo("Europe/Paris"), time(2, 30)
    again = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert day_of(again, paris, half_past_two) == date(2026, 10, 25)
    jump = datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert beginning_of(date(2027, 3, 28), paris, half_past_two) == jump
    assert day_of(jump, paris, half_past_two) == date(2027, 3, 28)
