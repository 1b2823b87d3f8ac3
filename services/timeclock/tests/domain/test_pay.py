"""Every worked second is paid once, by the rule that holds for it."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from labour import Period
from services.timeclock.domain import pay
from services.timeclock.domain.pay import Terms, Wages, Work, difference, lines_of, work_of
from services.timeclock.domain.punches import BREAK_END, BREAK_START, IN, OUT, Punch
from services.timeclock.domain.sessions import fold

CASABLANCA = ZoneInfo("Africa/Casablanca")
MONDAY = date(2026, 11, 23)
WAGE = Wages(fixed=Decimal(20))


def worked(day: date, starts: str, hours: float, zone: ZoneInfo = CASABLANCA) -> Work:
    start = datetime.combine(day, time.fromisoformat(starts), zone).astimezone(UTC)
    return Work(day, (Period(start, start + timedelta(hours=hours)),), session_id=uuid4())


def days(number: int) -> date:
    return MONDAY + timedelta(days=number)


def summed(lines: list[pay.Line]) -> dict[tuple[str, Decimal], Decimal]:
    found: dict[tuple[str, Decimal], Decimal] = {}
    for line in lines:
        key = (line.kind, line.multiplier)
        found[key] = found.get(key, Decimal(0)) + pay.hours_of(line.seconds)
    return found


works = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 60 * 23), st.integers(1, 16 * 3600)),
    max_size=20,
    unique_by=lambda w: w[0],
).map(
    lambda drawn: [
        worked(days(day), f"{minute // 60:02}:{minute % 60:02}", seconds / 3600) for day, minute, seconds in drawn
    ]
)


@given(works, st.sampled_from(["Africa/Casablanca", "Europe/Paris"]), st.booleans())
def test_every_second_is_paid_once(some: list[Work], zone: str, holiday: bool) -> None:
    holidays = {days(3): ("Independence Day", Decimal(2))} if holiday else {}
    terms = Terms(zone=ZoneInfo(zone), holidays=holidays)
    lines = lines_of(some, terms, WAGE, MONDAY, days(20))
    expected = sum(int(period.length.total_seconds()) for work in some for period in work.periods)
    assert sum(line.seconds for line in lines) == expected
    assert all(line.seconds > 0 and line.rule and line.session_id for line in lines)
    assert lines == lines_of(reversed(some), terms, WAGE, MONDAY, days(20))


@given(works, st.integers(1, 19))
def test_a_period_that_is_cut_in_two_is_paid_the_same(some: list[Work], cut: int) -> None:
    terms = Terms(zone=CASABLANCA)
    whole = lines_of(some, terms, WAGE, MONDAY, days(20))
    parts = [
        *lines_of(some, terms, WAGE, MONDAY, days(cut)),
        *lines_of(some, terms, WAGE, days(cut + 1), days(20)),
    ]
    assert parts == whole


def test_hours_beyond_the_week_are_paid_a_quarter_more_and_at_night_half() -> None:
    # Five days of 8 hours and a Saturday evening of 8: 44 ordinary ones, 3 until 21:00, then 1 by night.
    week = [*(worked(days(n), "09:00", 8) for n in range(5)), worked(days(5), "14:00", 8)]
    lines = lines_of(week, Terms(zone=CASABLANCA), WAGE, MONDAY, days(6))
    assert summed(lines) == {
        (pay.REGULAR, Decimal(1)): Decimal(44),
        (pay.WEEKLY_OVERTIME, Decimal("1.25")): Decimal(3),
        (pay.WEEKLY_OVERTIME, Decimal("1.50")): Decimal(1),
    }
    assert sum(line.amount for line in lines) == 44 * 20 + 3 * 25 + 30
    assert "article 201" in lines[-1].rule


def test_hours_beyond_the_day_are_overtime_and_do_not_count_for_the_week() -> None:
    week = [worked(days(n), "06:00", 12) for n in range(4)]
    lines = lines_of(week, Terms(zone=CASABLANCA), WAGE, MONDAY, days(6))
    assert summed(lines) == {
        (pay.REGULAR, Decimal(1)): Decimal(40),
        (pay.DAILY_OVERTIME, Decimal("1.25")): Decimal(8),
    }


def test_work_on_all_seven_days_is_paid_as_on_a_day_of_rest() -> None:
    week = [worked(days(n), "09:00", 7) for n in range(7)]
    lines = lines_of(week, Terms(zone=CASABLANCA), WAGE, MONDAY, days(6))
    assert summed(lines) == {
        (pay.REGULAR, Decimal(1)): Decimal(44),
        (pay.WEEKLY_OVERTIME, Decimal("1.50")): Decimal(5),
    }


def test_the_restaurants_own_week_goes_before_the_laws() -> None:
    week = [worked(days(n), "09:00", 9) for n in range(5)]
    lines = lines_of(week, Terms(zone=CASABLANCA, max_weekly_hours=Decimal(40)), WAGE, MONDAY, days(6))
    assert summed(lines)[(pay.WEEKLY_OVERTIME, Decimal("1.25"))] == 5
    assert "the restaurant's settings" in lines[-1].rule


def test_a_holiday_is_paid_more_and_still_counts_for_the_week() -> None:
    terms = Terms(zone=CASABLANCA, holidays={MONDAY: ("Feast", Decimal(2))})
    week = [worked(days(n), "09:00", 9) for n in range(5)]
    lines = lines_of(week, terms, WAGE, MONDAY, days(6))
    assert summed(lines) == {
        (pay.HOLIDAY, Decimal(2)): Decimal(9),
        (pay.REGULAR, Decimal(1)): Decimal(35),
        (pay.WEEKLY_OVERTIME, Decimal("1.25")): Decimal(1),
    }


def test_wages_change_with_the_day() -> None:
    wages = Wages(((MONDAY, Decimal(20)), (days(2), Decimal("22.50"))))
    lines = lines_of(
        [worked(days(n), "09:00", 2) for n in range(-1, 4)], Terms(zone=CASABLANCA), wages, days(-1), days(6)
    )
    assert [line.amount for line in lines] == [Decimal(0), 40, 40, 45, 45]


def test_a_break_that_was_not_taken_is_deducted_after_six_hours() -> None:
    start = datetime(2026, 11, 23, 8, tzinfo=UTC)
    terms = Terms(zone=CASABLANCA, deduct_breaks=True)

    def seconds(*punches: tuple[str, float]) -> int:
        made = [Punch(uuid4(), kind, start + timedelta(hours=hour), MONDAY) for kind, hour in punches]
        (session,) = fold(made)
        return sum(int(period.length.total_seconds()) for period in work_of(session, terms, None).periods)

    assert seconds((IN, 0), (OUT, 8)) == 7.5 * 3600
    assert seconds((IN, 0), (OUT, 6)) == 6 * 3600
    assert seconds((IN, 0), (OUT, 6.25)) == 6 * 3600
    assert seconds((IN, 0), (BREAK_START, 3), (BREAK_END, 3.25), (OUT, 8)) == 7.5 * 3600
    assert seconds((IN, 0), (BREAK_START, 3), (BREAK_END, 4), (OUT, 8)) == 7 * 3600


@given(works, works)
def test_a_difference_brings_the_old_sum_to_the_new(before: list[Work], after: list[Work]) -> None:
    terms = Terms(zone=CASABLANCA)
    old, new = (lines_of(some, terms, WAGE, MONDAY, days(20)) for some in (before, after))
    settled = difference(old, new, uuid4(), MONDAY)
    carried = [] if settled is None else [settled]
    assert sum(line.seconds for line in [*old, *carried]) == sum(line.seconds for line in new)
    assert sum(line.amount for line in [*old, *carried]) == sum(line.amount for line in new)
    assert difference([*old, *carried], new, uuid4(), MONDAY) is None


def test_terms_come_back_as_they_were_kept() -> None:
    terms = Terms(
        zone=CASABLANCA,
        week_starts_on=6,
        max_weekly_hours=Decimal("40.00"),
        deduct_breaks=True,
        holidays={MONDAY: ("Feast", Decimal("1.50"))},
    )
    kept = Terms.of_json(terms.as_json())
    # A zone is another object once a service in this process has chosen its database of zones.
    assert kept.zone.key == CASABLANCA.key
    assert replace(kept, zone=CASABLANCA) == terms
