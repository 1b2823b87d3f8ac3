"""Shifts as the staff pages show them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.scheduling.v1 import staff_schedule_pb2 as pb
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import Reading, SessionReader
from servicekit.errors import Invalid, NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import shifts as shift_commands
from services.scheduling.commands import staff_schedules as commands
from services.scheduling.domain.bidding import why_not_open
from services.scheduling.queries import shifts as queries
from services.scheduling.queries.backups import backups_of
from services.scheduling.queries.bids import bidders_of
from services.scheduling.queries.shifts import Filter, Planned
from services.scheduling.service.convert import json_text, person_info, text_of
from services.scheduling.service.shifts import only_own

WEEK = timedelta(days=7)
FIELDS = (
    "staff",
    "start_time",
    "end_time",
    "title",
    "description",
    "break_duration",
    "is_recurring",
    "recurrence_end_date",
    "color",
    "status",
    "role",
    "bidding_deadline",
    *commands.DETAILS,
)
NULLABLE = ("staff", "description", "recurrence_pattern", "recurrence_end_date", "bidding_deadline")


class StaffScheduleService:
    """Implements mizan.scheduling.v1.StaffScheduleService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListStaffSchedules(
        self, request: pb.ListStaffSchedulesRequest, call: Call
    ) -> pb.ListStaffSchedulesResponse:
        reader, tenant = call.read(), call.principal.tenant
        staff = UUID(request.staff_id) if request.HasField("staff_id") else None
        if staff is not None:
            await refdata.member(reader, tenant, staff)
        is_open = request.is_open_for_bidding
        chosen = Filter(
            staff_id=staff if is_open else only_own(call) or staff,
            date_from=date.fromisoformat(request.start_date) if request.HasField("start_date") else None,
            date_to=date.fromisoformat(request.end_date) if request.HasField("end_date") else None,
            status=request.status or None,
            search=request.search.strip() or None,
            open_at=self._clock.now() if is_open else None,
        )
        count, found = await queries.page_of_shifts(reader, tenant, chosen, page_of(request), details=False)
        return pb.ListStaffSchedulesResponse(count=count, results=await self._shown(call, reader, found))

    async def ListUpcomingStaffSchedules(
        self, _request: pb.ListUpcomingStaffSchedulesRequest, call: Call
    ) -> pb.ListUpcomingStaffSchedulesResponse:
        reader, tenant = call.read(), call.principal.tenant
        zone = await refdata.time_zone(reader, tenant)
        today = self._clock.now().astimezone(zone).date()
        chosen = Filter(staff_id=only_own(call), date_from=today, date_to=today + WEEK)
        found = await queries.all_shifts(reader, tenant, chosen, details=False)
        coming = [one for one in found if one.row.status in ("SCHEDULED", "CONFIRMED")]
        return pb.ListUpcomingStaffSchedulesResponse(schedules=await self._shown(call, reader, coming))

    async def GetStaffSchedule(self, request: pb.GetStaffScheduleRequest, call: Call) -> pb.StaffSchedule:
        planned = await queries.one_shift(call.read(), call.principal.tenant, UUID(request.id))
        (message,) = await self._shown(call, call.read(), [planned])
        own = only_own(call)
        is_own = own in {person.user_id for person in planned.people}
        if own is not None and not is_own and not message.is_open_for_bidding:
            raise NotFound(queries.NO_SHIFT)
        return message

    async def CreateStaffSchedule(self, request: pb.CreateStaffScheduleRequest, call: Call) -> pb.StaffSchedule:
        session = await call.session()
        principal = call.principal
        made = await commands.create(session, principal.tenant, values_of(request), principal.user_id)
        return await self._read(call, session, made)

    async def UpdateStaffSchedule(self, request: pb.UpdateStaffScheduleRequest, call: Call) -> pb.StaffSchedule:
        session = await call.session()
        shift_id = UUID(request.id)
        changes = changes_of(request, FIELDS, nullable=NULLABLE)
        await commands.change(session, call.principal.tenant, shift_id, changes, call.principal.user_id)
        return await self._read(call, session, shift_id)

    async def DeleteStaffSchedule(self, request: pb.DeleteStaffScheduleRequest, call: Call) -> Empty:
        session = await call.session()
        shift = await shift_commands.delete(session, call.principal.tenant, UUID(request.id), call.principal.user_id)
        call.notes.old_values = {"title": shift.notes, "starts_at": shift.starts_at.isoformat()}
        return Empty()

    async def ConfirmStaffSchedule(self, request: pb.ConfirmStaffScheduleRequest, call: Call) -> pb.StaffScheduleStatus:
        await commands.confirm(await call.session(), call.principal, UUID(request.id))
        return pb.StaffScheduleStatus(status="Schedule confirmed")

    async def CancelStaffSchedule(self, request: pb.CancelStaffScheduleRequest, call: Call) -> pb.StaffScheduleStatus:
        await commands.cancel(await call.session(), call.principal, UUID(request.id))
        return pb.StaffScheduleStatus(status="Schedule cancelled")

    async def CompleteStaffSchedule(
        self, request: pb.CompleteStaffScheduleRequest, call: Call
    ) -> pb.StaffScheduleStatus:
        session = await call.session()
        principal = call.principal
        await shift_commands.set_status(session, principal.tenant, UUID(request.id), "COMPLETED", principal.user_id)
        return pb.StaffScheduleStatus(status="Schedule marked as completed")

    async def BriefStaffSchedule(
        self, request: pb.BriefStaffScheduleRequest, call: Call
    ) -> pb.BriefStaffScheduleResponse:
        held = await commands.brief(await call.session(), call.principal, UUID(request.id), self._clock.now())
        return pb.BriefStaffScheduleResponse(
            message="Safety briefing marked as completed", schedule_id=request.id, completed_at=held.isoformat()
        )

    async def UpdateSafetyCompliance(
        self, request: pb.UpdateSafetyComplianceRequest, call: Call
    ) -> pb.UpdateSafetyComplianceResponse:
        if not request.safety_compliance_status:
            raise Invalid("Safety compliance status is required", code="required")
        notes = request.safety_compliance_notes if request.HasField("safety_compliance_notes") else None
        await commands.note_compliance(
            await call.session(), call.principal.tenant, UUID(request.id), request.safety_compliance_status, notes
        )
        return pb.UpdateSafetyComplianceResponse(
            message="Safety compliance updated", schedule_id=request.id, status=request.safety_compliance_status
        )

    async def BackUpStaffSchedule(
        self, request: pb.BackUpStaffScheduleRequest, call: Call
    ) -> pb.BackUpStaffScheduleResponse:
        session = await call.session()
        copy = await commands.back_up(session, call.principal.tenant, UUID(request.id), call.principal.user_id)
        call.notes.entity_id = str(copy.id)
        return pb.BackUpStaffScheduleResponse(status="success", message="Backup created", backup_path=_name(copy.id))

    async def ListStaffScheduleBackups(
        self, request: pb.ListStaffScheduleBackupsRequest, call: Call
    ) -> pb.ListStaffScheduleBackupsResponse:
        reader, tenant = call.read(), call.principal.tenant
        await queries.one_shift(reader, tenant, UUID(request.id))
        rows = await backups_of(reader, tenant, UUID(request.id))
        return pb.ListStaffScheduleBackupsResponse(
            backups=[
                pb.StaffScheduleBackup(
                    filename=_name(row.id), timestamp=timestamp_of(row.created_at), path=_name(row.id)
                )
                for row in rows
            ]
        )

    async def RestoreStaffSchedule(
        self, request: pb.RestoreStaffScheduleRequest, call: Call
    ) -> pb.RestoreStaffScheduleResponse:
        session = await call.session()
        wanted = _backup_of(request.backup_file) if request.HasField("backup_file") else None
        tenant, actor = call.principal.tenant, call.principal.user_id
        await commands.restore(session, tenant, UUID(request.id), wanted, actor)
        return pb.RestoreStaffScheduleResponse(status="success", message="Schedule restored")

    async def _read(self, call: Call, session: AsyncSession, shift_id: UUID) -> pb.StaffSchedule:
        reading = SessionReader(session)
        call.notes.entity_id = str(shift_id)
        planned = await queries.one_shift(reading, call.principal.tenant, shift_id)
        (message,) = await self._shown(call, reading, [planned])
        return message

    async def _shown(self, call: Call, reading: Reading, found: Sequence[Planned]) -> list[pb.StaffSchedule]:
        """Shifts as the caller sees them: of the bids of others only who plans hears."""
        tenant, own, now = call.principal.tenant, only_own(call), self._clock.now()
        restaurant = await refdata.restaurant(reading, tenant)
        bidders = await bidders_of(reading, tenant, [one.row.id for one in found if not one.people])
        return [
            _message(
                one,
                restaurant,
                [bidder for bidder in bidders.get(one.row.id, ()) if own is None or bidder == own],
                now,
            )
            for one in found
        ]


