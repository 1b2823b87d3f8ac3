"""What people say about their time."""

import calendar
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from google.protobuf.empty_pb2 import Empty

import refdata
from mizan.scheduling.v1 import availability_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SessionReader
from servicekit.errors import Forbidden
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import availability as commands
from services.scheduling.domain.conflicts import TimeOff, leave_periods
from services.scheduling.queries import availability as queries
from services.scheduling.service.convert import text_of


class AvailabilityService:
    """Implements mizan.scheduling.v1.AvailabilityService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListAvailability(
        self, request: availability_pb2.ListAvailabilityRequest, call: Call
    ) -> availability_pb2.ListAvailabilityResponse:
        chosen = values_of(request, without=("page", "page_size"))
        for name in ("status", "availability_type"):
            if name in chosen:
                chosen[name] = chosen[name].upper()
        wanted = chosen.get("staff_id", call.principal.user_id)
        if wanted != call.principal.user_id:
            await refdata.member(call.read(), call.principal.tenant, wanted)
            if not call.principal.may(commands.PLAN):
                raise Forbidden
        # Who plans and asks for what waits sees everybody's.
        is_inbox = call.principal.may(commands.PLAN) and "status" in chosen and "staff_id" not in chosen
        chosen["staff_id"] = None if is_inbox else wanted
        count, rows = await queries.page_of_entries(call.read(), call.principal.tenant, page_of(request), **chosen)
        return availability_pb2.ListAvailabilityResponse(count=count, results=[_message(row) for row in rows])

    async def GetAvailability(
        self, request: availability_pb2.GetAvailabilityRequest, call: Call
    ) -> availability_pb2.Availability:
        row = await queries.one_entry(call.read(), call.principal.tenant, UUID(request.id))
        commands.ensure_visible(call.principal, row.staff_id)
        return _message(row)

    async def CreateAvailability(
        self, request: availability_pb2.CreateAvailabilityRequest, call: Call
    ) -> availability_pb2.Availability:
        session = await call.session()
        values = values_of(request)
        # Monday and "not available" are what an unset field looks like.
        if request.HasField("day_of_week"):
            values["day_of_week"] = request.day_of_week
        for name in ("is_available", "is_recurring"):
            if request.HasField(name):
                values[name] = getattr(request, name)
        return await _read(call, session, await commands.create(session, call.principal, values))

    async def UpdateAvailability(
        self, request: availability_pb2.UpdateAvailabilityRequest, call: Call
    ) -> availability_pb2.Availability:
        session = await call.session()
        changes = changes_of(request, (*commands.SENT, "status"), nullable=commands.NULLABLE)
        await commands.change(session, call.principal, UUID(request.id), changes)
        return await _read(call, session, UUID(request.id))

    async def DeleteAvailability(self, request: availability_pb2.DeleteAvailabilityRequest, call: Call) -> Empty:
        session = await call.session()
        entry = await commands.delete(session, call.principal, UUID(request.id))
        call.notes.old_values = {"staff": str(entry.staff_id), "availability_type": entry.availability_type}
        return Empty()

    async def ReviewAvailability(
        self, request: availability_pb2.ReviewAvailabilityRequest, call: Call
    ) -> availability_pb2.Availability:
        session = await call.session()
        notes = request.approval_notes if request.HasField("approval_notes") else None
        await commands.review(session, call.principal, UUID(request.id), request.decision, notes, self._clock.now())
        return await _read(call, session, UUID(request.id))


async def _read(call: Call, session: Any, entry_id: UUID) -> availability_pb2.Availability:
    call.notes.entity_id = str(entry_id)
    return _message(await queries.one_entry(SessionReader(session), call.principal.tenant, entry_id))


def _message(row: Any) -> availability_pb2.Availability:
    begins, ends = _moments(row)
    return availability_pb2.Availability(
        id=str(row.id),
        staff=str(row.staff_id),
        day_name=calendar.day_name[row.day_of_week] if row.day_of_week is not None else None,
        availability_type=row.availability_type,
        status=row.status,
        priority=row.priority,
        day_of_week=row.day_of_week,
        specific_date=row.first_day.isoformat() if row.first_day else None,
        end_date=row.last_day.isoformat() if row.last_day else None,
        start_time=row.start_time.isoformat() if row.start_time else None,
        end_time=row.end_time.isoformat() if row.end_time else None,
        is_available=row.is_available,
        preferred_hours_per_week=row.preferred_hours_per_week,
        max_consecutive_days=row.max_consecutive_days,
        min_hours_between_shifts=row.min_hours_between_shifts,
        reason=row.reason,
        notes=row.notes,
        requested_at=row.requested_at,
        reviewed_by=text_of(row.reviewed_by),
        reviewed_at=row.reviewed_at,
        approval_notes=row.approval_notes,
        created_at=row.requested_at,
        updated_at=row.updated_at,
        version=row.version,
        start_datetime=timestamp_of(begins),
        end_datetime=timestamp_of(ends),
        is_recurring=row.is_recurring,
        recurrence_pattern=row.recurrence_pattern,
        recurrence_end_date=row.recurrence_end_date.isoformat() if row.recurrence_end_date else None,
    )


def _moments(row: Any) -> tuple[datetime | None, datetime | None]:
    """When what was said about certain days begins and ends; nothing for a day of the week."""
    if row.first_day is None:
        return None, None
    zone = ZoneInfo(row.timezone)
    said = TimeOff(row.id, row.first_day, row.last_day, row.start_time, row.end_time, row.is_continuous)
    first = next(leave_periods(said, zone))
    if row.start_time is None or row.is_continuous:
        return first.start, first.end
    return first.start, next(leave_periods(replace(said, first=row.last_day), zone)).end
