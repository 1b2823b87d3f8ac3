"""Clocking through the agent."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from mizan.identity.v1 import agent_pb2 as identity_pb2
from mizan.timeclock.v1 import agent_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import Scope, SessionReader
from servicekit.errors import Forbidden, NotFound, Refusal
from services.timeclock.clients import Identity
from services.timeclock.commands import clocking
from services.timeclock.commands.clocking import Taken, refused
from services.timeclock.commands.log import Draft
from services.timeclock.domain import attendance
from services.timeclock.domain.punches import IN, OUT, Place
from services.timeclock.queries.overviews import Attended, attendance_of
from services.timeclock.queries.policy import rules_of
from services.timeclock.queries.situations import Situation, situation
from services.timeclock.service.attendance import NOT_A_DATE, at_clock
from services.timeclock.service.convert import event_fields

DEVICE = "Lua Agent"
PUNCHES = "timeclock.punch"
STATUSES = {
    attendance.SCHEDULED: "Scheduled",
    attendance.PRESENT: "Present",
    attendance.LATE: "Late",
    attendance.MISSING: "Missing",
    attendance.ABSENT: "Missing",
    "UNSCHEDULED": "Present",
}


class AgentClockService:
    """Implements mizan.timeclock.v1.AgentClockService."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock

    async def AgentClockIn(self, request: agent_pb2.AgentClockInRequest, call: Call) -> agent_pb2.AgentClockEvent:
        if not (request.staff_id and request.HasField("latitude") and request.HasField("longitude")):
            text = "staff_id, latitude, and longitude are required"
            raise refused(text, text, "required")
        draft, known = await self._draft(IN, request, call, "Clock-in by the agent")
        site = known.site
        distance = site.distance_to(request.latitude, request.longitude) if site is not None else None
        inside = site is not None and site.contains(request.latitude, request.longitude)
        place = Place(request.latitude, request.longitude, inside)
        draft = clocking.prepared_to_clock_in(replace(draft, place=place, distance=distance), known)
        taken = await clocking.clock_in(await call.session(Scope(draft.restaurant_id)), draft, known)
        return _answer(call, taken)

    async def AgentClockOut(self, request: agent_pb2.AgentClockOutRequest, call: Call) -> agent_pb2.AgentClockEvent:
        if not request.staff_id:
            raise refused("staff_id is required", "staff_id is required", "required")
        draft, known = await self._draft(OUT, request, call, "Clock-out by the agent")
        session = await call.session(Scope(draft.restaurant_id))
        return _answer(call, await clocking.punch_open_session(session, draft, known))

    async def GetAttendanceReport(
        self, request: agent_pb2.GetAttendanceReportRequest, call: Call
    ) -> agent_pb2.GetAttendanceReportResponse:
        if not request.restaurant_id:
            raise refused("restaurant_id is required", "restaurant_id is required", "required")
        found = await self._resolve(request, call)
        restaurant_id, now = UUID(found.restaurant_id), self._clock.now()
        reader = call.read(Scope(restaurant_id))
        rules = await rules_of(reader, restaurant_id)
        try:
            day = date.fromisoformat(request.date) if request.date else rules.business_date(now)
            overview = await attendance_of(reader, restaurant_id, day, day, now)
        except (ValueError, OverflowError) as error:
            raise refused(NOT_A_DATE, NOT_A_DATE, "invalid") from error
        return agent_pb2.GetAttendanceReportResponse(
            date=day.isoformat(),
            restaurant_id=str(restaurant_id),
            summary=[_line(line, overview.rules.zone) for line in overview.attended],
        )

    async def _resolve(self, request: Any, call: Call) -> identity_pb2.ResolveContextResponse:
        within = call.principal.restaurant_id
        asked = identity_pb2.ResolveContextRequest(
            restaurant_ids=[request.restaurant_id] if request.restaurant_id else [],
            within_restaurant_id=str(within) if within is not None else None,
        )
        if "staff_id" in request.DESCRIPTOR.fields_by_name:
            asked.user_id = request.staff_id
        return await self._identity.resolve(asked)

    async def _draft(self, kind: str, request: Message, call: Call, notes: str) -> tuple[Draft, Situation]:
        try:
            found = await self._resolve(request, call)
        except Refusal as refusal:
            if refusal.code in ("context_unresolved", "not_found"):
                raise NotFound("Nobody with this id works there.") from refusal
            raise
        if not found.HasField("person"):
            raise NotFound("Nobody with this id works there.")
        if PUNCHES not in found.person.permissions:
            raise Forbidden("This person does not clock in.")
        restaurant_id, staff_id, now = UUID(found.restaurant_id), UUID(found.person.id), self._clock.now()
        session = await call.session(Scope(restaurant_id))
        known = await situation(SessionReader(session), restaurant_id, staff_id, now)
        call.notes.restaurant_id = restaurant_id
        call.notes.user_id = staff_id
        call.notes.description = f"{found.person.name}: {notes}"
        draft = Draft(
            restaurant_id=restaurant_id,
            staff_id=staff_id,
            kind=kind,
            at=now,
            business_date=known.business_date(now),
            recorded_at=now,
            source="AGENT",
            device_id=DEVICE,
            notes=notes,
        )
        return draft, known


def _answer(call: Call, taken: Taken) -> agent_pb2.AgentClockEvent:
    call.notes.entity_id = str(taken.punch_id)
    return agent_pb2.AgentClockEvent(success=True, **event_fields(taken, None))


def _line(line: Attended, zone: Any) -> agent_pb2.AttendanceLine:
    shift, mark = line.shift, line.mark
    return agent_pb2.AttendanceLine(
        staff_id=str(line.staff_id),
        staff_name=line.staff_name,
        role=line.role,
        shift_start=at_clock(shift.starts_at, zone) if shift is not None else None,
        shift_end=at_clock(shift.ends_at, zone) if shift is not None else None,
        clock_in=at_clock(mark.first_in, zone),
        status=STATUSES[mark.status],
        lateness_minutes=mark.late_minutes,
    )
