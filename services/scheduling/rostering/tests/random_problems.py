"""Small random restaurants for property tests."""

from hypothesis import strategies as st

from services.scheduling.rostering.model import (
    Assignment,
    IntervalDemand,
    Limit,
    Person,
    Preference,
    Problem,
    Rule,
    Shift,
    SlotDemand,
)

ROLES = ("waiter", "cook")
STARTS = (420, 720, 960, 1080)


@st.composite
def problems(draw: st.DrawFn, *, locks: bool = True) -> Problem:
    days = draw(st.integers(2, 8))
    shifts = tuple(
        Shift(f"{role}{day}-{start}", day, start, length, role, kind, break_minutes=pause, closing=start == 1080)
        for role in draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=2, unique=True))
        for day in range(days)
        for start, length, kind, pause in draw(
            st.sets(
                st.tuples(
                    st.sampled_from(STARTS),
                    st.sampled_from((240, 480)),
                    st.sampled_from("ab"),
                    st.sampled_from((0, 30)),
                ),
                min_size=1,
                max_size=2,
            ).filter(lambda found: len({start for start, *_ in found}) == len(found))
        )
    )
    people = tuple(_person(draw, number, days, shifts) for number in range(draw(st.integers(1, 4))))
    slots = tuple(
        SlotDemand(shift.id, draw(st.integers(0, 2)), draw(st.sampled_from((0, 50, 100))), draw(st.integers(0, 5)))
        for shift in shifts
        if draw(st.booleans())
    )
    intervals = tuple(
        IntervalDemand(role, day * 1440 + start, 60, draw(st.integers(0, 2)), 20, 3)
        for role in ROLES
        for day in range(days)
        for start in (720, 1080)
        if draw(st.booleans())
    )
    locked = {}
    if locks:
        for shift in draw(st.lists(st.sampled_from(shifts), max_size=2)):
            person = draw(st.sampled_from(people))
            locked[person.id, shift.day] = Assignment(person.id, shift.id)
    budget = draw(st.none() | st.integers(0, 60_000))
    return Problem(
        days=days,
        people=people,
        shifts=shifts,
        slots=slots,
        intervals=intervals,
        rules=tuple(draw(st.lists(rules(), max_size=5, unique_by=lambda rule: rule.name))),
        locked=tuple(locked.values()),
        budget=budget,
        first_weekday=draw(st.integers(0, 6)),
    )


def _person(draw: st.DrawFn, number: int, days: int, shifts: tuple[Shift, ...]) -> Person:
    start = draw(st.integers(0, days * 1440 - 1))
    return Person(
        f"p{number}",
        draw(st.frozensets(st.sampled_from(ROLES), min_size=1)),
        wage=draw(st.sampled_from((0, 900, 1500))),
        wanted_minutes=draw(st.none() | st.integers(0, 2400)),
        unavailable=((start, start + draw(st.integers(1, 900))),) if draw(st.booleans()) else (),
        days_off=draw(st.frozensets(st.integers(0, days - 1), max_size=2)),
        preferences=tuple(
            Preference(shift.id, draw(st.integers(1, 30)), draw(st.booleans()))
            for shift in draw(st.lists(st.sampled_from(shifts), max_size=2, unique=True))
        ),
        worked_run=draw(st.sampled_from((0, 0, 2))),
        last_end=draw(st.sampled_from((None, 0, -300))),
    )


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    limit = draw(st.sampled_from(list(Limit)))
    values = {
        Limit.MIN_REST: st.sampled_from((480, 660)),
        Limit.FORBIDDEN_SUCCESSION: st.just(0),
        Limit.MAX_DAY_MINUTES: st.sampled_from((240, 450)),
        Limit.MAX_WEEK_MINUTES: st.sampled_from((960, 1440)),
        Limit.MAX_PERIOD_MINUTES: st.sampled_from((480, 1440)),
        Limit.MIN_PERIOD_MINUTES: st.sampled_from((240, 480)),
        Limit.MAX_CONSECUTIVE_DAYS: st.integers(2, 5),
        Limit.MIN_CONSECUTIVE_DAYS: st.integers(1, 3),
        Limit.MIN_CONSECUTIVE_DAYS_OFF: st.integers(1, 3),
        Limit.MIN_WEEK_DAYS_OFF: st.integers(1, 3),
        Limit.MAX_SHIFTS_OF_KIND: st.integers(0, 2),
        Limit.MAX_WEEKENDS: st.integers(0, 1),
    }
    return Rule(
        limit,
        name=limit.value,
        value=draw(values[limit]),
        citation="Labour code, art. 1",
        kinds=frozenset("a") if limit in (Limit.MAX_SHIFTS_OF_KIND, Limit.FORBIDDEN_SUCCESSION) else frozenset(),
        after=frozenset("b") if limit is Limit.FORBIDDEN_SUCCESSION else frozenset(),
        weight=draw(st.sampled_from((None, None, 3))),
    )
