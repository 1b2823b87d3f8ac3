"""Who is here, who was, and for how long."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from google.protobuf.empty_pb2 import Empty

import refdata
from mizan.timeclock.v1 import attendance_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.errors import Invalid, NotFound
from servicekit.identity import Principal
from servicekit.links import FileLinks
from servicekit.paging import page_of
from services.timeclock.commands.clocking import refused
from services.timeclock.domain import attendance
from services.timeclock.domain.pay import SECONDS_PER_HOUR
from services.timeclock.domain.sessions import OPEN, seconds_between
from services.timeclock.queries import overviews, policy
from services.timeclock.queries import sessions as queries
from services.timeclock.queries.overviews import Attended, attendance_of
from services.timeclock.queries.situations import situation
from services.timeclock.service.convert import (
    STATUS,
    clock_event,
    current_session,
    hours,
    paid_seconds,
    point,
    worked_sessions,
)

SEES_ATTENDANCE: Final = "attendance.view"
LONGEST_HISTORY: Final = timedelta(days=400)
LONGEST_COMPARISON: Final = timedelta(days=62)
REPORT_DAYS: Final = timedelta(days=30)
LAST_EVENTS: Final = 50
WEEK: Final = timedelta(days=7)
NOT_A_DATE: Final = "Invalid date format. Use YYYY-MM-DD."


class AttendanceService:
    """Implements mizan.timeclock.v1.AttendanceService."""

    def __init__(self, clock: Clock, links: FileLinks) -> None:
        self._clock = clock
        self._links = links

    async def GetStaffDashboard(self, _request: Empty, call: Call) -> attendance_pb2.StaffDashboard:
        reader, tenant, person = call.read(), call.principal.tenant, call.principal.user_id
        now = self._clock.now()
        known = await situation(reader, tenant, person, now)
        rules = await policy.rules_of(reader, tenant)
        today = rules.business_date(now)
        since, until = rules.bounds(today, today)
        shifts = await policy.shifts_between(reader, tenant, since, until, person)
        found = await queries.sessions_of_days(reader, tenant, today - WEEK, today, person)
        wages = await policy.wages_of(reader, tenant, person)
        ended = [one for one, _ in found if one.ended_at is not None and one.ended_at > now - WEEK]
        earned = sum(wages.on(one.business_date) * one.worked_seconds / SECONDS_PER_HOUR for one in ended)
        session = known.latest if known.latest is not None and known.latest.status == OPEN else None
        pause = session.running_break if session is not None else None
        reach = known.site.reach if known.site is not None else 100.0
        return attendance_pb2.StaffDashboard(
            current_session=current_session(session, now) if session is not None else None,
            is_clocked_in=session is not None,
            current_break_duration_minutes=round(seconds_between(pause.start, now) / 60, 2) if pause else 0,
            todays_shift=_todays_shift(shifts[0].row, person, rules.zone) if shifts else None,
            restaurant_location=attendance_pb2.DashboardPlace(
                latitude=known.site.latitude if known.site is not None else None,
                longitude=known.site.longitude if known.site is not None else None,
                radius=reach,
            ),
            stats=attendance_pb2.DashboardStats(
                hours_this_week=hours(sum(one.worked_seconds for one in ended)),
                shifts_this_week=len(ended),
                earnings_this_week=round(float(earned), 2),
            ),
            geofence_radius=reach,
            is_on_break=pause is not None,
            account_status="good" if known.is_active else "inactive",
            is_active=known.is_active,
        )

    async def ListTodaysEvents(
        self, _request: attendance_pb2.ListTodaysEventsRequest, call: Call
    ) -> attendance_pb2.ClockEventList:
        reader, tenant = call.read(), call.principal.tenant
        rules = await policy.rules_of(reader, tenant)
        rows = await queries.punches_of_day(
            reader, tenant, rules.business_date(self._clock.now()), _only_own(call.principal)
        )
        return self._events(rows)

    async def ListStaffEvents(
        self, request: attendance_pb2.ListStaffEventsRequest, call: Call
    ) -> attendance_pb2.ClockEventList:
        person = await _visible_person(call, UUID(request.user_id))
        return self._events(await queries.last_punches(call.read(), call.principal.tenant, person, LAST_EVENTS))

    def _events(self, rows: Iterable[Any]) -> attendance_pb2.ClockEventList:
        return attendance_pb2.ClockEventList(events=[clock_event(row, self._links) for row in rows])

    async def ListAttendanceHistory(
        self, request: attendance_pb2.ListAttendanceHistoryRequest, call: Call
    ) -> attendance_pb2.AttendanceHistory:
        person = call.principal.user_id
        if request.user_id:
            person = await _visible_person(call, UUID(request.user_id))
        return await self._history(request, call, person)

    async def ListAttendanceHistoryOf(
        self, request: attendance_pb2.ListAttendanceHistoryOfRequest, call: Call
    ) -> attendance_pb2.AttendanceHistory:
        return await self._history(request, call, await _visible_person(call, UUID(request.user_id)))

    async def _history(self, request: Any, call: Call, person: UUID) -> attendance_pb2.AttendanceHistory:
        if not request.start_date or not request.end_date:
            text = "start_date and end_date are required"
            raise refused(text, text, "required")
        try:
            first, last = date.fromisoformat(request.start_date), date.fromisoformat(request.end_date)
        except ValueError as error:
            raise refused(NOT_A_DATE, NOT_A_DATE, "invalid") from error
        _refuse_range(first, last, LONGEST_HISTORY)
        found = await queries.sessions_of_days(call.read(), call.principal.tenant, first, last, person)
        return attendance_pb2.AttendanceHistory(sessions=worked_sessions(found, self._clock.now()))

    async def ListTimecards(
        self, request: attendance_pb2.ListTimecardsRequest, call: Call
    ) -> attendance_pb2.ListTimecardsResponse:
        reader, tenant, now = call.read(), call.principal.tenant, self._clock.now()
        if request.start and request.end:
            first, last = date.fromisoformat(request.start), date.fromisoformat(request.end)
        else:
            last = (await policy.rules_of(reader, tenant)).business_date(now)
            first = last.replace(day=1)
        _refuse_range(first, last, LONGEST_HISTORY)
        found = await queries.sessions_of_days(reader, tenant, first, last, call.principal.user_id)
        return attendance_pb2.ListTimecardsResponse(
            timecards=[
                attendance_pb2.Timecard(
                    date=one.business_date.isoformat(),
                    clock_in=timestamp_of(one.started_at),
                    clock_out=timestamp_of(one.ended_at),
                    total_hours=hours(paid_seconds(one, now)),
                    status="completed" if STATUS.get(one.status) == "completed" else "incomplete",
                    location_in=point(one.place_in.latitude, one.place_in.longitude),
                    location_out=point(one.place_out.latitude, one.place_out.longitude),
                )
                for one, _ in found
            ]
        )

    async def ListOnNow(self, _request: Empty, call: Call) -> attendance_pb2.ListOnNowResponse:
        reader, tenant, now = call.read(), call.principal.tenant, self._clock.now()
        rules = await policy.rules_of(reader, tenant)
        today = rules.business_date(now)
        there = await queries.open_sessions(reader, tenant)
        overview = await attendance_of(reader, tenant, today, today, now)
        of_session = {session.id: line for line in overview.attended for session in line.sessions}
        inside = {row.staff_id for _, row in there}
        return attendance_pb2.ListOnNowResponse(
            on_now=[_on_now(session, row, of_session.get(session.id), now) for session, row in there],
            missing=[
                _expected(line, line.shift)
                for line in overview.attended
                if line.shift is not None
                and line.staff_id not in inside
                and line.mark.status in (attendance.MISSING, attendance.ABSENT)
                and line.shift.ends_at > now
            ],
        )

    async def CompareWithSchedule(
        self, request: attendance_pb2.CompareWithScheduleRequest, call: Call
    ) -> attendance_pb2.CompareWithScheduleResponse:
        reader, tenant, now = call.read(), call.principal.tenant, self._clock.now()
        person = UUID(request.staff_id) if request.staff_id else None
        if person is not None:
            await refdata.member(reader, tenant, person)
        today = (await policy.rules_of(reader, tenant)).business_date(now)
        first = date.fromisoformat(request.start_date) if request.start_date else today
        last = date.fromisoformat(request.end_date) if request.end_date else first
        _refuse_range(first, last, LONGEST_COMPARISON)
        lines = (await attendance_of(reader, tenant, first, last, now, person)).attended
        planned = sum((line.shift.planned for line in lines if line.shift is not None), timedelta())
        return attendance_pb2.CompareWithScheduleResponse(
            shifts=[_comparison(line) for line in lines],
            scheduled_hours=hours(int(planned.total_seconds())),
            worked_hours=hours(sum(line.seconds for line in lines)),
            late=sum(line.mark.status == attendance.LATE for line in lines),
            absent=sum(line.mark.status == attendance.ABSENT for line in lines),
            left_early=sum(line.mark.early_leave_minutes > 0 for line in lines),
            unscheduled=sum(line.shift is None for line in lines),
        )

    async def ListAttendanceReports(
        self, request: attendance_pb2.ListAttendanceReportsRequest, call: Call
    ) -> attendance_pb2.ListAttendanceReportsResponse:
        reader, tenant, now = call.read(), call.principal.tenant, self._clock.now()
        today = (await policy.rules_of(reader, tenant)).business_date(now)
        last = date.fromisoformat(request.end_date) if request.end_date else today
        first = date.fromisoformat(request.start_date) if request.start_date else last - REPORT_DAYS
        _refuse_range(first, last, LONGEST_HISTORY)
        reports = await self._reports(call, first, last, now)
        page = page_of(request)
        page.check(len(reports))
        return attendance_pb2.ListAttendanceReportsResponse(
            count=len(reports), results=reports[page.offset : page.offset + page.limit]
        )

    async def GetDayReport(
        self, request: attendance_pb2.GetDayReportRequest, call: Call
    ) -> attendance_pb2.AttendanceDayReport:
        try:
            day = date.fromisoformat(request.id)
            (report,) = await self._reports(call, day, day, self._clock.now())
        except (ValueError, OverflowError) as error:
            raise NotFound("No AttendanceReport matches the given query.") from error
        return report

    async def _reports(
        self, call: Call, first: date, last: date, now: datetime
    ) -> list[attendance_pb2.AttendanceDayReport]:
        overview = await attendance_of(call.read(), call.principal.tenant, first, last, now)
        by_day: defaultdict[date, list[Attended]] = defaultdict(list)
        for line in overview.attended:
            if line.mark.status not in (attendance.SCHEDULED, attendance.MISSING):
                by_day[line.day].append(line)
        return [_report(str(call.principal.tenant), day, by_day[day], overview) for day in sorted(by_day, reverse=True)]


def _only_own(principal: Principal) -> UUID | None:
    return None if principal.may(SEES_ATTENDANCE) else principal.user_id


async def _visible_person(call: Call, person: UUID) -> UUID:
    """A member of the restaurant whom the caller may ask about. Raises NotFound for anybody else."""
    if person == call.principal.user_id:
        return person
    if not call.principal.may(SEES_ATTENDANCE):
        raise NotFound("No User matches the given query.")
    await refdata.member(call.read(), call.principal.tenant, person)
    return person


def _refuse_range(first: date, last: date, longest: timedelta) -> None:
    if last < first:
        raise Invalid.field("end_date", "Must not be before the first day.")
    if last - first > longest:
        raise Invalid.field("end_date", f"At most {longest.days} days at once.")
    if first.year < 2000 or last.year > 2999:
        raise Invalid.field("start_date", "Enter a day between 2000 and 2999.")


def _todays_shift(row: Any, person: UUID, zone: ZoneInfo) -> attendance_pb2.TodaysShift:
    minutes = row.break_minutes
    return attendance_pb2.TodaysShift(
        id=str(row.id),
        schedule=str(row.schedule_id),
        shift_date=row.shift_date.isoformat(),
        start_time=timestamp_of(row.starts_at),
        end_time=timestamp_of(row.ends_at),
        break_duration=f"{minutes // 60:02}:{minutes % 60:02}:00",
        role=row.role,
        status=row.status,
        notes=row.title or None,
        is_confirmed=row.status == "CONFIRMED",
        department=row.department or None,
        workspace_location=row.workspace_location or None,
        timezone=zone.key,
        staff=str(person),
        staff_members=[str(one) for one in row.staff_ids],
        section=row.workspace_location or row.department or None,
    )


def _on_now(session: Any, row: Any, line: Attended | None, now: datetime) -> attendance_pb2.PersonOnNow:
    shift = line.shift if line is not None else None
    return attendance_pb2.PersonOnNow(
        session_id=str(session.id),
        staff_id=str(row.staff_id),
        staff_name=f"{row.first_name or ''} {row.last_name or ''}".strip(),
        role=row.role or "",
        clock_in=timestamp_of(session.started_at),
        is_on_break=session.running_break is not None,
        hours=hours(paid_seconds(session, now)),
        shift_id=str(shift.id) if shift is not None else None,
        shift_ends_at=timestamp_of(shift.ends_at) if shift is not None else None,
        late_minutes=line.mark.late_minutes if line is not None and line.mark.status == attendance.LATE else 0,
        flags=session.flags,
    )


def _expected(line: Attended, shift: attendance.Shift) -> attendance_pb2.PersonExpected:
    return attendance_pb2.PersonExpected(
        staff_id=str(line.staff_id),
        staff_name=line.staff_name,
        shift_id=str(shift.id),
        shift_starts_at=timestamp_of(shift.starts_at),
        shift_ends_at=timestamp_of(shift.ends_at),
        late_minutes=line.mark.late_minutes,
    )


def _comparison(line: Attended) -> attendance_pb2.ShiftComparison:
    shift, mark = line.shift, line.mark
    return attendance_pb2.ShiftComparison(
        date=line.day.isoformat(),
        staff_id=str(line.staff_id),
        staff_name=line.staff_name,
        shift_id=str(shift.id) if shift is not None else None,
        shift_starts_at=timestamp_of(shift.starts_at) if shift is not None else None,
        shift_ends_at=timestamp_of(shift.ends_at) if shift is not None else None,
        clock_in=timestamp_of(mark.first_in),
        clock_out=timestamp_of(mark.last_out),
        scheduled_hours=hours(int(shift.planned.total_seconds())) if shift is not None else 0,
        worked_hours=hours(line.seconds),
        status=attendance.SCHEDULED if mark.status == attendance.MISSING else mark.status,
        late_minutes=mark.late_minutes if mark.status == attendance.LATE else 0,
        early_leave_minutes=mark.early_leave_minutes,
        role=line.role,
    )


def _report(
    restaurant_id: str, day: date, lines: list[Attended], overview: overviews.Overview
) -> attendance_pb2.AttendanceDayReport:
    by_person: defaultdict[UUID, list[Attended]] = defaultdict(list)
    for line in lines:
        by_person[line.staff_id].append(line)
    zone = overview.rules.zone
    began = min((line.mark.first_in for line in lines if line.mark.first_in is not None), default=None)
    start, _ = overview.rules.bounds(day, day)
    details = [_detail(of_person, zone) for of_person in by_person.values()]
    return attendance_pb2.AttendanceDayReport(
        id=day.isoformat(),
        restaurant=restaurant_id,
        date=day.isoformat(),
        total_staff_hours=hours(sum(line.seconds for line in lines)),
        staff_on_shift=sum(any(line.sessions for line in of_person) for of_person in by_person.values()),
        late_arrivals=sum(line.mark.status == attendance.LATE for line in lines),
        absences=sum(line.mark.status == attendance.ABSENT for line in lines),
        attendance_details=details,
        created_at=timestamp_of(began or start),
        updated_at=timestamp_of(overview.updated_at.get(day, began or start)),
    )


def _detail(lines: list[Attended], zone: ZoneInfo) -> attendance_pb2.AttendanceDetail:
    first = min((line.mark.first_in for line in lines if line.mark.first_in is not None), default=None)
    outs = [line.mark.last_out for line in lines if line.mark.last_out is not None]
    still_there = any(session.status == OPEN for line in lines for session in line.sessions)
    statuses = {line.mark.status for line in lines}
    status = "LATE" if attendance.LATE in statuses else "ON_SHIFT" if first is not None else "ABSENT"
    worked = hours(sum(line.seconds for line in lines))
    return attendance_pb2.AttendanceDetail(
        user_id=str(lines[0].staff_id),
        staff_name=lines[0].staff_name,
        name=lines[0].staff_name,
        status=status,
        clock_in=at_clock(first, zone),
        clock_out=None if still_there else at_clock(max(outs, default=None), zone),
        hours=worked,
        hours_worked=worked,
        role=lines[0].role,
    )


def at_clock(instant: datetime | None, zone: ZoneInfo) -> str | None:
    """An instant as HH:MM in a zone, or None."""
    return f"{instant.astimezone(zone):%H:%M}" if instant is not None else None
