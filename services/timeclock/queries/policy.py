"""What the clock goes by: settings, shifts, holidays and wages."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from refdata.queries import DEFAULT_TIME_ZONE
from servicekit.db import Query, Reader, Reading
from servicekit.paging import Page, read_page
from servicekit.zones import beginning_of, day_of
from services.timeclock.domain.attendance import Grace, Shift
from services.timeclock.domain.pay import Terms, Wages
from services.timeclock.models import ClockSettings, Holiday, ShiftRef, Wage

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_SETTINGS: Any = ClockSettings.__table__
_REF = refdata.restaurant_ref
_RULES = Query(
    sa.select(
        _REF.c.timezone,
        _REF.c.break_duration,
        _REF.c.max_weekly_hours,
        _REF.c.automatic_clock_out,
        *[column for column in _SETTINGS.columns if column.name != "restaurant_id"],
    ).select_from(
        sa.select(sa.literal(1).label("one"))
        .subquery()
        .outerjoin(_REF, _REF.c.id == _RESTAURANT)
        .outerjoin(_SETTINGS, _SETTINGS.c.restaurant_id == _RESTAURANT)
    )
)
_SHIFTS = Query(
    sa.select(ShiftRef.__table__)
    .where(
        ShiftRef.restaurant_id == _RESTAURANT,
        ShiftRef.starts_at >= bindparam("since", type_=sa.DateTime(timezone=True)),
        ShiftRef.starts_at < bindparam("until", type_=sa.DateTime(timezone=True)),
        ShiftRef.is_published,
        ShiftRef.deleted_at.is_(None),
        ShiftRef.status != "CANCELLED",
    )
    .order_by(ShiftRef.starts_at, ShiftRef.id)
)
_SHIFT = Query(
    sa.select(ShiftRef.__table__).where(
        ShiftRef.restaurant_id == _RESTAURANT, ShiftRef.id == bindparam("id", type_=sa.Uuid), ShiftRef.is_published
    )
)
_HOLIDAYS = Query(
    sa.select(Holiday.day, Holiday.name, Holiday.multiplier)
    .where(Holiday.restaurant_id == _RESTAURANT)
    .order_by(Holiday.day)
)
_HOLIDAY_COUNT = Query(sa.select(sa.func.count()).select_from(Holiday).where(Holiday.restaurant_id == _RESTAURANT))
_HOLIDAY_ROWS = Query(
    sa.select(Holiday.id, Holiday.day, Holiday.name, Holiday.multiplier)
    .where(Holiday.restaurant_id == _RESTAURANT)
    .order_by(Holiday.day)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_WAGES = Query(
    sa.select(Wage.effective_from, Wage.hourly_rate)
    .where(Wage.restaurant_id == _RESTAURANT, Wage.staff_id == bindparam("staff_id", type_=sa.Uuid))
    .order_by(Wage.effective_from)
)
_ALL_WAGES = Query(
    sa.select(Wage.staff_id, Wage.effective_from, Wage.hourly_rate)
    .where(Wage.restaurant_id == _RESTAURANT)
    .order_by(Wage.effective_from)
)
_wanted = bindparam("staff_id", type_=sa.Uuid)
_WAGE_LIST = (Wage.restaurant_id == _RESTAURANT, sa.or_(_wanted.is_(None), Wage.staff_id == _wanted))
_WAGE_COUNT = Query(sa.select(sa.func.count()).select_from(Wage).where(*_WAGE_LIST))
_WAGE_ROWS = Query(
    sa.select(
        Wage.id,
        Wage.staff_id,
        Wage.effective_from,
        Wage.hourly_rate,
        Wage.created_at,
        refdata.FULL_NAME.label("staff_name"),
    )
    .select_from(sa.outerjoin(Wage, refdata.staff_ref, refdata.is_staff(Wage.restaurant_id, Wage.staff_id)))
    .where(*_WAGE_LIST)
    .order_by(refdata.FULL_NAME, Wage.staff_id, Wage.effective_from)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_PEOPLE = Query(
    sa.select(refdata.staff_ref.c.user_id, refdata.staff_ref.c.role, refdata.FULL_NAME.label("name")).where(
        refdata.staff_ref.c.restaurant_id == _RESTAURANT
    )
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one restaurant's clock: what it set, and the defaults besides."""

    zone: ZoneInfo
    day_starts_at: time
    week_starts_on: int
    early_minutes: int | None
    grace: Grace
    auto_out_after: timedelta
    clocks_out: bool
    deduct_breaks: bool
    break_after: timedelta
    break_length: timedelta
    photo_days: int
    max_weekly_hours: Decimal | None
    updated_at: datetime | None

    def business_date(self, instant: datetime) -> date:
        """The business day of an instant."""
        return day_of(instant, self.zone, self.day_starts_at)

    def bounds(self, first: date, last: date) -> tuple[datetime, datetime]:
        """The first instant of a range of business days, and the first one after it."""
        return (
            beginning_of(first, self.zone, self.day_starts_at),
            beginning_of(last + timedelta(days=1), self.zone, self.day_starts_at),
        )


