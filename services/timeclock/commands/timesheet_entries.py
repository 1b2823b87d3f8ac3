"""Hours that are entered by hand."""

from decimal import Decimal
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import AlreadyExists, Forbidden, Invalid, NotFound
from services.timeclock.commands import timesheets
from services.timeclock.domain import timesheets as rules
from services.timeclock.models import Timesheet, TimesheetEntry
from services.timeclock.queries.policy import published_shift, rules_of
from services.timeclock.queries.timesheets import NO_ENTRY


async def create(
    session: AsyncSession,
    timesheet: Timesheet,
    shift_id: UUID,
    hours: Decimal,
    notes: str | None,
    author_id: UUID,
) -> TimesheetEntry:
    """Enters the hours of a shift, in place of what punches say of it.

    Raises NotFound for a shift that is not the person's, Invalid outside the period, AlreadyExists for a second one.
    """
    _refuse(timesheet, author_id)
    reading = SessionReader(session)
    planned = await published_shift(reading, timesheet.restaurant_id, shift_id)
    if planned is None or timesheet.staff_id not in planned.row.staff_ids:
        raise NotFound("No AssignedShift matches the given query.")
    clock = await rules_of(reading, timesheet.restaurant_id)
    if not timesheet.start_date <= clock.business_date(planned.shift.starts_at) <= timesheet.end_date:
        raise Invalid.field("shift", "The shift is not in the timesheet's period.")
    known = await session.scalar(
        sa.select(TimesheetEntry).where(
            TimesheetEntry.timesheet_id == timesheet.id, TimesheetEntry.shift_id == shift_id
        )
    )
    if known is not None and known.is_manual:
        raise AlreadyExists("The hours of this shift are entered already.", fields={"shift": "Entered already."})
    entry = known or TimesheetEntry(
        id=uuid4(), restaurant_id=timesheet.restaurant_id, timesheet_id=timesheet.id, shift_id=shift_id
    )
    entry.hours_worked, entry.notes, entry.is_manual, entry.author_id = hours, notes, True, author_id
    session.add(entry)
    await session.flush()
    await timesheets.recalculate(session, timesheet)
    return entry


async def change(
    session: AsyncSession, restaurant_id: UUID, entry_id: UUID, changes: dict[str, object], author_id: UUID
) -> None:
    """Changes hours or notes. Raises NotFound, and Invalid unless the timesheet is a draft."""
    entry, timesheet = await _held(session, restaurant_id, entry_id)
    _refuse(timesheet, author_id)
    if "hours_worked" in changes:
        entry.is_manual, entry.author_id = True, author_id
    for name, value in changes.items():
        setattr(entry, name, value)
    await session.flush()
    await timesheets.recalculate(session, timesheet)


async def delete(session: AsyncSession, restaurant_id: UUID, entry_id: UUID, author_id: UUID) -> None:
    """Takes hours back that were entered by hand. Raises NotFound, and Invalid for hours that come from punches."""
    entry, timesheet = await _held(session, restaurant_id, entry_id)
    _refuse(timesheet, author_id)
    if not entry.is_manual:
        raise Invalid("These hours come from punches; correct those instead.", code="not_manual")
    await session.delete(entry)
    await session.flush()
    await timesheets.recalculate(session, timesheet)


async def _held(session: AsyncSession, restaurant_id: UUID, entry_id: UUID) -> tuple[TimesheetEntry, Timesheet]:
    entry = await session.scalar(
        sa.select(TimesheetEntry).where(TimesheetEntry.restaurant_id == restaurant_id, TimesheetEntry.id == entry_id)
    )
    if entry is None:
        raise NotFound(NO_ENTRY)
    return entry, await timesheets.locked_for_change(session, restaurant_id, entry.timesheet_id)


def _refuse(timesheet: Timesheet, author_id: UUID) -> None:
    if timesheet.status not in rules.EDITABLE:
        raise Invalid(f"A timesheet with status {timesheet.status} cannot be changed.", code="wrong_status")
    if timesheet.staff_id == author_id:
        raise Forbidden("Somebody else must enter your own hours.", code="own_timesheet")
