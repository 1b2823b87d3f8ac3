"""Shifts."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from google.protobuf.empty_pb2 import Empty

import refdata
from labour import Period, hours, net_hours
from mizan.scheduling.v1 import shift_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.errors import Invalid, NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import shift_tasks as task_commands
from services.scheduling.commands import shifts as commands
from services.scheduling.domain.clock import shift_of
from services.scheduling.domain.conflicts import Booking, find_conflicts, week_of
from services.scheduling.queries import checklist_templates as checklist_queries
from services.scheduling.queries import shifts as queries
from services.scheduling.queries import weeks as week_queries
from services.scheduling.queries.shifts import Filter, Planned
from services.scheduling.queries.situations import situations
from services.scheduling.service.convert import (
    conflict_message,
    shift_message,
    task_template_fields,
    task_template_message,
    text_of,
)

PLAN = "schedule.manage"
FIELDS = (
    "shift_date",
    "staff",
    "staff_members",
    "start_time",
    "end_time",
    "break_duration",
    "role",
    "color",
    "task_templates",
    "tasks",
    "version",
    *commands.PLAIN,
)
LONGEST_RANGE = timedelta(days=400)


class ShiftService:
    """Implements mizan.scheduling.v1.ShiftService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListWeekShifts(
        self, request: shift_pb2.ListWeekShiftsRequest, call: Call
    ) -> shift_pb2.ListShiftsResponse:
        week = await week_queries.one_week(call.read(), call.principal.tenant, UUID(request.schedule_id))
        return await self._list(request, call, Filter(schedules=[week.id], staff_id=only_own(call)))

    async def ListShifts(self, request: shift_pb2.ListShiftsRequest, call: Call) -> shift_pb2.ListShiftsResponse:
        values = values_of(request)
        reader = call.read()
        if "schedule_id" in values:
            await week_queries.one_week(reader, call.principal.tenant, values["schedule_id"])
        if "staff_id" in values:
            await refdata.member(reader, call.principal.tenant, values["staff_id"])
        chosen = Filter(
            schedules=[values["schedule_id"]] if "schedule_id" in values else None,
            staff_id=only_own(call) or values.get("staff_id"),
            date_from=values.get("date_from"),
            date_to=values.get("date_to"),
            status=values["status"].upper() if values.get("status") else None,
        )
        return await self._list(request, call, chosen)

    async def ListMyShifts(self, request: shift_pb2.ListMyShiftsRequest, call: Call) -> shift_pb2.ListShiftsResponse:
        zone = await refdata.time_zone(call.read(), call.principal.tenant)
        today = self._clock.now().astimezone(zone).date()
        chosen = Filter(staff_id=call.principal.user_id, date_from=today)
        return await self._list(request, call, chosen, by_clock=True)

    async def _list(
        self, request: Any, call: Call, chosen: Filter, *, by_clock: bool = False
    ) -> shift_pb2.ListShiftsResponse:
        count, found = await queries.page_of_shifts(call.read(), call.principal.tenant, chosen, page_of(request))
        return shift_pb2.ListShiftsResponse(
            count=count,
            results=[shift_message(shift, language=call.principal.language, by_clock=by_clock) for shift in found],
        )

    async def GetShift(self, request: shift_pb2.GetShiftRequest, call: Call) -> shift_pb2.AssignedShift:
        return shift_message(await _visible(request, call), language=call.principal.language)

    async def GetShiftByClock(self, request: shift_pb2.GetShiftByClockRequest, call: Call) -> shift_pb2.AssignedShift:
        return shift_message(await _visible(request, call), language=call.principal.language, by_clock=True)

    async def CreateShift(self, request: shift_pb2.CreateShiftRequest, call: Call) -> shift_pb2.AssignedShift:
        session = await call.session()
        tenant, actor = call.principal.tenant, call.principal.user_id
        values = values_of(request)
        if "schedule_id" in values:
            await week_queries.one_week(SessionReader(session), tenant, values["schedule_id"])
        made = await commands.create(session, tenant, values, actor)
        await task_commands.write_all(session, tenant, made.shift.id, _drafts(request), actor, self._clock.now())
        return await _planned(call, session, made)

    async def UpdateShift(self, request: shift_pb2.UpdateShiftRequest, call: Call) -> shift_pb2.AssignedShift:
        session = await call.session()
        tenant, actor = call.principal.tenant, call.principal.user_id
        await _in_week(SessionReader(session), request, tenant)
        changes = changes_of(request, FIELDS, nullable=("staff", "color", "notes", "workspace_location", "department"))
        sends_tasks = changes.pop("tasks", None) is not None
        made = await commands.change(session, tenant, UUID(request.id), changes, actor)
        if sends_tasks:
            await task_commands.replace_all(session, tenant, made.shift.id, _drafts(request), actor, self._clock.now())
        return await _planned(call, session, made)

    async def DeleteShift(self, request: shift_pb2.DeleteShiftRequest, call: Call) -> Empty:
        session = await call.session()
        await _in_week(SessionReader(session), request, call.principal.tenant)
        shift = await commands.delete(session, call.principal.tenant, UUID(request.id), call.principal.user_id)
        call.notes.old_values = {"shift_date": shift.shift_date, "role": shift.role, "status": shift.status}
        return Empty()

    async def ConfirmShift(self, request: shift_pb2.ConfirmShiftRequest, call: Call) -> shift_pb2.ShiftAnswer:
        return await self._set_status(request.id, call, "CONFIRMED", "Shift confirmed")

    async def CompleteShift(self, request: shift_pb2.CompleteShiftRequest, call: Call) -> shift_pb2.ShiftAnswer:
        return await self._set_status(request.id, call, "COMPLETED", "Shift marked as completed")

    async def _set_status(self, shift_id: str, call: Call, status: str, detail: str) -> shift_pb2.ShiftAnswer:
        session = await call.session()
        tenant = call.principal.tenant
        await commands.set_status(session, tenant, UUID(shift_id), status, call.principal.user_id)
        shift = await queries.one_shift(SessionReader(session), tenant, UUID(shift_id))
        return shift_pb2.ShiftAnswer(detail=detail, shift=shift_message(shift, language=call.principal.language))

    async def DetectConflicts(
        self, request: shift_pb2.DetectConflictsRequest, call: Call
    ) -> shift_pb2.DetectConflictsResponse:
        person = UUID(request.staff_id)
        await refdata.member(call.read(), call.principal.tenant, person)
        day = date.fromisoformat(request.shift_date)
        known = await situations(call.read(), call.principal.tenant, [person], day, day)
        period = shift_of(day, request.start_time, request.end_time, known.zone)
        wish = Booking(None, period, timedelta(), request.workspace_location, frozenset({person}))
        found = find_conflicts(wish, known.of(person))
        return shift_pb2.DetectConflictsResponse(
            has_conflicts=bool(found), conflicts=[conflict_message(finding) for finding in found]
        )

    async def StaffHours(self, request: shift_pb2.StaffHoursRequest, call: Call) -> shift_pb2.StaffHoursResponse:
        person = UUID(request.staff_id)
        await refdata.member(call.read(), call.principal.tenant, person)
        first, last = days_of(request.date_from, request.date_to, "date_to")
        chosen = Filter(staff_id=person, date_from=first, date_to=last)
        shifts = await queries.all_shifts(call.read(), call.principal.tenant, chosen, details=False)
        by_role: defaultdict[str, list[timedelta]] = defaultdict(list)
        by_week: defaultdict[str, list[timedelta]] = defaultdict(list)
        for shift in shifts:
            row = shift.row
            if row.status not in ("CANCELLED", "NO_SHOW"):
                length = net_hours(Period(row.starts_at, row.ends_at), timedelta(minutes=row.break_minutes))
                by_role[row.role].append(length)
                by_week[week_of(row.shift_date).isoformat()].append(length)
        total = sum((sum(lengths, timedelta()) for lengths in by_role.values()), timedelta())
        return shift_pb2.StaffHoursResponse(
            staff_id=request.staff_id,
            total_hours=float(hours(total)),
            total_shifts=sum(len(lengths) for lengths in by_role.values()),
            by_role=_sums(by_role),
            by_week=_sums(by_week),
        )

    async def ListShiftTaskTemplates(
        self, request: shift_pb2.ListShiftTaskTemplatesRequest, call: Call
    ) -> shift_pb2.ListShiftTaskTemplatesResponse:
        planned = await _visible(request, call)
        return shift_pb2.ListShiftTaskTemplatesResponse(
            templates=[task_template_message(template, call.principal.language) for template in planned.templates]
        )

    async def ListMyShiftTemplates(
        self, request: shift_pb2.ListMyShiftTemplatesRequest, call: Call
    ) -> shift_pb2.ListMyShiftTemplatesResponse:
        zone = await refdata.time_zone(call.read(), call.principal.tenant)
        chosen = Filter(staff_id=call.principal.user_id, date_from=self._clock.now().astimezone(zone).date())
        shifts = await queries.all_shifts(call.read(), call.principal.tenant, chosen)
        checks, worked = await checklist_queries.checks_of(
            call.read(),
            call.principal.tenant,
            sorted({template.id for shift in shifts for template in shift.templates}),
            [shift.row.id for shift in shifts],
            call.principal.user_id,
        )
        found = []
        for shift in shifts:
            for template in shift.templates:
                checklist = checks.get(template.id)
                execution = worked.get((checklist, shift.row.id)) if checklist is not None else None
                found.append(
                    shift_pb2.MyShiftTemplate(
                        **task_template_fields(template, call.principal.language),
                        shift_id=str(shift.row.id),
                        shift_date=shift.row.shift_date.isoformat(),
                        shift_role=shift.row.role,
                        checklist_template_id=text_of(checklist),
                        execution_id=text_of(execution.id) if execution is not None else None,
                        execution_status=execution.status if execution is not None else None,
                        execution_progress=execution.progress if execution is not None else None,
                    )
                )
        page = page_of(request)
        page.check(len(found))
        return shift_pb2.ListMyShiftTemplatesResponse(
            count=len(found), results=found[page.offset : page.offset + page.limit]
        )

    async def GetMyCalendar(
        self, request: shift_pb2.GetMyCalendarRequest, call: Call
    ) -> shift_pb2.GetMyCalendarResponse:
        first, last = days_of(request.start_date, request.end_date, "end_date")
        chosen = Filter(staff_id=call.principal.user_id, date_from=first, date_to=last)
        shifts = await queries.all_shifts(call.read(), call.principal.tenant, chosen)
        return shift_pb2.GetMyCalendarResponse(events=[_event(shift) for shift in shifts])


