"""What people say about their time, and whether their time off is granted."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit import events as bus
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from services.scheduling import events
from services.scheduling.domain.clock import time_of_day, wall_clock
from services.scheduling.models import Availability
from services.scheduling.queries.availability import NO_ENTRY

PLAN = "schedule.manage"
TIME_OFF = "TIME_OFF"
COLUMNS = {"specific_date": "first_day", "end_date": "last_day"}
"""The columns of fields that requests call otherwise."""

EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)
"""Days that somebody can mean: everything around them is in the calendar, and what recurs is soon counted."""

HOURS = frozenset({"start_time", "end_time"})
FIELDS = (
    "availability_type",
    "priority",
    "day_of_week",
    "specific_date",
    "end_date",
    "start_time",
    "end_time",
    "is_available",
    "preferred_hours_per_week",
    "max_consecutive_days",
    "min_hours_between_shifts",
    "reason",
    "notes",
    "is_continuous",
    "is_recurring",
    "recurrence_pattern",
    "recurrence_end_date",
)
MOMENTS = {"start_datetime": ("specific_date", "start_time"), "end_datetime": ("end_date", "end_time")}
"""Fields that stand for a day and an hour, and which."""

SENT = (*(name for name in FIELDS if name != "is_continuous"), *MOMENTS)

NULLABLE = (
    "day_of_week",
    "specific_date",
    "end_date",
    "start_time",
    "end_time",
    "preferred_hours_per_week",
    "max_consecutive_days",
    "reason",
    "notes",
    "recurrence_pattern",
    "recurrence_end_date",
)


async def create(session: AsyncSession, principal: Principal, values: Mapping[str, Any]) -> UUID:
    """A new entry; its id. Raises NotFound for strangers, Forbidden for others, Invalid for what says no day."""
    staff_id = values.get("staff") or principal.user_id
    if staff_id != principal.user_id:
        await refdata.member(SessionReader(session), principal.tenant, staff_id)
        if not principal.may(PLAN):
            raise Forbidden("You can only speak for yourself.")
    entry = Availability(
        id=uuid4(),
        restaurant_id=principal.tenant,
        staff_id=staff_id,
        availability_type="REGULAR",
        status="APPROVED",
        version=1,
    )
    _apply(entry, await _by_the_clock(session, principal.tenant, values))
    if _waits(entry, principal):
        entry.status = "PENDING"
    session.add(entry)
    await session.flush()
    events.availability_changed(session, facts.AvailabilityCreated, entry)
    if entry.status == "PENDING":
        _emit(session, entry, facts.TimeOffRequested(time_off=_facts(entry)))
    return entry.id


async def change(session: AsyncSession, principal: Principal, entry_id: UUID, changes: Mapping[str, Any]) -> None:
    """Applies what was sent. Raises NotFound, Invalid, or Conflict for cancelling what was denied."""
    entry = await locked(session, principal, entry_id)
    wanted = changes.get("status")
    fields = {name: value for name, value in changes.items() if name != "status"}
    if wanted == "CANCELLED":
        if entry.status == "DENIED":
            raise Conflict("This was denied.", code="already_decided")
        entry.status = "CANCELLED"
    _apply(entry, await _by_the_clock(session, principal.tenant, fields))
    entry.version += 1
    if wanted != "CANCELLED" and (fields or wanted == "PENDING") and _waits(entry, principal):
        entry.status, entry.reviewed_by, entry.reviewed_at = "PENDING", None, None
        _emit(session, entry, facts.TimeOffRequested(time_off=_facts(entry)))
    elif wanted == "CANCELLED" and entry.availability_type == TIME_OFF:
        decided = facts.TimeOffDecided(time_off=_facts(entry), decided_by=str(principal.user_id))
        _emit(session, entry, decided)
    await session.flush()
    events.availability_changed(session, facts.AvailabilityUpdated, entry)


async def review(
    session: AsyncSession, principal: Principal, entry_id: UUID, decision: str, notes: str | None, now: datetime
) -> None:
    """Grants or denies what waits. Raises NotFound, Forbidden for one's own, and Conflict once it is decided."""
    entry = await locked(session, principal, entry_id)
    if entry.staff_id == principal.user_id:
        raise Forbidden("Somebody else decides about your time off.")
    if entry.status != "PENDING":
        raise Conflict(f"This is {entry.status.lower()} already.", code="already_decided")
    entry.status = decision
    entry.reviewed_by, entry.reviewed_at, entry.approval_notes = principal.user_id, now, notes
    entry.version += 1
    await session.flush()
    _emit(session, entry, facts.TimeOffDecided(time_off=_facts(entry), decided_by=str(principal.user_id)))
    events.availability_changed(session, facts.AvailabilityUpdated, entry)


async def delete(session: AsyncSession, principal: Principal, entry_id: UUID) -> Availability:
    """Removes an entry. Raises NotFound."""
    entry = await locked(session, principal, entry_id)
    entry.version += 1
    events.availability_changed(session, facts.AvailabilityDeleted, entry)
    await session.delete(entry)
    return entry


