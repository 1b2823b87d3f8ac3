"""Whatever is done to shifts in whatever order, nobody is on two at once, also when clocks change."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labour import Period, total
from servicekit.db import scope_of
from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.testing.service import RunningService
from services.scheduling.commands import shifts, weeks
from services.scheduling.models import Shift, ShiftPerson
from services.scheduling.models.shift import OCCUPYING, STATUSES
from services.scheduling.tests.team import Team, team

# The Sunday on which clocks change in each zone.
SUNDAYS = {
    "Europe/Paris": date(2031, 3, 30),
    "America/New_York": date(2031, 11, 2),
    "Australia/Lord_Howe": date(2031, 4, 6),
    "Africa/Casablanca": date(2031, 1, 26),
}
PEOPLE = 3
crews = st.sets(st.integers(0, PEOPLE - 1), max_size=2)
times = st.tuples(st.integers(-1, 1), st.integers(0, 23), st.sampled_from([0, 30]), st.integers(1, 12))
places = st.integers(0, 9)
steps = st.one_of(
    st.tuples(st.just("create"), crews, times),
    st.tuples(st.just("create"), crews, times),
    st.tuples(st.just("move"), places, times),
    st.tuples(st.just("crew"), places, crews),
    st.tuples(st.just("status"), places, st.sampled_from(STATUSES)),
    st.tuples(st.just("delete"), places, st.none()),
    st.tuples(st.just("copy"), st.none(), st.none()),
)


def when(sunday: date, chosen: tuple[int, int, int, int]) -> dict[str, Any]:
    """A day near the change, and a shift's times of day on it."""
    day, hour, minute, length = chosen
    return {
        "shift_date": sunday + timedelta(days=day),
        "start_time": f"{hour:02}:{minute:02}",
        "end_time": f"{(hour + length) % 24:02}:{minute:02}",
    }


async def take(service: RunningService, us: Team, sunday: date, known: list[UUID], step: Any) -> None:
    """Does one thing in a transaction of its own; what is refused is left undone."""
    kind, first, second = step
    async with service.database.write(scope_of(us.manager)) as session:
        if kind == "create":
            values = {**when(sunday, second), "staff_members": [us.people[place] for place in sorted(first)]}
            known.append((await shifts.create(session, us.restaurant_id, values, None)).shift.id)
            return
        if kind == "copy":
            source = await shifts.week_for(session, us.restaurant_id, sunday)
            target = await shifts.week_for(session, us.restaurant_id, sunday + timedelta(days=7))
            await weeks.copy(session, source, target, None)
            return
        if not known:
            return
        shift_id = known[first % len(known)]
        if kind == "delete":
            await shifts.delete(session, us.restaurant_id, shift_id, None)
            return
        changes: dict[str, Any] = {"status": second}
        if kind == "move":
            changes = when(sunday, second)
        elif kind == "crew":
            changes = {"staff_members": [us.people[place] for place in sorted(second)]}
        await shifts.change(session, us.restaurant_id, shift_id, changes, None)


async def bookings(service: RunningService, us: Team) -> dict[UUID, list[Period]]:
    """When each person is booked, by start, as the database has it."""
    found: defaultdict[UUID, list[Period]] = defaultdict(list)
    async with service.database.write(scope_of(us.manager)) as session:
        rows: Sequence[Any] = (
            await session.execute(
                sa.select(ShiftPerson.user_id, Shift.starts_at, Shift.ends_at)
                .join(Shift, Shift.id == ShiftPerson.shift_id)
                .where(Shift.restaurant_id == us.restaurant_id, Shift.status.in_(OCCUPYING))
                .order_by(Shift.starts_at)
            )
        ).all()
    for row in rows:
        found[row.user_id].append(Period(row.starts_at, row.ends_at))
    return found


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(zone=st.sampled_from(sorted(SUNDAYS)), plan=st.lists(steps, min_size=4, max_size=14))
def test_no_sequence_books_anybody_twice(scheduling: RunningService, zone: str, plan: list[Any]) -> None:
    us = team(scheduling, size=PEOPLE, timezone=zone)
    known: list[UUID] = []
    for step in plan:
        try:
            scheduling.run(take(scheduling, us, SUNDAYS[zone], known, step))
        except (Conflict, Invalid, NotFound):
            continue
    for periods in scheduling.run(bookings(scheduling, us)).values():
        assert all(not one.overlaps(other) for one, other in pairwise(periods))
        assert total(periods) == sum((period.length for period in periods), timedelta())