@dataclass(frozen=True, slots=True)
class Planned:
    """A published shift and the people on it."""

    shift: Shift
    row: Any


async def rules_of(reading: Reading, restaurant_id: UUID) -> Rules:
    """The rules of a restaurant's clock."""
    row: Any = await reading.first(_RULES, restaurant_id=restaurant_id)

    def minutes(value: int | None, default: int) -> timedelta:
        return timedelta(minutes=default if value is None else value)

    return Rules(
        zone=ZoneInfo(row.timezone) if row.timezone else DEFAULT_TIME_ZONE,
        day_starts_at=row.day_starts_at or time(0),
        week_starts_on=row.week_starts_on or 0,
        early_minutes=row.early_clock_in_minutes,
        grace=Grace(
            late=minutes(row.late_grace_minutes, 5),
            absent=minutes(row.absent_after_minutes, 30),
            early_leave=minutes(row.early_leave_grace_minutes, 5),
        ),
        auto_out_after=minutes(row.auto_clock_out_minutes, 60),
        clocks_out=bool(row.automatic_clock_out),
        deduct_breaks=bool(row.deduct_missed_breaks),
        break_after=minutes(row.break_after_minutes, 360),
        break_length=minutes(row.break_duration, 30),
        photo_days=row.photo_retention_days or 90,
        max_weekly_hours=row.max_weekly_hours,
        updated_at=row.updated_at,
    )


async def terms_of(reading: Reading, restaurant_id: UUID) -> Terms:
    """What a restaurant pays by."""
    rules = await rules_of(reading, restaurant_id)
    holidays = await reading.all(_HOLIDAYS, restaurant_id=restaurant_id)
    return Terms(
        zone=rules.zone,
        week_starts_on=rules.week_starts_on,
        max_weekly_hours=rules.max_weekly_hours,
        deduct_breaks=rules.deduct_breaks,
        break_after=rules.break_after,
        break_length=rules.break_length,
        holidays={row.day: (row.name, row.multiplier) for row in holidays},
    )


async def shifts_between(
    reading: Reading, restaurant_id: UUID, since: datetime, until: datetime, staff_id: UUID | None = None
) -> list[Planned]:
    """The published shifts that begin between two instants, in their order; of one person, or of everybody."""
    rows = await reading.all(_SHIFTS, restaurant_id=restaurant_id, since=since, until=until)
    return [Planned(_shift(row), row) for row in rows if staff_id is None or staff_id in row.staff_ids]


async def published_shift(reading: Reading, restaurant_id: UUID, shift_id: UUID) -> Planned | None:
    """A shift that was published at some time, or None."""
    row = await reading.first(_SHIFT, restaurant_id=restaurant_id, id=shift_id)
    return Planned(_shift(row), row) if row is not None else None


async def wages_of(reading: Reading, restaurant_id: UUID, staff_id: UUID, fixed: Decimal | None = None) -> Wages:
    """What a person earns, by day."""
    rows = await reading.all(_WAGES, restaurant_id=restaurant_id, staff_id=staff_id)
    return Wages(tuple((row.effective_from, row.hourly_rate) for row in rows), fixed)


async def wages_of_all(reading: Reading, restaurant_id: UUID) -> defaultdict[UUID, Wages]:
    """What everybody earns, by day; nothing for whom no wage is known."""
    steps: defaultdict[UUID, list[tuple[date, Decimal]]] = defaultdict(list)
    for row in await reading.all(_ALL_WAGES, restaurant_id=restaurant_id):
        steps[row.staff_id].append((row.effective_from, row.hourly_rate))
    return defaultdict(Wages, {person: Wages(tuple(known)) for person, known in steps.items()})


async def page_of_holidays(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many holidays there are, and those of one page by date."""
    return await read_page(reader, _HOLIDAY_COUNT, _HOLIDAY_ROWS, page, restaurant_id=restaurant_id)


async def page_of_wages(
    reader: Reader, restaurant_id: UUID, page: Page, staff_id: UUID | None
) -> tuple[int, list[Any]]:
    """How many wages there are, and those of one page by person and date."""
    return await read_page(reader, _WAGE_COUNT, _WAGE_ROWS, page, restaurant_id=restaurant_id, staff_id=staff_id)


async def people_of(reading: Reading, restaurant_id: UUID) -> dict[UUID, Any]:
    """Everybody whom the restaurant knows, with name and role."""
    rows: Sequence[Any] = await reading.all(_PEOPLE, restaurant_id=restaurant_id)
    return {row.user_id: row for row in rows}


def _shift(row: Any) -> Shift:
    return Shift(row.id, row.starts_at, row.ends_at, row.break_minutes)
