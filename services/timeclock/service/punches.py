"""The log of punches and its corrections."""

from datetime import UTC, date, timedelta
from typing import Any
from uuid import UUID

import refdata
from mizan.timeclock.v1 import attendance_pb2, punch_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SessionReader
from servicekit.errors import Invalid
from servicekit.paging import page_of
from services.timeclock.commands import corrections as commands
from services.timeclock.commands.corrections import Corrected
from services.timeclock.commands.log import Draft
from services.timeclock.domain.punches import BREAK_START, KINDS
from services.timeclock.queries import policy
from services.timeclock.queries import sessions as queries
from services.timeclock.queries.situations import situation
from services.timeclock.service.convert import punch_message, worked_session, worked_sessions

LOG_DAYS = timedelta(days=7)
LONGEST_LOG = timedelta(days=400)
ALLOWED_HOURS = 4


class PunchService:
    """Implements mizan.timeclock.v1.PunchService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListPunches(self, request: punch_pb2.ListPunchesRequest, call: Call) -> punch_pb2.ListPunchesResponse:
        reader, tenant = call.read(), call.principal.tenant
        person = UUID(request.staff_id) if request.staff_id else None
        if person is not None:
            await refdata.member(reader, tenant, person)
        today = (await policy.rules_of(reader, tenant)).business_date(self._clock.now())
        last = date.fromisoformat(request.end_date) if request.end_date else today
        first = date.fromisoformat(request.start_date) if request.start_date else last - LOG_DAYS
        if not timedelta() <= last - first <= LONGEST_LOG:
            raise Invalid.field("end_date", f"From the first day to {LONGEST_LOG.days} days later.")
        count, rows = await queries.page_of_log(reader, tenant, page_of(request), first, last, person)
        return punch_pb2.ListPunchesResponse(count=count, results=[punch_message(row) for row in rows])

    async def AddPunch(self, request: punch_pb2.AddPunchRequest, call: Call) -> punch_pb2.PunchChange:
        session = await call.session()
        reader, tenant, person = SessionReader(session), call.principal.tenant, UUID(request.staff_id)
        await refdata.member(reader, tenant, person)
        at = request.timestamp.ToDatetime(tzinfo=UTC)
        known = await situation(reader, tenant, person, at)
        draft = Draft(
            restaurant_id=tenant,
            staff_id=person,
            kind=KINDS[request.event_type],
            at=at,
            business_date=known.business_date(at),
            recorded_at=self._clock.now(),
            source="MANAGER",
            paid_break=request.paid_break and KINDS[request.event_type] == BREAK_START,
            author_id=call.principal.user_id,
            reason=request.reason,
        )
        return await self._changed(call, session, await commands.add_punch(session, draft, known), person)

    async def CorrectPunch(self, request: punch_pb2.CorrectPunchRequest, call: Call) -> punch_pb2.PunchChange:
        changes: dict[str, Any] = {"reason": request.reason}
        if request.HasField("timestamp"):
            changes["at"] = request.timestamp.ToDatetime(tzinfo=UTC)
        if request.event_type:
            changes["kind"] = KINDS[request.event_type]
        if request.HasField("paid_break"):
            changes["paid_break"] = request.paid_break
        return await self._correct(request.id, changes, call)

    async def VoidPunch(self, request: punch_pb2.VoidPunchRequest, call: Call) -> punch_pb2.PunchChange:
        return await self._correct(request.id, {"reason": request.reason, "voided": True}, call)

    async def _correct(self, punch_id: str, changes: dict[str, Any], call: Call) -> punch_pb2.PunchChange:
        session = await call.session()
        tenant = call.principal.tenant
        before = await commands.last_entry(session, tenant, UUID(punch_id))
        known = await situation(SessionReader(session), tenant, before.staff_id, changes.get("at", before.at))
        call.notes.old_values = {"event_type": before.kind, "timestamp": before.at, "voided": before.voided}
        made = await commands.correct_punch(
            session, tenant, UUID(punch_id), call.principal.user_id, changes, known, self._clock.now()
        )
        return await self._changed(call, session, made, before.staff_id)

    async def _changed(self, call: Call, session: Any, made: Corrected, person: UUID) -> punch_pb2.PunchChange:
        reader, tenant = SessionReader(session), call.principal.tenant
        entry = await queries.one_entry(reader, tenant, made.entry_id)
        call.notes.entity_id = str(entry.punch_id)
        found = [await queries.one_session(reader, tenant, one.id) for one in made.sessions[:20]]
        return punch_pb2.PunchChange(punch=punch_message(entry), sessions=worked_sessions(found, self._clock.now()))

    async def ListForgotten(
        self, request: punch_pb2.ListForgottenRequest, call: Call
    ) -> punch_pb2.ListForgottenResponse:
        count, found = await queries.page_of_doubtful(call.read(), call.principal.tenant, page_of(request))
        return punch_pb2.ListForgottenResponse(count=count, results=worked_sessions(found, self._clock.now()))

    async def ConfirmSession(
        self, request: punch_pb2.ConfirmSessionRequest, call: Call
    ) -> attendance_pb2.WorkedSession:
        session = await call.session()
        tenant = call.principal.tenant
        now = self._clock.now()
        await commands.confirm_session(session, tenant, UUID(request.id), call.principal.user_id, request.reason, now)
        found, row = await queries.one_session(SessionReader(session), tenant, UUID(request.id))
        return worked_session(found, row, now)

    async def AllowEarlyClockIn(
        self, request: punch_pb2.AllowEarlyClockInRequest, call: Call
    ) -> punch_pb2.EarlyClockInAllowance:
        session = await call.session()
        tenant, person = call.principal.tenant, UUID(request.staff_id)
        await refdata.member(SessionReader(session), tenant, person)
        hours = request.hours if request.HasField("hours") else ALLOWED_HOURS
        until = self._clock.now() + timedelta(hours=hours)
        made = await commands.allow_early(session, tenant, person, call.principal.user_id, request.reason, until)
        return punch_pb2.EarlyClockInAllowance(
            id=str(made.id),
            staff_id=str(made.staff_id),
            allowed_by=str(made.allowed_by),
            reason=made.reason,
            valid_until=timestamp_of(made.valid_until),
        )
