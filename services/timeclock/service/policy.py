"""The rules of the clock, holidays and wages."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

import refdata
from labour import pack_of
from mizan.timeclock.v1 import policy_pb2
from servicekit.call import Call
from servicekit.clock import timestamp_of
from servicekit.db import Reading, SessionReader
from servicekit.errors import NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.timeclock.commands import policy as commands
from services.timeclock.queries import policy as queries

FIELDS: Final = (
    "day_starts_at",
    "week_starts_on",
    "early_clock_in_minutes",
    "late_grace_minutes",
    "absent_after_minutes",
    "early_leave_grace_minutes",
    "auto_clock_out_minutes",
    "deduct_missed_breaks",
    "break_after_minutes",
    "photo_retention_days",
)
SEES_WAGES: Final = "staff.records"
ORDINARY_MULTIPLIER: Final = Decimal("2.00")


class PolicyService:
    """Implements mizan.timeclock.v1.PolicyService."""

    async def GetClockSettings(self, _request: Empty, call: Call) -> policy_pb2.ClockSettings:
        return await _settings(call.read(), call.principal.tenant)

    async def UpdateClockSettings(
        self, request: policy_pb2.UpdateClockSettingsRequest, call: Call
    ) -> policy_pb2.ClockSettings:
        changes = changes_of(request, FIELDS, nullable=("early_clock_in_minutes",))
        session = await call.session()
        if changes:
            await commands.change_settings(session, call.principal.tenant, changes)
        return await _settings(SessionReader(session), call.principal.tenant)

    async def ListHolidays(
        self, request: policy_pb2.ListHolidaysRequest, call: Call
    ) -> policy_pb2.ListHolidaysResponse:
        count, rows = await queries.page_of_holidays(call.read(), call.principal.tenant, page_of(request))
        return policy_pb2.ListHolidaysResponse(count=count, results=[_holiday(row) for row in rows])

    async def CreateHoliday(self, request: policy_pb2.CreateHolidayRequest, call: Call) -> policy_pb2.Holiday:
        given = values_of(request)
        made = await commands.create_holiday(
            await call.session(),
            call.principal.tenant,
            given["date"],
            given["name"],
            given.get("multiplier", ORDINARY_MULTIPLIER),
        )
        return _holiday(made)

    async def DeleteHoliday(self, request: policy_pb2.DeleteHolidayRequest, call: Call) -> Empty:
        await commands.delete_holiday(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()

    async def ListWages(self, request: policy_pb2.ListWagesRequest, call: Call) -> policy_pb2.ListWagesResponse:
        reader, tenant = call.read(), call.principal.tenant
        person = UUID(request.staff_id) if request.staff_id else None
        if not call.principal.may(SEES_WAGES):
            if person not in (None, call.principal.user_id):
                raise NotFound("No User matches the given query.")
            person = call.principal.user_id
        elif person is not None:
            await refdata.member(reader, tenant, person)
        count, rows = await queries.page_of_wages(reader, tenant, page_of(request), person)
        return policy_pb2.ListWagesResponse(count=count, results=[_wage(row, row.staff_name) for row in rows])

    async def SetWage(self, request: policy_pb2.SetWageRequest, call: Call) -> policy_pb2.Wage:
        given = values_of(request)
        session = await call.session()
        tenant = call.principal.tenant
        member = await refdata.member(SessionReader(session), tenant, given["staff"])
        row = await commands.set_wage(
            session, tenant, given["staff"], given["effective_from"], given["hourly_rate"], call.principal.user_id
        )
        call.notes.entity_id = str(row.id)
        call.notes.new_values = {"staff": request.staff, "effective_from": request.effective_from}
        return _wage(row, f"{member.first_name} {member.last_name}".strip())


async def _settings(reading: Reading, restaurant_id: UUID) -> policy_pb2.ClockSettings:
    rules = await queries.rules_of(reading, restaurant_id)

    def minutes(length: Any) -> int:
        return int(length.total_seconds()) // 60

    return policy_pb2.ClockSettings(
        day_starts_at=rules.day_starts_at.isoformat(),
        week_starts_on=rules.week_starts_on,
        early_clock_in_minutes=rules.early_minutes,
        late_grace_minutes=minutes(rules.grace.late),
        absent_after_minutes=minutes(rules.grace.absent),
        early_leave_grace_minutes=minutes(rules.grace.early_leave),
        auto_clock_out_minutes=minutes(rules.auto_out_after),
        deduct_missed_breaks=rules.deduct_breaks,
        break_after_minutes=minutes(rules.break_after),
        photo_retention_days=rules.photo_days,
        labour_rules=pack_of(rules.zone.key).place,
        updated_at=timestamp_of(rules.updated_at),
    )


def _holiday(row: Any) -> policy_pb2.Holiday:
    return policy_pb2.Holiday(id=str(row.id), date=row.day.isoformat(), name=row.name, multiplier=str(row.multiplier))


def _wage(row: Any, name: str) -> policy_pb2.Wage:
    return policy_pb2.Wage(
        id=str(row.id),
        staff=str(row.staff_id),
        staff_name=name,
        effective_from=row.effective_from.isoformat(),
        hourly_rate=str(row.hourly_rate),
        created_at=timestamp_of(row.created_at),
    )
