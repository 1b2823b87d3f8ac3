"""Shifts as the staff pages plan them: of one person, with what safety asks, and with copies."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from servicekit.db import SessionReader
from servicekit.errors import Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from services.scheduling.commands import shifts
from services.scheduling.commands.shifts import Plan
from services.scheduling.domain.clock import length_text, shift_of
from services.scheduling.domain.series import days_of
from services.scheduling.models import Shift, ShiftBackup
from services.scheduling.queries.shifts import NO_SHIFT

PLAN: Final = "schedule.manage"
DETAILS: Final = (
    "tasks",
    "position_requirements",
    "ppe_requirements",
    "recurrence_pattern",
    "safety_briefing_required",
)
"""What is kept of such a shift and nothing decides by."""

_RENAMED: Final = {"title": "notes", "description": "preparation_instructions"}
_SAME: Final = ("status", "color", "role", "is_recurring")
_KEPT: Final = ("notes", "preparation_instructions", "break_minutes", "role", "status", "color", "details")


async def create(session: AsyncSession, tenant: UUID, values: Mapping[str, Any], actor: UUID) -> UUID:
    """A shift, and with a pattern every one of its series, all or none; the first one's id.

    Raises Invalid, NotFound, or Conflict with what stands against one of them.
    """
    _ensure_staffed_or_open(values)
    zone = await refdata.time_zone(SessionReader(session), tenant)
    period = shift_of(date.min, values["start_time"], values["end_time"], zone)
    start, end = period.start.astimezone(zone), period.end.astimezone(zone)
    wanted = {
        "staff": values.get("staff"),
        "start_time": f"{start:%H:%M:%S}",
        "end_time": f"{end:%H:%M:%S}",
        **_values(values),
    }
    repeats = bool(values.get("is_recurring"))
    pattern = values.get("recurrence_pattern")
    if repeats and not pattern:
        raise Invalid(
            "Recurrence pattern is required for recurring schedules",
            fields={"non_field_errors": "Recurrence pattern is required for recurring schedules"},
        )
    if not repeats:
        # By its instants: an hour that the clocks repeat is told apart only so.
        one = {**wanted, "shift_date": start.date(), "start_time": start.isoformat(), "end_time": end.isoformat()}
        return (await _one(session, tenant, one, values, actor)).shift.id
    group = uuid4()
    until = values.get("recurrence_end_date")
    made = [
        await _one(session, tenant, {**wanted, "shift_date": day, "recurrence_group_id": group}, values, actor)
        for day in days_of(pattern or "", start.date(), until)
    ]
    return made[0].shift.id


async def change(session: AsyncSession, tenant: UUID, shift_id: UUID, changes: Mapping[str, Any], actor: UUID) -> None:
    """Applies what was sent. Raises Invalid, NotFound or Conflict."""
    wanted = _values(changes)
    zone = await refdata.time_zone(SessionReader(session), tenant)
    if "staff" in changes:
        wanted["staff"] = changes["staff"]
    for name in ("start_time", "end_time"):
        if changes.get(name):
            wanted[name] = changes[name]
    if "start_time" in wanted:
        wanted["shift_date"] = _day(changes["start_time"], zone)
    made = await shifts.change(session, tenant, shift_id, wanted, actor)
    _keep_details(made.shift, changes)
    await session.flush()


async def confirm(session: AsyncSession, principal: Principal, shift_id: UUID) -> None:
    """Says that the person comes. Raises NotFound for a shift of others, unless the caller plans."""
    await _ensure_own(session, principal, shift_id)
    await shifts.set_status(session, principal.tenant, shift_id, "CONFIRMED", principal.user_id)


async def cancel(session: AsyncSession, principal: Principal, shift_id: UUID) -> None:
    """Cancels a shift; doing it again changes nothing. Raises NotFound."""
    shift, _ = await shifts.locked(session, principal.tenant, shift_id)
    if shift.status != "CANCELLED":
        await shifts.change(session, principal.tenant, shift_id, {"status": "CANCELLED"}, principal.user_id)


async def brief(session: AsyncSession, principal: Principal, shift_id: UUID, now: datetime) -> datetime:
    """Notes that the safety briefing was held, once; when. Raises Forbidden for a shift of others."""
    shift, people = await shifts.locked(session, principal.tenant, shift_id)
    if not principal.may(PLAN) and principal.user_id not in people:
        raise Forbidden("Only the person on this shift can do this.")
    held = shift.details.get("safety_briefing_completed_at")
    if isinstance(held, str):
        return datetime.fromisoformat(held)
    shift.details = {
        **shift.details,
        "safety_briefing_completed_at": now.isoformat(),
        "safety_briefing_completed_by": str(principal.user_id),
    }
    await session.flush()
    return now


async def note_compliance(session: AsyncSession, tenant: UUID, shift_id: UUID, status: str, notes: str | None) -> None:
    """Notes whether safety was kept. Raises NotFound."""
    shift, _ = await shifts.locked(session, tenant, shift_id)
    noted = {"safety_compliance_status": status}
    if notes is not None:
        noted["safety_compliance_notes"] = notes
    shift.details = {**shift.details, **noted}
    await session.flush()


async def back_up(session: AsyncSession, tenant: UUID, shift_id: UUID, actor: UUID) -> ShiftBackup:
    """A copy of a shift as it stands. Raises NotFound."""
    shift, people = await shifts.locked(session, tenant, shift_id)
    copy = ShiftBackup(
        id=uuid4(),
        restaurant_id=tenant,
        shift_id=shift_id,
        shift={
            "starts_at": shift.starts_at.isoformat(),
            "ends_at": shift.ends_at.isoformat(),
            "people": [str(person) for person in people],
            **{name: getattr(shift, name) for name in _KEPT},
        },
        created_by=actor,
    )
    session.add(copy)
    await session.flush()
    await session.refresh(copy)
    return copy


async def restore(
    session: AsyncSession, tenant: UUID, shift_id: UUID, backup_id: UUID | None, actor: UUID
) -> ShiftBackup:
    """Makes a shift what a copy says, the newest when none is named. Raises NotFound or Conflict."""
    chosen = sa.select(ShiftBackup).where(ShiftBackup.restaurant_id == tenant, ShiftBackup.shift_id == shift_id)
    if backup_id is not None:
        chosen = chosen.where(ShiftBackup.id == backup_id)
    copy = await session.scalar(chosen.order_by(ShiftBackup.created_at.desc(), ShiftBackup.id).limit(1))
    if copy is None:
        raise NotFound("There is no such copy of this shift.")
    kept: dict[str, Any] = dict(copy.shift)
    zone = await refdata.time_zone(SessionReader(session), tenant)
    start = datetime.fromisoformat(kept["starts_at"]).astimezone(zone)
    wanted = {
        "shift_date": start.date(),
        "start_time": start.isoformat(),
        "end_time": datetime.fromisoformat(kept["ends_at"]).astimezone(zone).isoformat(),
        "break_duration": length_text(kept["break_minutes"]),
        "staff_members": [UUID(person) for person in kept["people"]],
        **{name: kept[name] for name in ("notes", "preparation_instructions", "role", "status", "color")},
    }
    made = await shifts.change(session, tenant, shift_id, wanted, actor)
    made.shift.details = kept["details"]
    await session.flush()
    return copy


async def _one(
    session: AsyncSession, tenant: UUID, wanted: Mapping[str, Any], values: Mapping[str, Any], actor: UUID
) -> Plan:
    made = await shifts.create(session, tenant, wanted, actor)
    _keep_details(made.shift, values)
    await session.flush()
    return made


def _ensure_staffed_or_open(values: Mapping[str, Any]) -> None:
    """Raises Invalid unless a new shift has either a person or is to be bid for."""
    if values.get("staff") and values.get("is_open_for_bidding"):
        raise Invalid.field("is_open_for_bidding", "A shift that somebody is on is not open for bidding.")
    if not values.get("staff") and not values.get("is_open_for_bidding"):
        raise Invalid.field("staff", "This field is required.", code="required")


async def _ensure_own(session: AsyncSession, principal: Principal, shift_id: UUID) -> None:
    _, people = await shifts.locked(session, principal.tenant, shift_id)
    if not principal.may(PLAN) and principal.user_id not in people:
        raise NotFound(NO_SHIFT)


def _values(sent: Mapping[str, Any]) -> dict[str, Any]:
    """What shifts call what was sent."""
    wanted = {name: sent[name] for name in _SAME if sent.get(name) is not None}
    wanted |= {column: sent[name] for name, column in _RENAMED.items() if name in sent}
    if "bidding_deadline" in sent:
        wanted["bidding_deadline"] = sent["bidding_deadline"]
    if sent.get("break_duration") is not None:
        wanted["break_duration"] = length_text(sent["break_duration"])
    return wanted


def _keep_details(shift: Shift, sent: Mapping[str, Any]) -> None:
    kept = {name: sent[name] for name in DETAILS if name in sent}
    if "recurrence_end_date" in sent:
        until = sent["recurrence_end_date"]
        kept["recurrence_end_date"] = until.isoformat() if until else None
    if not isinstance(kept.get("tasks", []), list):
        raise Invalid.field("tasks", "Expected a list of items.")
    if kept:
        shift.details = {**shift.details, **kept}


def _day(text: str, zone: ZoneInfo) -> date:
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "T", 1))
    except ValueError as error:
        raise Invalid.field("start_time", "Use an instant in ISO 8601.", code="invalid_times") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(zone).date()
