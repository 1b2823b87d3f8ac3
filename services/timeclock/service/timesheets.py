"""Timesheets and their entries."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf import any_pb2
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from labour import Period, net_hours
from mizan.options.v1 import files_pb2
from mizan.timeclock.v1 import timesheet_pb2
from servicekit import spreadsheet
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SessionReader
from servicekit.errors import Invalid, NotFound
from servicekit.identity import Principal
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.timeclock.commands import timesheet_entries as entries
from services.timeclock.commands import timesheets as commands
from services.timeclock.domain.pay import SECONDS_PER_HOUR, hours_of
from services.timeclock.models import Timesheet
from services.timeclock.queries import timesheets as queries
from services.timeclock.queries.timesheets import Filter, Shown
from services.timeclock.service.convert import hours

SEES_ATTENDANCE: Final = "attendance.view"
MANAGES_ATTENDANCE: Final = "attendance.manage"
LONGEST_EXPORT: Final = timedelta(days=400)
COLUMNS: Final = (
    "employee_id",
    "employee",
    "email",
    "period_start",
    "period_end",
    "status",
    "date",
    "kind",
    "hours",
    "hourly_rate",
    "multiplier",
    "amount",
    "from",
    "until",
    "session_id",
    "rule",
)


class TimesheetService:
    """Implements mizan.timeclock.v1.TimesheetService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListTimesheets(
        self, request: timesheet_pb2.ListTimesheetsRequest, call: Call
    ) -> timesheet_pb2.ListTimesheetsResponse:
        reader, tenant = call.read(), call.principal.tenant
        given = values_of(request)
        person = given.get("staff")
        own = _only_own(call.principal)
        if own is not None:
            if person not in (None, own):
                raise NotFound("No User matches the given query.")
            person = own
        elif person is not None:
            await refdata.member(reader, tenant, person)
        wanted = Filter(person, given.get("status"), given.get("start_date"), given.get("end_date"))
        count, found = await queries.page_of_timesheets(reader, tenant, wanted, page_of(request))
        return timesheet_pb2.ListTimesheetsResponse(count=count, results=[timesheet_message(one) for one in found])

    async def GetTimesheet(self, request: timesheet_pb2.GetTimesheetRequest, call: Call) -> timesheet_pb2.Timesheet:
        own = _only_own(call.principal)
        return timesheet_message(await queries.one_timesheet(call.read(), call.principal.tenant, UUID(request.id), own))

    async def CreateTimesheet(
        self, request: timesheet_pb2.CreateTimesheetRequest, call: Call
    ) -> timesheet_pb2.Timesheet:
        session = await call.session()
        tenant, given = call.principal.tenant, values_of(request)
        await refdata.member(SessionReader(session), tenant, given["staff"])
        made = await commands.create(
            session,
            tenant,
            given["staff"],
            given["start_date"],
            given["end_date"],
            rate=given.get("hourly_rate"),
            notes=given.get("notes"),
        )
        return await _shown(session, call, made)

    async def GenerateTimesheets(
        self, request: timesheet_pb2.GenerateTimesheetsRequest, call: Call
    ) -> timesheet_pb2.GenerateTimesheetsResponse:
        session = await call.session()
        given = values_of(request)
        made = await commands.generate(session, call.principal.tenant, given["start_date"], given["end_date"])
        return timesheet_pb2.GenerateTimesheetsResponse(
            created=len(made), timesheets=[await _shown(session, call, one) for one in made]
        )

    async def UpdateTimesheet(
        self, request: timesheet_pb2.UpdateTimesheetRequest, call: Call
    ) -> timesheet_pb2.Timesheet:
        session = await call.session()
        tenant = call.principal.tenant
        changes = changes_of(
            request, ("staff", "start_date", "end_date", "hourly_rate", "notes"), nullable=("hourly_rate", "notes")
        )
        timesheet = await commands.locked_for_change(session, tenant, UUID(request.id))
        if "staff" in changes:
            await refdata.member(SessionReader(session), tenant, changes["staff"])
        await commands.change(session, timesheet, changes)
        return await _shown(session, call, timesheet)

    async def DeleteTimesheet(self, request: timesheet_pb2.DeleteTimesheetRequest, call: Call) -> Empty:
        session = await call.session()
        timesheet = await commands.locked_for_change(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"staff": timesheet.staff_id, "start_date": timesheet.start_date}
        await commands.delete(session, timesheet)
        return Empty()

    async def SubmitTimesheet(self, request: timesheet_pb2.TimesheetStep, call: Call) -> timesheet_pb2.TimesheetAnswer:
        return await self._step(request, call, "submit", "Timesheet submitted for approval")

    async def ApproveTimesheet(self, request: timesheet_pb2.TimesheetStep, call: Call) -> timesheet_pb2.TimesheetAnswer:
        return await self._step(request, call, "approve", "Timesheet approved")

    async def RejectTimesheet(self, request: timesheet_pb2.TimesheetStep, call: Call) -> timesheet_pb2.TimesheetAnswer:
        return await self._step(request, call, "reject", "Timesheet rejected")

    async def MarkTimesheetPaid(
        self, request: timesheet_pb2.TimesheetStep, call: Call
    ) -> timesheet_pb2.TimesheetAnswer:
        return await self._step(request, call, "mark_paid", "Timesheet marked as paid")

    async def _step(
        self, request: timesheet_pb2.TimesheetStep, call: Call, step: str, detail: str
    ) -> timesheet_pb2.TimesheetAnswer:
        session = await call.session()
        timesheet = await _held(session, call, UUID(request.id))
        call.notes.old_values = {"status": timesheet.status}
        await commands.take_step(session, timesheet, step, call.principal.user_id, self._clock.now())
        call.notes.new_values = {"status": timesheet.status}
        return timesheet_pb2.TimesheetAnswer(detail=detail, timesheet=await _shown(session, call, timesheet))

    async def RecalculateTimesheet(
        self, request: timesheet_pb2.TimesheetStep, call: Call
    ) -> timesheet_pb2.TimesheetAnswer:
        session = await call.session()
        timesheet = await _held(session, call, UUID(request.id))
        await commands.recalculate(session, timesheet)
        return timesheet_pb2.TimesheetAnswer(
            detail="Timesheet recalculated", timesheet=await _shown(session, call, timesheet)
        )

    async def ExportPayroll(self, request: timesheet_pb2.ExportPayrollRequest, call: Call) -> httpbody_pb2.HttpBody:
        first, last = date.fromisoformat(request.start_date), date.fromisoformat(request.end_date)
        if not timedelta() <= last - first <= LONGEST_EXPORT:
            raise Invalid.field("end_date", f"From the first day to {LONGEST_EXPORT.days} days later.")
        rows = await queries.payroll(call.read(), call.principal.tenant, first, last)
        packed = any_pb2.Any()
        packed.Pack(files_pb2.Disposition(filename=f"payroll-{first}-{last}.csv"))
        return httpbody_pb2.HttpBody(
            content_type="text/csv; charset=utf-8", data=payroll_csv(rows), extensions=[packed]
        )

    # Entries

    async def ListTimesheetEntries(
        self, request: timesheet_pb2.ListTimesheetEntriesRequest, call: Call
    ) -> timesheet_pb2.ListTimesheetEntriesResponse:
        reader, tenant = call.read(), call.principal.tenant
        timesheet = UUID(request.timesheet_id) if request.timesheet_id else None
        if timesheet is not None:
            await queries.one_timesheet(reader, tenant, timesheet)
        count, rows = await queries.page_of_entries(reader, tenant, timesheet, page_of(request))
        return timesheet_pb2.ListTimesheetEntriesResponse(count=count, results=[entry_message(row) for row in rows])

    async def GetTimesheetEntry(
        self, request: timesheet_pb2.GetTimesheetEntryRequest, call: Call
    ) -> timesheet_pb2.TimesheetEntry:
        return entry_message(await queries.one_entry(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateTimesheetEntry(
        self, request: timesheet_pb2.CreateTimesheetEntryRequest, call: Call
    ) -> timesheet_pb2.TimesheetEntry:
        session = await call.session()
        tenant, given = call.principal.tenant, values_of(request)
        timesheet = await commands.locked_for_change(session, tenant, given["timesheet"])
        made = await entries.create(
            session, timesheet, given["shift"], given["hours_worked"], given.get("notes"), call.principal.user_id
        )
        return entry_message(await queries.one_entry(SessionReader(session), tenant, made.id))

    async def UpdateTimesheetEntry(
        self, request: timesheet_pb2.UpdateTimesheetEntryRequest, call: Call
    ) -> timesheet_pb2.TimesheetEntry:
        session = await call.session()
        tenant, entry_id = call.principal.tenant, UUID(request.id)
        changes = changes_of(request, ("hours_worked", "notes"), nullable=("notes",))
        await entries.change(session, tenant, entry_id, changes, call.principal.user_id)
        return entry_message(await queries.one_entry(SessionReader(session), tenant, entry_id))

    async def DeleteTimesheetEntry(self, request: timesheet_pb2.DeleteTimesheetEntryRequest, call: Call) -> Empty:
        session = await call.session()
        await entries.delete(session, call.principal.tenant, UUID(request.id), call.principal.user_id)
        return Empty()


def _only_own(principal: Principal) -> UUID | None:
    return None if principal.may(SEES_ATTENDANCE) else principal.user_id


async def _held(session: AsyncSession, call: Call, timesheet_id: UUID) -> Timesheet:
    """A timesheet that the caller may act on: their own, or anybody's for managers. Raises NotFound."""
    timesheet = await commands.locked_for_change(session, call.principal.tenant, timesheet_id)
    if not call.principal.may(MANAGES_ATTENDANCE) and timesheet.staff_id != call.principal.user_id:
        raise NotFound(commands.NO_TIMESHEET)
    return timesheet


async def _shown(session: AsyncSession, call: Call, timesheet: Timesheet) -> timesheet_pb2.Timesheet:
    call.notes.entity_id = str(timesheet.id)
    return timesheet_message(await queries.one_timesheet(SessionReader(session), call.principal.tenant, timesheet.id))


def timesheet_message(shown: Shown) -> timesheet_pb2.Timesheet:
    """A timesheet with its entries, and its lines where they were read."""
    row = shown.row
    return timesheet_pb2.Timesheet(
        id=str(row.id),
        staff=str(row.staff_id),
        staff_name=row.staff_name,
        restaurant=str(row.restaurant_id),
        start_date=row.start_date.isoformat(),
        end_date=row.end_date.isoformat(),
        total_hours=str(hours_of(row.total_seconds)),
        total_earnings=str(row.total_earnings),
        hourly_rate=str(row.shown_rate),
        status=row.status,
        notes=row.notes,
        submitted_at=timestamp_of(row.submitted_at),
        approved_at=timestamp_of(row.approved_at),
        approved_by=str(row.approved_by) if row.approved_by else None,
        approved_by_name=row.approved_by_name,
        paid_at=timestamp_of(row.paid_at),
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
        entries=[entry_message(entry) for entry in shown.entries],
        regular_hours=str(hours_of(row.regular_seconds)),
        overtime_hours=str(hours_of(row.overtime_seconds)),
        scheduled_hours=str(hours_of(row.scheduled_seconds)),
        adjustment_hours=str(hours_of(row.adjustment_seconds)),
        lines=[_line_message(line) for line in shown.lines],
        needs_review=row.needs_review,
    )


def _line_message(line: Any) -> timesheet_pb2.TimesheetLine:
    return timesheet_pb2.TimesheetLine(
        business_date=line.business_date.isoformat(),
        kind=line.kind,
        begins_at=timestamp_of(line.begins_at),
        until=timestamp_of(line.ends_at),
        seconds=line.seconds,
        hourly_rate=str(line.rate),
        multiplier=str(line.multiplier),
        amount=str(line.amount),
        session_id=str(line.session_id) if line.session_id else None,
        out_punch_id=str(line.out_punch_id) if line.out_punch_id else None,
        shift_id=str(line.shift_id) if line.shift_id else None,
        rule=line.rule,
        adjusts=str(line.adjusts_id) if line.adjusts_id else None,
    )


def entry_message(row: Any) -> timesheet_pb2.TimesheetEntry:
    """The worked hours of a shift beside the planned one."""
    message = timesheet_pb2.TimesheetEntry(
        id=str(row.id),
        timesheet=str(row.timesheet_id),
        shift=str(row.shift_id),
        hours_worked=str(row.hours_worked),
        notes=row.notes,
        created_at=timestamp_of(row.created_at),
        is_manual=row.is_manual,
    )
    if row.starts_at is not None:
        planned = net_hours(Period(row.starts_at, row.ends_at), timedelta(minutes=row.break_minutes))
        message.shift_details.CopyFrom(
            timesheet_pb2.ShiftDetails(
                id=str(row.shift_id),
                staff=str(row.staff_id),
                staff_name=row.staff_name,
                shift_date=row.shift_date.isoformat(),
                start_time=timestamp_of(row.starts_at),
                end_time=timestamp_of(row.ends_at),
                role=row.role,
                status=row.shift_status,
                scheduled_hours=hours(int(planned.total_seconds())),
            )
        )
    return message


def payroll_csv(rows: Iterable[Any]) -> bytes:
    """The lines of locked timesheets as a table."""
    return spreadsheet.lines([COLUMNS, *map(_cells, rows)]).encode()


def _cells(row: Any) -> tuple[Any, ...]:
    return (
        row.staff_id,
        row.staff_name,
        row.email,
        row.start_date,
        row.end_date,
        row.status,
        row.business_date,
        row.kind,
        _exact_hours(row.seconds),
        row.rate,
        row.multiplier,
        row.amount,
        row.begins_at.isoformat() if row.begins_at else None,
        row.ends_at.isoformat() if row.ends_at else None,
        row.session_id,
        row.rule,
    )


def _exact_hours(seconds: int) -> Decimal:
    """Hours with four decimals, so that a payroll program can multiply them."""
    return (Decimal(seconds) / SECONDS_PER_HOUR).quantize(Decimal("0.0001"))
