"""What is known around shifts, as the conflict engine wants it."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from labour import Period, Policy, policy_on
from servicekit.db import Query, Reading
from services.scheduling.domain.conflicts import Booking, Situation, TimeOff, Window
from services.scheduling.domain.recurrence import days
from services.scheduling.domain.series import WORDS
from services.scheduling.models import Availability, Holiday, Shift, ShiftPerson

AROUND = timedelta(days=8)
"""How far the conflicts of a shift reach: its week, and the rest on either side."""

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_PEOPLE = bindparam("people", type_=ARRAY(sa.Uuid))
_FROM, _TO = bindparam("first", type_=sa.Date), bindparam("last", type_=sa.Date)
_BOOKED = (Shift.id, Shift.starts_at, Shift.ends_at, Shift.break_minutes, Shift.workspace_location)
_NEAR = sa.and_(Shift.restaurant_id == _RESTAURANT, Shift.occupies, Shift.shift_date.between(_FROM, _TO))
_SHIFTS = Query(
    sa.select(*_BOOKED, ShiftPerson.user_id)
    .join(ShiftPerson, ShiftPerson.shift_id == Shift.id)
    .where(_NEAR, sa.or_(ShiftPerson.user_id == sa.any_(_PEOPLE), Shift.workspace_location.is_not(None)))
)
_SAID = Query(
    sa.select(
        Availability.id,
        Availability.staff_id,
        Availability.availability_type,
        Availability.day_of_week,
        Availability.first_day,
        Availability.last_day,
        Availability.start_time,
        Availability.end_time,
        Availability.is_continuous,
        Availability.is_recurring,
        Availability.recurrence_pattern,
        Availability.recurrence_end_date,
        Availability.is_available,
    ).where(
        Availability.restaurant_id == _RESTAURANT,
        Availability.staff_id == sa.any_(_PEOPLE),
        Availability.status == "APPROVED",
        sa.or_(
            Availability.first_day.is_(None),
            sa.and_(Availability.first_day <= _TO, sa.or_(Availability.last_day >= _FROM, Availability.is_recurring)),
        ),
    )
)
_CLOSED = Query(
    sa.select(Holiday.date, Holiday.name).where(
        Holiday.restaurant_id == _RESTAURANT, Holiday.is_closed, Holiday.date.between(_FROM, _TO)
    )
)


class Situations:
    """The situation of each of several people between two days."""

    def __init__(self, zone: ZoneInfo, policy: Policy, closed: list[tuple[date, str]]) -> None:
        self.zone = zone
        self._policy = policy
        self._closed = closed
        self._shifts: defaultdict[UUID, list[Booking]] = defaultdict(list)
        self._leave: defaultdict[UUID, list[TimeOff]] = defaultdict(list)
        self._windows: defaultdict[UUID, list[Window]] = defaultdict(list)
        self._workspaces: list[Booking] = []

    def of(self, person: UUID) -> Situation:
        """What is known of one person."""
        return Situation(
            person=person,
            zone=self.zone,
            policy=self._policy,
            shifts=self._shifts[person],
            time_off=self._leave[person],
            windows=self._windows[person],
            holidays=self._closed,
            workspaces=self._workspaces,
        )

    def book(self, person: UUID, booking: Booking) -> None:
        """Counts a shift that is about to be planned."""
        self._shifts[person].append(booking)

    def add_shifts(self, rows: Collection[Any], people: Collection[UUID]) -> None:
        """Takes in what `_SHIFTS` found: one row for each person on a shift."""
        on_shift: defaultdict[UUID, set[UUID]] = defaultdict(set)
        for row in rows:
            on_shift[row.id].add(row.user_id)
        bookings: dict[UUID, Booking] = {}
        for row in rows:
            booking = bookings.get(row.id)
            if booking is None:
                booking = bookings[row.id] = Booking(
                    row.id,
                    Period(row.starts_at, row.ends_at),
                    timedelta(minutes=row.break_minutes),
                    row.workspace_location or "",
                    frozenset(on_shift[row.id]),
                )
            if row.user_id in people:
                self._shifts[row.user_id].append(booking)
        self._workspaces = [booking for booking in bookings.values() if booking.workspace]

    def add_said(self, rows: Collection[Any], first: date, last: date) -> None:
        """Takes in what people said of the days between two: time off on certain days, windows of every week."""
        for row in rows:
            away = row.availability_type in ("TIME_OFF", "UNAVAILABLE")
            if row.first_day is not None:
                if away or not row.is_available:
                    self._leave[row.staff_id].extend(
                        TimeOff(row.id, begins, ends, row.start_time, row.end_time, row.is_continuous)
                        for begins, ends in _times(row, first, last)
                    )
            elif row.availability_type != "PREFERRED":
                is_free = row.is_available and not away
                self._windows[row.staff_id].append(
                    Window(row.day_of_week, is_free, row.start_time, row.end_time, row.recurrence_end_date)
                )


def _times(row: Any, first: date, last: date) -> Iterator[tuple[date, date]]:
    """First and last day of each time that an entry about certain days touches the days between two."""
    if not row.is_recurring:
        yield row.first_day, row.last_day
        return
    length = row.last_day - row.first_day
    until = min(last, row.recurrence_end_date or last)
    for day in days(WORDS[row.recurrence_pattern], row.first_day, max(row.first_day, first - length), until):
        yield day, day + length


async def situations(
    reading: Reading, restaurant_id: UUID, people: Collection[UUID], first: date, last: date
) -> Situations:
    """What is known of people around shifts that begin between two days, the last one included."""
    around = {"restaurant_id": restaurant_id, "first": first - AROUND, "last": last + AROUND}
    wanted = list(people)
    restaurant = await refdata.restaurant(reading, restaurant_id)
    shifts, said, closed = await reading.batch(
        (_SHIFTS, {**around, "people": wanted}), (_SAID, {**around, "people": wanted}), (_CLOSED, around)
    )
    zone = ZoneInfo(restaurant.timezone) if restaurant is not None else refdata.DEFAULT_TIME_ZONE
    policy = policy_on(
        first,
        zone.key,
        max_weekly_hours=restaurant.max_weekly_hours if restaurant is not None else None,
        min_rest_hours=restaurant.min_rest_hours if restaurant is not None else None,
    )
    found = Situations(zone, policy, [(row.date, row.name) for row in closed])
    found.add_shifts(shifts, set(people))
    found.add_said(said, first - AROUND, last + AROUND)
    return found