def only_own(call: Call) -> UUID | None:
    """The caller, when they may see no shifts but their own."""
    return None if call.principal.may(PLAN) else call.principal.user_id


async def _visible(request: Any, call: Call) -> Planned:
    planned = await queries.one_shift(call.read(), call.principal.tenant, UUID(request.id))
    own = only_own(call)
    wrong_week = "schedule_id" in request.DESCRIPTOR.fields_by_name and _elsewhere(request, planned.row)
    if wrong_week or (own is not None and own not in {person.user_id for person in planned.people}):
        raise NotFound(queries.NO_SHIFT)
    return planned


def _elsewhere(request: Any, row: Any) -> bool:
    return bool(request.schedule_id) and UUID(request.schedule_id) != row.schedule_id


async def _in_week(reader: SessionReader, request: Any, tenant: UUID) -> None:
    """Raises NotFound for a shift that is not in the week that the path names."""
    if request.schedule_id:
        planned = await queries.one_shift(reader, tenant, UUID(request.id))
        if _elsewhere(request, planned.row):
            raise NotFound(queries.NO_SHIFT)


async def _planned(call: Call, session: Any, made: commands.Plan) -> shift_pb2.AssignedShift:
    planned = await queries.one_shift(SessionReader(session), call.principal.tenant, made.shift.id)
    message = shift_message(planned, language=call.principal.language)
    message.warnings.extend(conflict_message(finding) for finding in made.warnings)
    call.notes.entity_id = str(made.shift.id)
    return message


