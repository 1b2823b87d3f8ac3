"""Shifts, people and incidents, for agents."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

import refdata
from mizan.scheduling.v1 import agent_pb2, shift_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SYSTEM
from servicekit.errors import Invalid, NotFound
from services.scheduling.agents import PLAN, Acting, Agents
from services.scheduling.commands import agents as commands
from services.scheduling.commands import safety
from services.scheduling.domain.agent_words import day_named, people_named, priority_of
from services.scheduling.domain.clock import shift_of
from services.scheduling.domain.conflicts import Booking, find_conflicts, week_of
from services.scheduling.queries import agents as queries
from services.scheduling.queries import shifts as shift_queries
from services.scheduling.queries.shifts import Filter
from services.scheduling.queries.situations import situations
from services.scheduling.service.convert import conflict_message, full_name, shift_message

PEAKS = {
    "breakfast": {"start": "07:00", "end": "10:30"},
    "lunch": {"start": "12:00", "end": "15:00"},
    "dinner": {"start": "19:00", "end": "23:00"},
}
NOT_IN_RESTAURANT = "Staff member not found in this restaurant"
LONGEST = timedelta(days=400)


class AgentSchedulingService:
    """Implements mizan.scheduling.v1.AgentSchedulingService."""

    def __init__(self, agents: Agents, clock: Clock) -> None:
        self._agents = agents
        self._clock = clock

    async def FindStaff(self, request: agent_pb2.FindStaffRequest, call: Call) -> agent_pb2.FindStaffResponse:
        acting = await self._agents.acting(request, call)
        people = await queries.active_staff(call.read(acting.scope), acting.restaurant_id)
        found = people_named(people, request.name) if request.HasField("name") else [(row, "exact") for row in people]
        return agent_pb2.FindStaffResponse(
            staff=[
                agent_pb2.FoundStaff(
                    id=str(row.user_id),
                    first_name=row.first_name,
                    last_name=row.last_name,
                    full_name=full_name(row),
                    email=row.email,
                    role=row.role,
                    phone=row.phone,
                    position=row.position,
                    department=row.department,
                    skills=row.skills,
                    match_mode=mode,
                )
                for row, mode in found
            ]
        )

    async def FindStaffByPhone(
        self, request: agent_pb2.FindStaffByPhoneRequest, call: Call
    ) -> agent_pb2.FindStaffByPhoneResponse:
        if not (request.phone or request.messages or request.contacts or request.metadata):
            raise Invalid("phone is required", code="required")
        nobody = NotFound("No staff member found for this phone number", extra={"found": False})
        try:
            acting = await self._agents.acting(request, call)
        except Invalid as error:
            raise nobody from error
        person = acting.person
        if person is None or not person.HasField("phone") or person.role in ("OWNER", "SUPER_ADMIN"):
            raise nobody
        row = await self._member(call, acting, person.id)
        return agent_pb2.FindStaffByPhoneResponse(
            success=True,
            found=True,
            staff=agent_pb2.StaffByPhone(
                id=person.id,
                first_name=row.first_name,
                last_name=row.last_name,
                email=person.email,
                phone=person.phone,
                role=person.role,
                restaurant_id=str(acting.restaurant_id),
                restaurant_name=acting.restaurant_name,
            ),
        )

    async def ListAgentShifts(
        self, request: agent_pb2.ListAgentShiftsRequest, call: Call
    ) -> agent_pb2.ListAgentShiftsResponse:
        acting = await self._agents.acting(request, call, about=request.staff_id)
        today = self._clock.now().astimezone(ZoneInfo(acting.timezone)).date()
        first = date.fromisoformat(request.date_from) if request.HasField("date_from") else today
        last = date.fromisoformat(request.date_to) if request.HasField("date_to") else first + timedelta(days=14)
        own = None if acting.principal.may(PLAN) else acting.actor
        staff = _uuid(request.staff_id) if request.HasField("staff_id") else None
        _check_range(first, last)
        chosen = Filter(staff_id=own or staff, date_from=first, date_to=last)
        found = await shift_queries.all_shifts(call.read(acting.scope), acting.restaurant_id, chosen)
        role = request.role.strip().upper()
        return agent_pb2.ListAgentShiftsResponse(
            shifts=[
                shift_message(shift, language=acting.principal.language)
                for shift in found
                if not role or shift.row.role == role
            ]
        )

    async def ListPersonShifts(
        self, request: agent_pb2.ListPersonShiftsRequest, call: Call
    ) -> agent_pb2.ListPersonShiftsResponse:
        acting = await self._agents.subject(request, call)
        row = await self._member(call, acting, str(acting.subject))
        today = self._clock.now().astimezone(ZoneInfo(acting.timezone)).date()
        first, last, weeks = _wanted_days(request, today)
        chosen = Filter(staff_id=row.user_id, date_from=first, date_to=last)
        found = await shift_queries.all_shifts(call.read(acting.scope), acting.restaurant_id, chosen, details=False)
        return agent_pb2.ListPersonShiftsResponse(
            success=True,
            staff=agent_pb2.PersonOfShifts(
                id=str(row.user_id),
                first_name=row.first_name,
                last_name=row.last_name,
                phone=row.phone or "",
                restaurant_id=str(acting.restaurant_id),
                restaurant_name=acting.restaurant_name,
            ),
            range=agent_pb2.ShiftRange(start_date=first.isoformat(), end_date=last.isoformat(), weeks=weeks),
            count=len(found),
            shifts=[_person_shift(shift.row, acting) for shift in found],
        )

    async def DetectAgentConflicts(
        self, request: agent_pb2.DetectAgentConflictsRequest, call: Call
    ) -> shift_pb2.DetectConflictsResponse:
        if not (request.staff_id and request.shift_date and request.start_time and request.end_time):
            raise Invalid("Missing required fields", code="required")
        acting = await self._agents.acting(request, call, about=request.staff_id)
        row = await self._member(call, acting, request.staff_id)
        day = _day(request.shift_date)
        known = await situations(call.read(acting.scope), acting.restaurant_id, [row.user_id], day, day)
        period = shift_of(day, request.start_time, request.end_time, known.zone)
        wish = Booking(None, period, timedelta(), request.workspace_location, frozenset({row.user_id}))
        found = find_conflicts(wish, known.of(row.user_id))
        return shift_pb2.DetectConflictsResponse(
            has_conflicts=bool(found), conflicts=[conflict_message(finding) for finding in found]
        )

    async def GetRestaurantDetails(
        self, request: agent_pb2.GetRestaurantDetailsRequest, call: Call
    ) -> agent_pb2.RestaurantDetails:
        acting = await self._agents.acting(request, call)
        row = await refdata.restaurant(call.read(acting.scope), acting.restaurant_id)
        if row is None:
            raise NotFound("No Restaurant matches the given query.")
        return agent_pb2.RestaurantDetails(
            id=str(row.id),
            name=row.name,
            timezone=row.timezone,
            operating_hours=orjson.dumps(row.operating_hours).decode(),
            restaurant_type=row.restaurant_type,
            max_weekly_hours=float(row.max_weekly_hours),
            min_rest_hours=float(row.min_rest_hours),
            general_settings=orjson.dumps({"peak_periods": PEAKS}).decode(),
            break_duration=row.break_duration,
        )

    async def CreateAgentShift(
        self, request: agent_pb2.CreateAgentShiftRequest, call: Call
    ) -> agent_pb2.CreateAgentShiftResponse:
        for name in ("staff_id", "shift_date", "start_time", "end_time"):
            if not getattr(request, name):
                raise Invalid(f"{name} is required", code="required")
        acting = await self._agents.acting(request, call, about=request.staff_id)
        acting.require(PLAN)
        row = await self._member(call, acting, request.staff_id)
        zone = ZoneInfo(acting.timezone)
        values: dict[str, Any] = {
            "staff": row.user_id,
            "shift_date": _day(request.shift_date),
            "start_time": request.start_time,
            "end_time": request.end_time,
            "role": request.role or row.role,
            "notes": request.shift_title.strip() or None,
            "preparation_instructions": request.notes.strip() or None,
            "workspace_location": request.workspace_location.strip() or None,
            "department": request.department.strip() or row.department,
        }
        session = await call.session(acting.scope)
        made = await commands.create_shift(session, acting.restaurant_id, zone, values, acting.actor, self._clock.now())
        shift = made.plan.shift
        call.notes.entity_id, call.notes.user_id = str(shift.id), acting.actor
        start, end = shift.starts_at.astimezone(zone), shift.ends_at.astimezone(zone)
        return agent_pb2.CreateAgentShiftResponse(
            success=True,
            shift=agent_pb2.AgentShift(
                id=str(shift.id),
                staff_id=str(row.user_id),
                staff_name=full_name(row),
                shift_date=shift.shift_date.isoformat(),
                start_time=start.isoformat(timespec="seconds"),
                end_time=end.isoformat(timespec="seconds"),
                role=shift.role,
                color=shift.color,
                title=shift.notes or "",
                task_templates=[str(template) for template in shift.task_templates],
            ),
            auto_association=agent_pb2.AutoAssociation(
                shift_context=made.context,
                used_fallback_custom_template=False,
                attached_template_names=made.template_names,
                created_shift_tasks=made.tasks,
                created_checklist_executions=made.checklists,
            ),
            message=f"Shift created for {full_name(row)} on {shift.shift_date} from {start:%H:%M} to {end:%H:%M}",
        )

    async def NotifyShift(self, request: agent_pb2.NotifyShiftRequest, call: Call) -> agent_pb2.NotifyShiftResponse:
        if not (request.shift_id or request.staff_id):
            raise Invalid("Either shift_id or staff_id is required", code="required")
        shift_id = _uuid(request.shift_id) if request.shift_id else None
        place = await queries.restaurant_of_shift(call.read(SYSTEM), shift_id) if shift_id else None
        if request.shift_id and place is None:
            raise NotFound("Shift not found")
        acting = await self._agents.acting(request, call, about=request.staff_id, place=place)
        acting.require(PLAN)
        reader, tenant = call.read(acting.scope), acting.restaurant_id
        staff = None
        if request.staff_id:
            staff = await self._member(call, acting, request.staff_id)
            if not staff.phone:
                raise Invalid("Staff member has no phone number", code="no_phone")
        if staff is not None and not request.shift_id:
            shift_id = await queries.next_shift(reader, tenant, staff.user_id, self._clock.now())
        if shift_id is None:
            raise NotFound("Shift not found")
        session = await call.session(acting.scope)
        told = await commands.notify(session, tenant, shift_id, staff.user_id if staff else None, acting.actor)
        call.notes.entity_id = str(shift_id)
        return agent_pb2.NotifyShiftResponse(
            success=bool(told),
            message=_told(len(told)),
            whatsapp_result=orjson.dumps({"queued": len(told)}).decode(),
        )

    async def CreateAgentIncident(
        self, request: agent_pb2.CreateAgentIncidentRequest, call: Call
    ) -> agent_pb2.CreateAgentIncidentResponse:
        title, description = " ".join(request.title.split()), request.description.strip()
        if not title and not description:
            raise Invalid("title or description is required", code="required")
        acting = await self._agents.acting(request, call, about=request.staff_id)
        if acting.person is None and request.staff_id:
            reporter: UUID | None = (await self._member(call, acting, request.staff_id)).user_id
        else:
            reporter = acting.actor
        session = await call.session(acting.scope)
        values = {
            "title": title or description[:80],
            "description": description or title,
            "incident_type": request.category or "General",
            "severity": priority_of(request.priority, f"{title} {description}"),
        }
        made = await safety.report_for(session, acting.restaurant_id, reporter, values)
        call.notes.entity_id = str(made.id)
        return agent_pb2.CreateAgentIncidentResponse(
            success=True,
            id=str(made.id),
            title=made.title,
            priority=made.severity,
            status="OPEN",
            created_at=timestamp_of(made.created_at),
        )

    async def _member(self, call: Call, acting: Acting, staff_id: str) -> Any:
        """Somebody who works in the restaurant. Raises NotFound for anybody else."""
        wanted = _uuid(staff_id)
        if wanted is None:
            raise NotFound(NOT_IN_RESTAURANT)
        try:
            row = await refdata.member(call.read(acting.scope), acting.restaurant_id, wanted)
        except NotFound as error:
            raise NotFound(NOT_IN_RESTAURANT) from error
        if not row.is_active:
            raise NotFound(NOT_IN_RESTAURANT)
        return row


def _person_shift(row: Any, acting: Acting) -> agent_pb2.PersonShift:
    zone = ZoneInfo(row.timezone)
    return agent_pb2.PersonShift(
        id=str(row.id),
        restaurant_id=str(acting.restaurant_id),
        restaurant_name=acting.restaurant_name,
        shift_date=row.shift_date.isoformat(),
        start_time=f"{row.starts_at.astimezone(zone):%H:%M}",
        end_time=f"{row.ends_at.astimezone(zone):%H:%M}",
        role=row.role,
        title=row.notes,
        department=row.department,
        workspace_location=row.workspace_location,
        instructions=row.preparation_instructions,
        status=row.status,
    )


def _wanted_days(request: agent_pb2.ListPersonShiftsRequest, today: date) -> tuple[date, date, int]:
    """The days that a request means, and of how many weeks. Raises Invalid for none."""
    weeks = min(max(request.weeks, 1), 8) if request.HasField("weeks") else 2
    named = day_named(request.when, today) if request.HasField("when") else None
    if named is not None:
        return named, named, 1
    first = _day(request.start_date) if request.HasField("start_date") else week_of(today)
    last = _day(request.end_date) if request.HasField("end_date") else first + timedelta(days=7 * weeks - 1)
    _check_range(first, last)
    return first, last, weeks


def _check_range(first: date, last: date) -> None:
    if last < first or last - first > LONGEST:
        raise Invalid("The last day must not be before the first, nor more than a year later.", code="invalid_range")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("Invalid date/time format", code="invalid_date") from error


def _told(count: int) -> str:
    if not count:
        return "Nobody is on this shift"
    return "1 person is told" if count == 1 else f"{count} people are told"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
