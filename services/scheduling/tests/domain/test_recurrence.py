"""Rules of RFC 5545 come on the days that they name, and on no others."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import Invalid
from services.scheduling.domain.recurrence import LOOK_BACK, OF_FREQUENCY, days, due_day, rule_of

MONDAY = date(2026, 11, 23)
some_days = st.dates(date(2020, 1, 1), date(2050, 1, 1))


def test_the_usual_frequencies_come_when_they_should() -> None:
    year = (date(2027, 1, 1), date(2027, 12, 31))
    found = {name: days(rule, date(2027, 1, 1), *year) for name, rule in OF_FREQUENCY.items()}
    assert len(found["DAILY"]) == 365
    assert all(day.weekday() == 0 for day in found["WEEKLY"])
    assert [day.month for day in found["MONTHLY"]] == list(range(1, 13))
    assert found["QUARTERLY"] == [date(2027, month, 1) for month in (1, 4, 7, 10)]
    assert found["ANNUALLY"] == [date(2027, 1, 1)]


def test_a_rule_is_kept_without_its_name_and_counts_from_its_start() -> None:
    rule = rule_of("rrule:freq=weekly;interval=2;byday=mo,th")
    assert rule == "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH"
    found = days(rule, MONDAY, MONDAY, MONDAY + timedelta(days=20))
    assert found == [MONDAY + timedelta(days=number) for number in (0, 3, 14, 17)]
    assert days(rule_of("FREQ=DAILY;UNTIL=20261124T235959Z"), MONDAY, MONDAY, date(2027, 1, 1)) == [
        MONDAY,
        MONDAY + timedelta(days=1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "WEEKLY",
        "FREQ=HOURLY",
        "FREQ=DAILY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;DTSTART=20260101",
        "FREQ=DAILY;COUNT=many",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        rule_of(text)


@given(st.sampled_from(sorted(OF_FREQUENCY.values())), some_days, st.integers(0, 400))
def test_what_is_due_is_the_last_day_and_never_long_ago(rule: str, start: date, later: int) -> None:
    today = start + timedelta(days=later)
    due = due_day(rule, start, today)
    everything = days(rule, start, start, today)
    recent = [day for day in everything if day >= today - LOOK_BACK]
    assert due == (recent[-1] if recent else None)