async def locked(session: AsyncSession, principal: Principal, entry_id: UUID) -> Availability:
    """An entry that the caller may change, held against others. Raises NotFound."""
    entry = await session.scalar(
        sa.select(Availability)
        .where(Availability.id == entry_id, Availability.restaurant_id == principal.tenant)
        .with_for_update()
    )
    if entry is None:
        raise NotFound(NO_ENTRY)
    ensure_visible(principal, entry.staff_id)
    return entry


def ensure_visible(principal: Principal, staff_id: UUID) -> None:
    """Raises NotFound for what somebody else said, unless the caller plans."""
    if not (principal.may(PLAN) or staff_id == principal.user_id):
        raise NotFound(NO_ENTRY)


def _waits(entry: Availability, principal: Principal) -> bool:
    """Whether somebody else has to agree: time on certain days that people want off for themselves."""
    away = entry.availability_type in (TIME_OFF, "UNAVAILABLE") and entry.first_day is not None
    return away and not (principal.may(PLAN) and entry.staff_id != principal.user_id)


async def _by_the_clock(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Days and hours that were sent as times of day or as instants, in the restaurant's zone. Raises Invalid."""
    hours = [name for name in HOURS if values.get(name) is not None]
    moments = [name for name in MOMENTS if values.get(name) is not None]
    found = {name: value for name, value in values.items() if name not in MOMENTS}
    if not moments and not values.keys() & HOURS:
        return found
    zone = await refdata.time_zone(SessionReader(session), restaurant_id)
    found |= {name: time_of_day(values[name], zone, name) for name in hours}
    for name in moments:
        wall = wall_clock(values[name], zone, name)
        day, hour = MOMENTS[name]
        found |= {day: wall.date(), hour: wall.time()}
    return {**found, "is_continuous": bool(moments)}


def _apply(entry: Availability, changes: Mapping[str, Any]) -> None:
    for name in FIELDS:
        if name in changes:
            setattr(entry, COLUMNS.get(name, name), changes[name])
    if entry.day_of_week is None and entry.first_day is None:
        raise Invalid.field("specific_date", "Either a day of the week or a date is needed.", code="required")
    if entry.availability_type == TIME_OFF and entry.first_day is None:
        raise Invalid.field("specific_date", "Time off needs a date.", code="required")
    for name, day in (("specific_date", entry.first_day), ("end_date", entry.last_day)):
        if day is not None and not EARLIEST <= day <= LATEST:
            raise Invalid.field(name, f"Must be between {EARLIEST} and {LATEST}.")
    if entry.first_day is None:
        entry.last_day = None
    elif entry.last_day is None:
        entry.last_day = entry.first_day
    elif entry.last_day < entry.first_day:
        raise Invalid.field("end_date", "Must not be before the first day.")
    _ensure_forwards(entry)
    if (entry.start_time is None) != (entry.end_time is None):
        raise Invalid.field("end_time", "Start and end go together.")
    _ensure_recurs(entry)
    if entry.day_of_week is not None and entry.start_time and entry.end_time and entry.end_time <= entry.start_time:
        raise Invalid.field("end_time", "End time must be after start time.")


def _ensure_forwards(entry: Availability) -> None:
    if not entry.is_continuous:
        return
    first, last, start, end = entry.first_day, entry.last_day, entry.start_time, entry.end_time
    if first is None or last is None or start is None or end is None:
        raise Invalid.field("end_datetime", "Start and end go together.")
    if (last, end) <= (first, start):
        raise Invalid.field("end_datetime", "End time must be after start time.")


def _ensure_recurs(entry: Availability) -> None:
    if entry.is_recurring and entry.recurrence_pattern is None:
        raise Invalid.field("recurrence_pattern", "What comes again needs a pattern.", code="required")
    if entry.is_recurring and entry.first_day is None and entry.recurrence_pattern != "WEEKLY":
        raise Invalid.field("recurrence_pattern", "A day of the week comes every week; name a date for anything else.")
    if entry.recurrence_end_date and entry.first_day and entry.recurrence_end_date < entry.first_day:
        raise Invalid.field("recurrence_end_date", "Must not be before the first day.")


def _facts(entry: Availability) -> facts.TimeOffFacts:
    return facts.TimeOffFacts(
        id=str(entry.id),
        restaurant_id=str(entry.restaurant_id),
        staff_id=str(entry.staff_id),
        first_day=entry.first_day.isoformat() if entry.first_day else "",
        last_day=entry.last_day.isoformat() if entry.last_day else "",
        status=entry.status,
        version=entry.version,
    )


def _emit(session: AsyncSession, entry: Availability, message: facts.TimeOffRequested | facts.TimeOffDecided) -> None:
    bus.emit(session, message, restaurant_id=entry.restaurant_id, aggregate_id=entry.id, version=entry.version)
