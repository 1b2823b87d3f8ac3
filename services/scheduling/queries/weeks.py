"""Weeks with their shifts."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import Shift, ShiftTask, Task, WeeklySchedule
from services.scheduling.queries import week_shifts
from services.scheduling.queries.shifts import Filter, Planned, all_shifts

NO_WEEK = "No WeeklySchedule matches the given query."
_MINE = WeeklySchedule.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_FROM = bindparam("first", None, type_=sa.Date)
_TO = bindparam("last", None, type_=sa.Date)
_CHOSEN = sa.and_(
    _MINE,
    sa.or_(_FROM.is_(None), WeeklySchedule.week_start >= _FROM),
    sa.or_(_TO.is_(None), WeeklySchedule.week_start <= _TO),
)
_WEEKS = sa.select(*WeeklySchedule.__table__.columns)
_COUNT = Query(sa.select(sa.func.count()).select_from(WeeklySchedule).where(_CHOSEN))
_ROWS = Query(
    _WEEKS.where(_CHOSEN)
    .order_by(WeeklySchedule.week_start.desc())
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_BY_ID = Query(_WEEKS.where(_MINE, WeeklySchedule.id == bindparam("id", type_=sa.Uuid)))
_BY_START = Query(_WEEKS.where(_MINE, WeeklySchedule.week_start == bindparam("week_start", type_=sa.Date)))


def _count_of(model: Any, *conditions: Any) -> Any:
    mine = model.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
    return sa.select(sa.func.count()).select_from(model).where(mine, *conditions).scalar_subquery()


def _is_open(model: Any) -> Any:
    return sa.or_(model.status == "TODO", model.status == "IN_PROGRESS")


_STATS = Query(
    sa.select(
        sa.select(sa.func.count())
        .select_from(refdata.staff_ref)
        .where(
            refdata.staff_ref.c.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
            refdata.staff_ref.c.is_active,
        )
        .scalar_subquery()
        .label("total_staff"),
        _count_of(
            Shift,
            Shift.shift_date.between(bindparam("first", type_=sa.Date), bindparam("last", type_=sa.Date)),
            Shift.status != "CANCELLED",
        ).label("scheduled_shifts"),
        (_count_of(ShiftTask, _is_open(ShiftTask)) + _count_of(Task, _is_open(Task))).label("open_tasks"),
        (_count_of(ShiftTask, ShiftTask.status == "COMPLETED") + _count_of(Task, Task.status == "COMPLETED")).label(
            "completed_tasks"
        ),
    )
)


async def page_of_weeks(
    reader: Reader,
    restaurant_id: UUID,
    page: Page,
    *,
    first: date | None,
    last: date | None,
    staff_id: UUID | None,
) -> tuple[int, list[tuple[Any, list[Planned]]]]:
    """How many weeks begin between two days, and those of one page with their shifts, newest first.

    With `staff_id`, only that person's shifts. Raises NotFound beyond the end.
    """
    count, weeks = await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, first=first, last=last)
    if not weeks:
        return count, []
    by_week: dict[str, list[Planned]] = {str(week.id): [] for week in weeks}
    for planned in await shifts_of_weeks(reader, restaurant_id, [week.id for week in weeks], staff_id):
        by_week[planned.row.schedule_id].append(planned)
    return count, [(week, by_week[str(week.id)]) for week in weeks]


async def one_week(reading: Reading, restaurant_id: UUID, week_id: UUID) -> Any:
    """A week's row. Raises NotFound."""
    row = await reading.first(_BY_ID, restaurant_id=restaurant_id, id=week_id)
    if row is None:
        raise NotFound(NO_WEEK)
    return row


async def week_by_start(reading: Reading, restaurant_id: UUID, week_start: date) -> Any | None:
    """The row of the week that begins on a day, or None."""
    return await reading.first(_BY_START, restaurant_id=restaurant_id, week_start=week_start)


async def week_with_shifts(
    reading: Reading, restaurant_id: UUID, week_id: UUID, staff_id: UUID | None = None
) -> tuple[Any, list[Planned]]:
    """A week's row and its shifts, or one person's. Raises NotFound."""
    weeks, *shifts = await reading.batch(
        (_BY_ID, {"restaurant_id": restaurant_id, "id": week_id}),
        *week_shifts.of_weeks(restaurant_id, [week_id], staff_id),
    )
    if not weeks:
        raise NotFound(NO_WEEK)
    return weeks[0], week_shifts.planned(*shifts)


async def week_from(reading: Reading, restaurant_id: UUID, week_start: date) -> tuple[Any | None, list[Planned]]:
    """The row of the week that begins on a day, or None, and its shifts."""
    weeks, *shifts = await reading.batch(
        (_BY_START, {"restaurant_id": restaurant_id, "week_start": week_start}),
        *week_shifts.of_week_from(restaurant_id, week_start),
    )
    return (weeks[0] if weeks else None), week_shifts.planned(*shifts)


async def shifts_of_weeks(
    reading: Reading, restaurant_id: UUID, weeks: list[UUID], staff_id: UUID | None = None
) -> list[Planned]:
    """The shifts of weeks, or one person's, by day and start."""
    return week_shifts.planned(*await reading.batch(*week_shifts.of_weeks(restaurant_id, weeks, staff_id)))


async def worked_shifts(reading: Reading, restaurant_id: UUID, week_id: UUID) -> list[Planned]:
    """The shifts of a week that are not cancelled, with their people alone. Raises NotFound."""
    week = await one_week(reading, restaurant_id, week_id)
    shifts = await all_shifts(reading, restaurant_id, Filter(schedules=[week.id]), details=False)
    return [shift for shift in shifts if shift.row.status != "CANCELLED"]


async def stats(reader: Reader, restaurant_id: UUID, monday: date) -> Any:
    """Counts for the planning page: active people, shifts of a week, open and completed tasks."""
    return await reader.first(_STATS, restaurant_id=restaurant_id, first=monday, last=monday + timedelta(days=6))
