"""Packs hold what the law says; hours are counted once, through changes of the clocks too."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labour import PACKS, Period, by_day, hours, intersection, net_hours, policy_on, rest_between, rules_on, total

ZONES = [ZoneInfo(name) for name in ("Africa/Casablanca", "Europe/Paris", "America/New_York", "Australia/Lord_Howe")]
starts = st.integers(0, 700 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
lengths = st.timedeltas(timedelta(minutes=1), timedelta(hours=60))
periods = st.builds(lambda start, length: Period(start, start + length), starts, lengths)


def test_morocco_has_its_code() -> None:
    rules = rules_on("MA", date(2026, 11, 23))
    assert rules.normal_week.value == timedelta(hours=44)
    assert str(rules.normal_week.citation) == "Morocco, Labour Code (Law 65-99), article 184"
    assert rules.overtime is not None
    assert rules.overtime.value.by_night == Decimal("1.50")


def test_a_place_without_a_pack_has_the_generic_one() -> None:
    assert rules_on("XX", date(2026, 1, 1)) == PACKS["ZZ"].versions[0]


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_each_day_has_exactly_one_version(day: date) -> None:
    for pack in PACKS.values():
        holding = [rules for rules in pack.versions if rules.in_force(day)]
        assert len(holding) <= 1
        assert pack.on(day) in pack.versions


def test_own_limits_go_before_those_of_the_place() -> None:
    day = date(2026, 11, 23)
    own = policy_on(day, "Africa/Casablanca", max_weekly_hours=Decimal(40), min_rest_hours=Decimal("9.5"))
    assert (own.weekly_limit, own.rest_between_days) == (timedelta(hours=40), timedelta(hours=9.5))
    assert own.source_of("weekly_limit") == "the restaurant's settings"
    placed = policy_on(day, "Europe/Paris")
    assert placed.weekly_limit == timedelta(hours=48)
    assert placed.source_of("rest_between_days") == "Directive 2003/88/EC, article 3"


@given(periods, st.sampled_from(ZONES))
def test_days_take_a_period_apart_without_loss(period: Period, zone: ZoneInfo) -> None:
    pieces = list(by_day(period, zone))
    assert sum((piece.length for _, piece in pieces), timedelta()) == period.length
    assert [piece.start for _, piece in pieces[1:]] == [piece.end for _, piece in pieces[:-1]]
    assert len({day for day, _ in pieces}) == len(pieces)
    assert all(piece.start.astimezone(zone).date() == day for day, piece in pieces)


@given(st.lists(periods, max_size=8))
def test_no_hour_is_counted_twice(several: list[Period]) -> None:
    covered = total(several)
    assert covered <= sum((period.length for period in several), timedelta())
    assert covered == total([*several, *several])
    assert all(covered >= period.length for period in several)


@given(periods, periods)
def test_overlap_is_mutual_and_excludes_rest(one: Period, other: Period) -> None:
    common = intersection(one, other)
    assert one.overlaps(other) == other.overlaps(one) == (common is not None)
    if common is not None:
        assert rest_between(one, other) == timedelta()
        assert one.contains(common)
        assert other.contains(common)


def test_a_night_in_which_clocks_change_has_the_hours_that_pass() -> None:
    paris = ZoneInfo("Europe/Paris")
    spring = Period(datetime(2027, 3, 27, 22, tzinfo=paris), datetime(2027, 3, 28, 6, tzinfo=paris))
    autumn = Period(datetime(2026, 10, 24, 22, tzinfo=paris), datetime(2026, 10, 25, 6, tzinfo=paris))
    assert (hours(spring.length), hours(autumn.length)) == (Decimal("7.00"), Decimal("9.00"))


def test_a_break_never_exceeds_the_shift() -> None:
    start = datetime(2026, 11, 23, 9, tzinfo=UTC)
    short = Period(start, start + timedelta(minutes=20))
    assert net_hours(short, timedelta(minutes=30)) == timedelta()


@pytest.mark.parametrize(
    "end", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)]
)
def test_periods_without_length_or_zone_are_refused(end: datetime) -> None:
    with pytest.raises(ValueError, match="period"):
        Period(datetime(2026, 1, 1, tzinfo=UTC), end)