def _name(backup_id: UUID) -> str:
    return f"schedule_{backup_id}.json"


def _backup_of(name: str) -> UUID:
    """The copy that a name means. Raises NotFound for a name that none has, such as a path."""
    try:
        return UUID(name.removeprefix("schedule_").removesuffix(".json"))
    except ValueError as error:
        raise NotFound("There is no such copy of this shift.") from error


def _message(planned: Planned, restaurant: Any | None, bidders: Sequence[UUID], now: datetime) -> pb.StaffSchedule:
    row, details = planned.row, orjson.loads(planned.row.details)
    zone = ZoneInfo(row.timezone)
    first = planned.people[0] if planned.people else None
    closed = why_not_open(planned.people, row.status, row.starts_at, row.bidding_deadline, now)
    briefed = details.get("safety_briefing_completed_at")
    return pb.StaffSchedule(
        id=str(row.id),
        staff_details=person_info(first) if first is not None else None,
        restaurant_details=pb.ScheduleRestaurant(id=str(restaurant.id), name=restaurant.name) if restaurant else None,
        staff=text_of(first.user_id) if first is not None else None,
        restaurant=str(row.restaurant_id),
        title=row.notes or "Shift",
        description=row.preparation_instructions,
        start_time=row.starts_at.astimezone(zone).isoformat(timespec="seconds"),
        end_time=row.ends_at.astimezone(zone).isoformat(timespec="seconds"),
        break_duration=row.break_minutes,
        position_requirements=json_text(details.get("position_requirements")),
        tasks=json_text(details.get("tasks") or []),
        is_recurring=row.is_recurring,
        recurrence_pattern=details.get("recurrence_pattern"),
        recurrence_end_date=details.get("recurrence_end_date"),
        color=row.color,
        status=row.status,
        safety_briefing_required=bool(details.get("safety_briefing_required")),
        safety_briefing_completed=briefed is not None,
        safety_briefing_completed_at=briefed,
        safety_briefing_completed_by=details.get("safety_briefing_completed_by"),
        ppe_requirements=json_text(details.get("ppe_requirements")),
        safety_compliance_status=details.get("safety_compliance_status") or "NOT_APPLICABLE",
        safety_compliance_notes=details.get("safety_compliance_notes") or "",
        is_open_for_bidding=closed is None,
        bidding_deadline=timestamp_of(row.bidding_deadline),
        preferred_staff=[str(bidder) for bidder in bidders],
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
        created_by=text_of(row.created_by),
        last_modified_by=text_of(row.last_modified_by),
    )
