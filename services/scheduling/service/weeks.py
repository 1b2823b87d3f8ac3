"""Weeks."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

import refdata
from labour import Period, hours, net_hours
from mizan.scheduling.v1 import week_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SessionReader, scope_of
from servicekit.errors import Invalid, Unavailable
from servicekit.paging import page_of
from services.scheduling.commands import shifts as shift_commands
from services.scheduling.commands import weeks as commands
from services.scheduling.domain.conflicts import week_of
from services.scheduling.models import WeeklySchedule
from services.scheduling.queries import weeks as queries
from services.scheduling.queries.shifts import Planned
from services.scheduling.service.at_once import Planner
from services.scheduling.service.convert import conflict_message, json_text, shift_message
from services.scheduling.service.shifts import only_own

FILL_SECONDS = 3.0
"""How long it is searched for the people of a template's shifts."""
MOST_WEEKS = 53
"""A page holds a year: each week comes with all of its shifts."""


class WeekService:
    """Implements mizan.scheduling.v1.WeekService."""

    def __init__(self, planner: Planner, clock: Clock) -> None:
        self._planner = planner
        self._clock = clock

    async def ListWeeks(self, request: week_pb2.ListWeeksRequest, call: Call) -> week_pb2.ListWeeksResponse:
        return await _list(request, call)

    async def ListWeeksInPages(
        self, request: week_pb2.ListWeeksInPagesRequest, call: Call
    ) -> week_pb2.ListWeeksResponse:
        return await _list(request, call)

    async def GetWeek(self, request: week_pb2.GetWeekRequest, call: Call) -> week_pb2.WeeklySchedule:
        row, shifts = await queries.week_with_shifts(
            call.read(), call.principal.tenant, UUID(request.id), only_own(call)
        )
        return _message(row, shifts, call.principal.language)

    async def GetWeekByDate(self, request: week_pb2.GetWeekByDateRequest, call: Call) -> week_pb2.WeeklySchedule:
        tenant = call.principal.tenant
        monday = week_of(date.fromisoformat(request.week_start))
        row, shifts = await queries.week_from(call.read(), tenant, monday)
        if row is None:
            return week_pb2.WeeklySchedule(
                restaurant=str(tenant),
                week_start=monday.isoformat(),
                week_end=(monday + timedelta(days=6)).isoformat(),
            )
        return _message(row, shifts, call.principal.language, by_clock=True)

    async def CreateWeek(self, request: week_pb2.CreateWeekRequest, call: Call) -> week_pb2.WeeklySchedule:
        session = await call.session()
        week = await commands.create(
            session, call.principal.tenant, date.fromisoformat(request.week_start), call.principal.user_id
        )
        if request.is_published:
            await commands.publish(session, week, call.principal.user_id, self._clock.now())
        return await _read(call, session, week)

    async def UpdateWeek(self, request: week_pb2.UpdateWeekRequest, call: Call) -> week_pb2.WeeklySchedule:
        session = await call.session()
        week = await commands.locked(session, call.principal.tenant, UUID(request.id))
        if request.week_start and date.fromisoformat(request.week_start) != week.week_start:
            raise Invalid.field("week_start", "A week stays where it is; copy it to another one.")
        if request.HasField("is_published") and request.is_published != week.is_published:
            if request.is_published:
                await commands.publish(session, week, call.principal.user_id, self._clock.now())
            else:
                await commands.unpublish(session, week, call.principal.user_id)
        return await _read(call, session, week)

    async def DeleteWeek(self, request: week_pb2.DeleteWeekRequest, call: Call) -> Empty:
        session = await call.session()
        week = await commands.delete(session, call.principal.tenant, UUID(request.id), call.principal.user_id)
        call.notes.old_values = {"week_start": week.week_start, "is_published": week.is_published}
        return Empty()

    async def PublishWeek(self, request: week_pb2.PublishWeekRequest, call: Call) -> week_pb2.PublishWeekResponse:
        session = await call.session()
        week = await commands.locked(session, call.principal.tenant, UUID(request.id))
        outcome = await commands.publish(session, week, call.principal.user_id, self._clock.now())
        call.notes.entity_id = str(week.id)
        people = "1 person" if outcome.notified == 1 else f"{outcome.notified} people"
        return week_pb2.PublishWeekResponse(
            detail=f"Schedule published; {people} notified.",
            notified=outcome.notified,
            added=outcome.added,
            changed=outcome.changed,
            removed=outcome.removed,
            warnings=[conflict_message(finding) for finding in outcome.warnings],
        )

    async def FillWeek(self, request: week_pb2.FillWeekRequest, call: Call) -> week_pb2.FillWeekResponse:
        week = await queries.one_week(call.read(), call.principal.tenant, UUID(request.id))
        if request.week_start and date.fromisoformat(request.week_start) != week.week_start:
            raise Invalid.field("week_start", "This is not the week that is filled.")
        return await self._fill(call, week.week_start, request.template_id)

    async def GenerateWeek(self, request: week_pb2.GenerateWeekRequest, call: Call) -> week_pb2.FillWeekResponse:
        monday = commands.monday_of(date.fromisoformat(request.week_start))
        return await self._fill(call, monday, request.template_id)

    async def _fill(self, call: Call, monday: date, template_id: str) -> week_pb2.FillWeekResponse:
        """Has the optimizer plan the shifts of a template; those for which there is nobody stay open."""
        tenant = call.principal.tenant
        run = await self._planner.run(
            call,
            scope_of(call.principal),
            tenant,
            monday,
            {"template_id": template_id, "seconds": FILL_SECONDS, "keep_open": True},
            actor=call.principal.user_id,
            wait_seconds=self._planner.wait_seconds,
        )
        if run.state == "FAILED":
            raise Unavailable(run.error or "The week could not be planned.")
        changes = (run.result or {}).get("changes", [])
        made = [changes[int(place)] for place in (run.result or {}).get("created", ())]
        session = await call.session()
        week = await shift_commands.week_for(session, tenant, monday)
        filled = commands.Filled(created=len(made), unfilled=sum(not change["staff"] for change in made))
        return await _filled(call, session, week, filled)

    async def CopyWeek(self, request: week_pb2.CopyWeekRequest, call: Call) -> week_pb2.FillWeekResponse:
        session = await call.session()
        tenant = call.principal.tenant
        source = await commands.locked(session, tenant, UUID(request.id))
        target = await shift_commands.week_for(session, tenant, date.fromisoformat(request.week_start))
        if target.id == source.id:
            raise Invalid.field("week_start", "A week cannot be copied onto itself.")
        return await _filled(
            call, session, target, await commands.copy(session, source, target, call.principal.user_id)
        )

    async def GetCoverage(self, request: week_pb2.GetCoverageRequest, call: Call) -> week_pb2.Coverage:
        shifts = await queries.worked_shifts(call.read(), call.principal.tenant, UUID(request.id))
        if request.role:
            shifts = [shift for shift in shifts if shift.row.role == request.role.upper()]
        days: dict[str, dict[str, Any]] = {}
        for shift in shifts:
            day = days.setdefault(shift.row.shift_date.isoformat(), {"shifts": [], "assigned": 0})
            day["shifts"].append(str(shift.row.id))
            day["assigned"] += bool(shift.people)
        assigned = sum(bool(shift.people) for shift in shifts)
        return week_pb2.Coverage(
            total_required=len(shifts),
            total_assigned=assigned,
            coverage_percentage=_percent(assigned, len(shifts)),
            uncovered_shifts=len(shifts) - assigned,
            by_day=json_text(days),
        )

    async def GetAnalytics(self, request: week_pb2.GetAnalyticsRequest, call: Call) -> week_pb2.WeekAnalytics:
        shifts = await queries.worked_shifts(call.read(), call.principal.tenant, UUID(request.id))
        by_role: defaultdict[str, list[timedelta]] = defaultdict(list)
        for shift in shifts:
            row = shift.row
            length = net_hours(Period(row.starts_at, row.ends_at), timedelta(minutes=row.break_minutes))
            by_role[row.role].append(length)
        total = sum((sum(lengths, timedelta()) for lengths in by_role.values()), timedelta())
        return week_pb2.WeekAnalytics(
            total_shifts=len(shifts),
            total_hours=float(hours(total)),
            average_shift_hours=float(hours(total / len(shifts))) if shifts else 0,
            unique_staff=len({person.user_id for shift in shifts for person in shift.people}),
            by_role=json_text(
                {
                    role: {"count": len(lengths), "total_hours": float(hours(sum(lengths, timedelta())))}
                    for role, lengths in sorted(by_role.items())
                }
            ),
            by_status=json_text(dict(sorted(Counter(shift.row.status for shift in shifts).items()))),
            confirmation_rate=_percent(sum(shift.row.is_confirmed for shift in shifts), len(shifts)),
        )

    async def GetSchedulingStats(
        self, _request: week_pb2.GetSchedulingStatsRequest, call: Call
    ) -> week_pb2.SchedulingStats:
        tenant = call.principal.tenant
        zone = await refdata.time_zone(call.read(), tenant)
        row = await queries.stats(call.read(), tenant, week_of(self._clock.now().astimezone(zone).date()))
        return week_pb2.SchedulingStats(
            total_staff=row.total_staff,
            scheduled_shifts=row.scheduled_shifts,
            open_tasks=row.open_tasks,
            completed_tasks=row.completed_tasks,
        )


