"""Each kind of conflict, at its boundaries, and through changes of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from labour import Period, policy_on
from servicekit.zones import local_instant
from services.scheduling.domain import conflicts
from services.scheduling.domain.conflicts import (
    Booking,
    Finding,
    Situation,
    TimeOff,
    Window,
    find_conflicts,
    shift_period,
)

CASABLANCA = ZoneInfo("Africa/Casablanca")
PARIS = ZoneInfo("Europe/Paris")
ZONES = st.sampled_from([CASABLANCA, PARIS, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")])
MONDAY = date(2026, 11, 23)
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


def booking(start: time, end: time, day: date = MONDAY, zone: ZoneInfo = CASABLANCA, **fields: Any) -> Booking:
    return Booking(fields.pop("id", uuid4()), shift_period(day, start, end, zone), **fields)


def situation(*shifts: Booking, zone: ZoneInfo = CASABLANCA, **fields: Any) -> Situation:
    policy = policy_on(MONDAY, zone.key, max_weekly_hours=Decimal(40), min_rest_hours=Decimal(11))
    return Situation(uuid4(), zone, policy, shifts, **fields)


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.type for finding in findings]


def test_nothing_stands_against_a_plain_shift() -> None:
    assert find_conflicts(booking(time(9), time(17)), situation()) == []


def test_shifts_that_touch_do_not_overlap_and_those_that_share_a_minute_do() -> None:
    lunch = booking(time(11), time(15))
    assert kinds(find_conflicts(booking(time(15), time(19)), situation(lunch))) == []
    (finding,) = find_conflicts(booking(time(14, 59), time(19)), situation(lunch))
    assert (finding.type, finding.shift_id, finding.is_hard) == (conflicts.OVERLAP, lunch.id, True)


def test_a_shift_is_not_held_against_itself() -> None:
    known = booking(time(9), time(17))
    assert find_conflicts(known, situation(known)) == []


def test_an_overnight_shift_meets_the_next_morning() -> None:
    night = booking(time(20), time(4))
    early = booking(time(3), time(8), MONDAY + timedelta(days=1))
    assert conflicts.OVERLAP in kinds(find_conflicts(early, situation(night)))


def test_time_off_counts_whole_days_or_its_hours() -> None:
    leave = TimeOff(uuid4(), MONDAY, MONDAY)
    (finding,) = find_conflicts(booking(time(9), time(12)), situation(time_off=[leave]))
    assert (finding.type, finding.request_id, finding.is_hard) == (conflicts.TIME_OFF, leave.id, True)
    evening = TimeOff(uuid4(), MONDAY, MONDAY, time(18), time(22))
    assert find_conflicts(booking(time(9), time(18)), situation(time_off=[evening])) == []
    assert kinds(find_conflicts(booking(time(14), time(19)), situation(time_off=[evening]))) == [conflicts.TIME_OFF]


def test_a_night_shift_reaches_into_leave_of_the_next_day() -> None:
    leave = TimeOff(uuid4(), MONDAY + timedelta(days=1), MONDAY + timedelta(days=1))
    assert kinds(find_conflicts(booking(time(20), time(2)), situation(time_off=[leave]))) == [conflicts.TIME_OFF]
    assert find_conflicts(booking(time(16), time(0)), situation(time_off=[leave])) == []


def test_availability_holds_on_the_days_that_somebody_spoke_of() -> None:
    free = Window(0, True, time(8), time(16))
    assert find_conflicts(booking(time(8), time(16)), situation(windows=[free])) == []
    assert kinds(find_conflicts(booking(time(8), time(17)), situation(windows=[free]))) == [conflicts.AVAILABILITY]
    assert find_conflicts(booking(time(8), time(17), MONDAY + timedelta(days=1)), situation(windows=[free])) == []
    busy = Window(0, False, time(12), time(14))
    assert find_conflicts(booking(time(14), time(18)), situation(windows=[busy])) == []
    assert kinds(find_conflicts(booking(time(13), time(18)), situation(windows=[busy]))) == [conflicts.AVAILABILITY]
    joined = [Window(0, True, time(8), time(12)), Window(0, True, time(12), time(18))]
    assert find_conflicts(booking(time(9), time(17)), situation(windows=joined)) == []


def test_closed_days() -> None:
    found = find_conflicts(booking(time(9), time(12)), situation(holidays=[(MONDAY, "Green March")]))
    assert kinds(found) == [conflicts.HOLIDAY]


def test_a_week_is_full_at_its_limit_and_over_it_a_minute_later() -> None:
    week = [booking(time(9), time(17), MONDAY + timedelta(days=day)) for day in range(4)]
    friday = MONDAY + timedelta(days=4)
    assert find_conflicts(booking(time(9), time(17), friday), situation(*week)) == []
    assert kinds(find_conflicts(booking(time(9), time(17, 1), friday), situation(*week))) == [conflicts.WEEKLY_LIMIT]
    with_break = booking(time(9), time(17, 30), friday, unpaid_break=timedelta(minutes=30))
    assert find_conflicts(with_break, situation(*week)) == []
    assert find_conflicts(booking(time(9), time(17), MONDAY + timedelta(days=7)), situation(*week)) == []


def test_a_day_has_its_limit_over_its_parts() -> None:
    lunch = booking(time(9), time(14))
    assert kinds(find_conflicts(booking(time(17), time(22)), situation(lunch))) == []
    (finding,) = find_conflicts(booking(time(17), time(22, 30)), situation(lunch))
    assert finding.type == conflicts.DAILY_LIMIT
    assert finding.rule == "Morocco, Labour Code (Law 65-99), article 184"


def test_rest_counts_before_and_after_but_not_within_a_split_day() -> None:
    late = booking(time(15), time(23))
    assert kinds(find_conflicts(booking(time(9), time(13), MONDAY + timedelta(days=1)), situation(late))) == [
        conflicts.REST_PERIOD
    ]
    assert find_conflicts(booking(time(10), time(14), MONDAY + timedelta(days=1)), situation(late)) == []
    tomorrow = booking(time(8), time(12), MONDAY + timedelta(days=1))
    assert kinds(find_conflicts(late, situation(tomorrow))) == [conflicts.REST_PERIOD]
    assert find_conflicts(booking(time(16), time(20)), situation(booking(time(11), time(15)))) == []


def test_a_workspace_is_taken_once() -> None:
    other = booking(time(9), time(17), workspace="Grill", people=frozenset({UUID(int=1)}))
    found = find_conflicts(booking(time(16), time(20), workspace="grill"), situation(workspaces=[other]))
    assert [(finding.type, finding.people) for finding in found] == [(conflicts.LOCATION, (UUID(int=1),))]
    assert find_conflicts(booking(time(17), time(20), workspace="grill"), situation(workspaces=[other])) == []
    assert find_conflicts(booking(time(16), time(20), workspace="Pass"), situation(workspaces=[other])) == []


def test_rest_through_a_change_of_the_clocks_is_what_passes() -> None:
    saturday = date(2027, 3, 27)
    late = booking(time(15), time(22), saturday, PARIS)
    early = booking(time(9), time(15), saturday + timedelta(days=1), PARIS)
    assert kinds(find_conflicts(early, situation(late, zone=PARIS))) == [conflicts.REST_PERIOD]


def test_a_skipped_time_is_the_moment_of_the_jump() -> None:
    assert local_instant(date(2027, 3, 28), time(2, 30), PARIS) == datetime(2027, 3, 28, 1, tzinfo=UTC)


@settings(deadline=None)
@given(days, times, times, ZONES)
def test_a_shift_by_the_clock_has_its_start_its_end_and_less_than_a_day_and_two_hours(
    day: date, start: time, end: time, zone: ZoneInfo
) -> None:
    try:
        period = shift_period(day, start, end, zone)
    except ValueError:
        # Both ends fall into the hour that the clocks skip.
        assert local_instant(day, start, zone) == local_instant(day, end, zone)
        return
    assert period.length <= timedelta(hours=26)
    assert period.start == local_instant(day, start, zone)


@settings(deadline=None)
@given(days, times, times, times, times, ZONES)
def test_overlap_is_found_from_both_sides_exactly_when_instants_are_shared(
    day: date, one_start: time, one_end: time, other_start: time, other_end: time, zone: ZoneInfo
) -> None:
    try:
        one = Booking(uuid4(), shift_period(day, one_start, one_end, zone))
        other = Booking(uuid4(), shift_period(day, other_start, other_end, zone))
    except ValueError:
        return
    shares = max(one.period.start, other.period.start) < min(one.period.end, other.period.end)
    for shift, known in ((one, other), (other, one)):
        found = kinds(find_conflicts(shift, situation(known, zone=zone)))
        assert (conflicts.OVERLAP in found) == shares


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), times, st.integers(1, 12)), max_size=12), ZONES)
def test_whatever_is_accepted_never_books_anybody_twice(wishes: list[tuple[int, time, int]], zone: ZoneInfo) -> None:
    accepted: list[Booking] = []
    for offset, start, length in wishes:
        began = local_instant(MONDAY + timedelta(days=offset), start, zone)
        wish = Booking(uuid4(), Period(began, began + timedelta(hours=length)))
        if not any(finding.is_hard for finding in find_conflicts(wish, situation(*accepted, zone=zone))):
            accepted.append(wish)
    ordered = sorted(booking.period for booking in accepted)
    assert all(earlier.end <= later.start for earlier, later in pairwise(ordered))
