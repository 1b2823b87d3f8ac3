"""Instants, days and their place in messages."""

from datetime import UTC, date, datetime, timedelta, timezone

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from servicekit.clock import local_date, timestamp_of


def test_the_day_is_that_of_the_zone() -> None:
    assert local_date(datetime(2024, 6, 30, 23, 30, tzinfo=UTC), "Africa/Casablanca") == date(2024, 7, 1)


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - a zone is added
def test_a_timestamp_is_what_protobuf_makes_of_the_instant(naive: datetime, offset: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    expected = Timestamp()
    expected.FromDatetime(moment)
    assert timestamp_of(moment) == expected


def test_no_instant_is_no_timestamp() -> None:
    assert timestamp_of(None) is None