async def _list(request: Any, call: Call) -> week_pb2.ListWeeksResponse:
    first = date.fromisoformat(request.date_from) if request.date_from else None
    last = date.fromisoformat(request.date_to) if request.date_to else None
    if request.week_start:
        first = last = week_of(date.fromisoformat(request.week_start))
    elif first is not None:
        first = week_of(first)
    page = page_of(request, MOST_WEEKS)
    count, weeks = await queries.page_of_weeks(
        call.read(), call.principal.tenant, page, first=first, last=last, staff_id=only_own(call)
    )
    return week_pb2.ListWeeksResponse(
        count=count, results=[_message(row, shifts, call.principal.language) for row, shifts in weeks]
    )


async def _read(call: Call, session: Any, week: WeeklySchedule) -> week_pb2.WeeklySchedule:
    call.notes.entity_id = str(week.id)
    await session.flush()
    shifts = await queries.shifts_of_weeks(SessionReader(session), call.principal.tenant, [week.id])
    return _message(week, shifts, call.principal.language)


async def _filled(call: Call, session: Any, week: WeeklySchedule, filled: commands.Filled) -> week_pb2.FillWeekResponse:
    open_shifts = f", {filled.unfilled} of them open" if filled.unfilled else ""
    return week_pb2.FillWeekResponse(
        detail=f"Created {filled.created} shifts{open_shifts}.",
        shifts_created=filled.created,
        unfilled=filled.unfilled,
        schedule=await _read(call, session, week),
    )


def _percent(part: int, whole: int) -> float:
    return round(part * 100 / whole, 2) if whole else 0.0


def _message(row: Any, shifts: list[Planned], language: str, *, by_clock: bool = False) -> week_pb2.WeeklySchedule:
    message = week_pb2.WeeklySchedule(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        week_start=row.week_start.isoformat(),
        week_end=(row.week_start + timedelta(days=6)).isoformat(),
        is_published=row.is_published,
        created_at=timestamp_of(row.created_at),
        version=row.version,
    )
    for shift in shifts:
        shift_message(shift, language=language, by_clock=by_clock, make=message.assigned_shifts.add)
    return message
