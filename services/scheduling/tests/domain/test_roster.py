"""Weeks as problems and rosters as shifts: what stays is kept, what people said is kept, clocks may change."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from labour import Period, policy_on
from services.scheduling.domain.conflicts import (
    Booking,
    Situation,
    TimeOff,
    Window,
    find_conflicts,
    shift_period,
)
from services.scheduling.domain.roster import Existing, Week, Worker, booking_of, problem_of, proposals
from services.scheduling.domain.staffing import Slot
from services.scheduling.rostering.model import Assignment, Limit

ZONE = ZoneInfo("Europe/Paris")
ANA, BEN = UUID(int=1), UUID(int=2)
PLAIN = date(2031, 3, 3)
# The clocks go back on its Sunday.
AUTUMN = date(2026, 10, 19)


def week(monday: date = PLAIN, situations: dict[UUID, Situation] | None = None, **more: object) -> Week:
    policy = policy_on(monday, ZONE.key)
    known = situations or {}
    people = {who: known.get(who) or Situation(who, ZONE, policy) for who in (ANA, BEN)}
    return replace(
        Week(
            monday,
            ZONE,
            policy,
            datetime(2026, 1, 1, tzinfo=UTC),
            (Worker(ANA, "WAITER"), Worker(BEN, "WAITRESS")),
            people,
        ),
        **more,  # type: ignore[arg-type] # fields of the week
    )


def situation(monday: date = PLAIN, **more: object) -> Situation:
    return Situation(ANA, ZONE, policy_on(monday, ZONE.key), **more)  # type: ignore[arg-type] # fields of it


def test_rules_come_with_their_sources() -> None:
    rules = {rule.limit: rule for rule in problem_of(week()).rules}
    assert set(rules) >= {Limit.MIN_REST, Limit.MAX_WEEK_MINUTES, Limit.MIN_WEEK_DAYS_OFF}
    assert rules[Limit.MIN_REST].value == week().policy.rest_between_days // timedelta(minutes=1)
    assert rules[Limit.MAX_WEEK_MINUTES].citation


def test_what_is_planned_stays_as_one_locked_shift_a_day() -> None:
    morning, evening = (
        Booking(UUID(int=10 + n), shift_period(PLAIN, start, end, ZONE), timedelta(minutes=30))
        for n, (start, end) in enumerate(((time(9), time(13)), (time(18), time(22))))
    )
    before = Booking(UUID(int=20), shift_period(PLAIN - timedelta(days=1), time(18), time(1), ZONE))
    made = problem_of(week(situations={ANA: situation(shifts=[morning, evening, before])}))
    (kept,) = made.shifts
    assert (kept.day, kept.start, kept.minutes, kept.paid_minutes) == (0, 540, 780, 420)
    assert made.locked == (Assignment(str(ANA), kept.id),)
    ana = made.people[0]
    # The Sunday's shift ends at one, and eleven hours of rest follow.
    assert any(start <= 0 and end == 60 + 660 for start, end in ana.unavailable)
    assert ana.worked_run == 1


def test_slots_that_are_covered_or_over_are_not_wanted_again() -> None:
    lunch = Slot("WAITER", 2, 660, 300, 2, 30)
    there = Existing(
        UUID(int=30), "SERVER", shift_period(PLAIN + timedelta(days=2), time(11), time(16), ZONE), 30, (ANA,), False
    )
    slots = (lunch, replace(lunch, day=3), replace(lunch, day=4))
    closed = frozenset({PLAIN + timedelta(days=3)})
    made = problem_of(week(slots=slots, existing=(there,), closed=closed))
    assert [(need.shift, need.need) for need in made.slots] == [("new:0", 1), ("new:2", 2)]
    late = replace(week(slots=slots), now=datetime(2031, 3, 7, 10, 30, tzinfo=UTC))
    assert problem_of(late).slots == ()


@given(
    st.sampled_from([PLAIN, AUTUMN]),
    st.integers(0, 6),
    st.integers(0, 95),
    st.integers(8, 40),
    st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 20), st.integers(0, 23)), max_size=4),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=2),
)
def test_whoever_the_problem_lets_work_a_shift_can_work_it(
    monday: date,
    day: int,
    quarter: int,
    length: int,
    said: list[tuple[int, bool, int, int]],
    leave: list[tuple[int, int]],
) -> None:
    windows = [Window(on, free, time(start), time(end)) for on, free, start, end in said]
    away = [
        TimeOff(UUID(int=40), monday + timedelta(days=first), monday + timedelta(days=first + more))
        for first, more in leave
    ]
    known = situation(monday, windows=windows, time_off=away)
    slot = Slot("WAITER", day, quarter * 15, length * 15, 1)
    planned = week(monday, {ANA: known}, slots=(slot,))
    made = problem_of(planned)
    (shift,) = made.shifts
    ana = made.people[0]
    if any(shift.begins < end and start < shift.ends for start, end in ana.unavailable):
        return
    (change,) = proposals(planned, [Assignment(str(ANA), shift.id)], {shift.id: shift})
    against = {found.type for found in find_conflicts(booking_of(change), known)}
    # Working hours of a single shift are a rule of the problem and no matter of availability.
    assert against <= {"DAILY_LIMIT", "WEEKLY_LIMIT"}
    assert (change.day, change.people) == (monday + timedelta(days=day), (ANA,))


def test_a_shift_of_the_week_that_gets_others_is_no_new_one() -> None:
    period = Period(datetime(2031, 3, 4, 10, tzinfo=UTC), datetime(2031, 3, 4, 15, tzinfo=UTC))
    free = Existing(UUID(int=50), "WAITER", period, 30, (ANA,), True)
    planned = week(existing=(free,))
    made = problem_of(planned)
    assert [(need.shift, need.need) for need in made.slots] == [(f"shift:{free.id}", 1)]
    assert made.published == (Assignment(str(ANA), f"shift:{free.id}"),)
    shifts = {shift.id: shift for shift in made.shifts}
    (change,) = proposals(planned, [Assignment(str(BEN), f"shift:{free.id}")], shifts)
    assert (change.shift_id, change.before, change.people, change.period) == (free.id, (ANA,), (BEN,), period)
    assert proposals(planned, [Assignment(str(ANA), f"shift:{free.id}")], shifts) == []
