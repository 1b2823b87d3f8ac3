"""Timesheets with their entries and lines."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.timeclock.models import ShiftRef, Timesheet, TimesheetEntry, TimesheetLine

NO_TIMESHEET = "No Timesheet matches the given query."
NO_ENTRY = "No TimesheetEntry matches the given query."

_TENANT = bindparam("restaurant_id", type_=sa.Uuid)
_TIMESHEETS: Any = Timesheet.__table__
_APPROVER = refdata.staff_ref.alias("approver")
_FROM = sa.outerjoin(
    _TIMESHEETS, refdata.staff_ref, refdata.is_staff(_TIMESHEETS.c.restaurant_id, _TIMESHEETS.c.staff_id)
).outerjoin(
    _APPROVER,
    sa.and_(_APPROVER.c.restaurant_id == _TIMESHEETS.c.restaurant_id, _APPROVER.c.user_id == _TIMESHEETS.c.approved_by),
)
_COLUMNS = (
    *_TIMESHEETS.columns,
    refdata.FULL_NAME.label("staff_name"),
    sa.func.trim(_APPROVER.c.first_name + " " + _APPROVER.c.last_name).label("approved_by_name"),
)


def _unless_null(name: str, kind: sa.types.TypeEngine[Any], condition: Any) -> Any:
    parameter = bindparam(name, type_=kind)
    return sa.or_(parameter.is_(None), condition(parameter))


_WANTED = (
    _TIMESHEETS.c.restaurant_id == _TENANT,
    _unless_null("staff_id", sa.Uuid(), lambda staff: _TIMESHEETS.c.staff_id == staff),
    _unless_null("status", sa.Text(), lambda status: _TIMESHEETS.c.status == status),
    _unless_null("first", sa.Date(), lambda first: _TIMESHEETS.c.end_date >= first),
    _unless_null("last", sa.Date(), lambda last: _TIMESHEETS.c.start_date <= last),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(_TIMESHEETS).where(*_WANTED))
_ROWS = Query(
    sa.select(*_COLUMNS)
    .select_from(_FROM)
    .where(*_WANTED)
    .order_by(_TIMESHEETS.c.end_date.desc(), refdata.FULL_NAME, _TIMESHEETS.c.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(
    sa.select(*_COLUMNS)
    .select_from(_FROM)
    .where(_TIMESHEETS.c.restaurant_id == _TENANT, _TIMESHEETS.c.id == bindparam("id", type_=sa.Uuid))
)
_ENTRIES_FROM = (
    sa.join(TimesheetEntry, Timesheet, Timesheet.id == TimesheetEntry.timesheet_id)
    .outerjoin(ShiftRef, ShiftRef.id == TimesheetEntry.shift_id)
    .outerjoin(refdata.staff_ref, refdata.is_staff(Timesheet.restaurant_id, Timesheet.staff_id))
)
_ENTRY_COLUMNS = (
    *TimesheetEntry.__table__.columns,
    Timesheet.staff_id,
    refdata.FULL_NAME.label("staff_name"),
    ShiftRef.shift_date,
    ShiftRef.starts_at,
    ShiftRef.ends_at,
    ShiftRef.break_minutes,
    ShiftRef.role,
    ShiftRef.status.label("shift_status"),
)
_ENTRIES = Query(
    sa.select(*_ENTRY_COLUMNS)
    .select_from(_ENTRIES_FROM)
    .where(
        TimesheetEntry.restaurant_id == _TENANT,
        TimesheetEntry.timesheet_id == any_(bindparam("ids", type_=ARRAY(sa.Uuid))),
    )
    .order_by(ShiftRef.starts_at, TimesheetEntry.id)
)
_OF_TIMESHEET = (
    TimesheetEntry.restaurant_id == _TENANT,
    _unless_null("timesheet_id", sa.Uuid(), lambda timesheet: TimesheetEntry.timesheet_id == timesheet),
)
_ENTRY_COUNT = Query(sa.select(sa.func.count()).select_from(TimesheetEntry).where(*_OF_TIMESHEET))
_ENTRY_ROWS = Query(
    sa.select(*_ENTRY_COLUMNS)
    .select_from(_ENTRIES_FROM)
    .where(*_OF_TIMESHEET)
    .order_by(ShiftRef.starts_at.desc(), TimesheetEntry.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ENTRY = Query(
    sa.select(*_ENTRY_COLUMNS)
    .select_from(_ENTRIES_FROM)
    .where(TimesheetEntry.restaurant_id == _TENANT, TimesheetEntry.id == bindparam("id", type_=sa.Uuid))
)
_LINES = Query(
    sa.select(TimesheetLine.__table__)
    .where(
        TimesheetLine.restaurant_id == _TENANT,
        TimesheetLine.timesheet_id == bindparam("id", type_=sa.Uuid),
    )
    .order_by(TimesheetLine.number)
)
_PAYROLL = Query(
    sa.select(
        _TIMESHEETS.c.start_date,
        _TIMESHEETS.c.end_date,
        _TIMESHEETS.c.status,
        _TIMESHEETS.c.staff_id,
        refdata.FULL_NAME.label("staff_name"),
        refdata.staff_ref.c.email,
        *TimesheetLine.__table__.columns,
    )
    .select_from(_FROM.join(TimesheetLine, TimesheetLine.timesheet_id == _TIMESHEETS.c.id))
    .where(
        _TIMESHEETS.c.restaurant_id == _TENANT,
        sa.or_(_TIMESHEETS.c.status == "APPROVED", _TIMESHEETS.c.status == "PAID"),
        _TIMESHEETS.c.end_date.between(bindparam("first", type_=sa.Date), bindparam("last", type_=sa.Date)),
    )
    .order_by(refdata.FULL_NAME, _TIMESHEETS.c.staff_id, _TIMESHEETS.c.start_date, TimesheetLine.number)
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A timesheet with what is shown of it."""

    row: Any
    entries: list[Any]
    lines: Sequence[Any] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which timesheets are asked for; None does not narrow."""

    staff_id: UUID | None = None
    status: str | None = None
    first: date | None = None
    last: date | None = None


async def page_of_timesheets(
    reader: Reader, restaurant_id: UUID, wanted: Filter, page: Page
) -> tuple[int, list[Shown]]:
    """How many timesheets there are, and those of one page, the latest period first."""
    given = {
        "restaurant_id": restaurant_id,
        "staff_id": wanted.staff_id,
        "status": wanted.status,
        "first": wanted.first,
        "last": wanted.last,
    }
    counted, rows = await reader.batch((_COUNT, given), (_ROWS, {**given, "limit": page.limit, "offset": page.offset}))
    count = int(counted[0][0])
    page.check(count)
    entries: defaultdict[UUID, list[Any]] = defaultdict(list)
    if rows:
        for entry in await reader.all(_ENTRIES, restaurant_id=restaurant_id, ids=[row.id for row in rows]):
            entries[entry.timesheet_id].append(entry)
    return count, [Shown(row, entries[row.id]) for row in rows]


async def one_timesheet(reading: Reading, restaurant_id: UUID, timesheet_id: UUID, own: UUID | None = None) -> Shown:
    """A timesheet with its lines. Raises NotFound, also for one of somebody else than `own`."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=timesheet_id)
    if row is None or own not in (None, row.staff_id):
        raise NotFound(NO_TIMESHEET)
    entries = await reading.all(_ENTRIES, restaurant_id=restaurant_id, ids=[timesheet_id])
    lines = await reading.all(_LINES, restaurant_id=restaurant_id, id=timesheet_id)
    return Shown(row, list(entries), lines)


async def page_of_entries(
    reader: Reader, restaurant_id: UUID, timesheet_id: UUID | None, page: Page
) -> tuple[int, list[Any]]:
    """How many entries there are, and those of one page, the latest shift first."""
    given = {"restaurant_id": restaurant_id, "timesheet_id": timesheet_id}
    counted, rows = await reader.batch(
        (_ENTRY_COUNT, given), (_ENTRY_ROWS, {**given, "limit": page.limit, "offset": page.offset})
    )
    page.check(int(counted[0][0]))
    return int(counted[0][0]), rows


async def one_entry(reading: Reading, restaurant_id: UUID, entry_id: UUID) -> Any:
    """One entry. Raises NotFound."""
    row = await reading.first(_ENTRY, restaurant_id=restaurant_id, id=entry_id)
    if row is None:
        raise NotFound(NO_ENTRY)
    return row


async def payroll(reading: Reading, restaurant_id: UUID, first: date, last: date) -> Sequence[Any]:
    """The lines of locked timesheets that end in a range of days, by person and period."""
    return await reading.all(_PAYROLL, restaurant_id=restaurant_id, first=first, last=last)