def _drafts(request: Any) -> list[dict[str, Any]]:
    return [values_of(draft) for draft in request.tasks]


def days_of(first: str, last: str, field: str) -> tuple[date, date]:
    """The first and the last day of a request. Raises Invalid for too many, and for the wrong way round."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    if end < start:
        raise Invalid.field(field, "Must not be before the first day.")
    if end - start > LONGEST_RANGE:
        raise Invalid.field(field, f"At most {LONGEST_RANGE.days} days at once.")
    return start, end


def _sums(lengths: dict[str, list[timedelta]]) -> list[shift_pb2.HoursOf]:
    return [
        shift_pb2.HoursOf(key=key, hours=float(hours(sum(several, timedelta()))), shifts=len(several))
        for key, several in sorted(lengths.items())
    ]


def _event(planned: Planned) -> shift_pb2.CalendarEvent:
    row = planned.row
    zone = ZoneInfo(row.timezone)
    return shift_pb2.CalendarEvent(
        id=str(row.id),
        title=f"{row.role.replace('_', ' ').title()} Shift",
        start=row.starts_at.astimezone(zone).isoformat(timespec="seconds"),
        end=row.ends_at.astimezone(zone).isoformat(timespec="seconds"),
        status=row.status,
        is_confirmed=row.is_confirmed,
        notes=row.notes,
        tasks_count=len(planned.tasks),
        tasks_completed=sum(task.status == "COMPLETED" for task in planned.tasks),
    )
