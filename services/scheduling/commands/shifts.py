"""Planning shifts. What stands against one is looked at first; that nobody is booked twice, the database sees to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from psycopg.errors import ExclusionViolation
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from labour import Period
from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.db import Query, Reading, SessionReader
from servicekit.errors import Conflict, Invalid, NotFound
from services.scheduling import events
from services.scheduling.commands import history
from services.scheduling.domain.clock import DEFAULT_BREAK_MINUTES, minutes_of, shift_of
from services.scheduling.domain.conflicts import OVERLAP, Booking, Finding, find_conflicts, week_of
from services.scheduling.domain.planning import DEFAULT_ROLE, OVER, color_of, role_code
from services.scheduling.models import Shift, ShiftPerson, TaskTemplate, WeeklySchedule
from services.scheduling.models.shift import DEFAULT_COLOR
from services.scheduling.queries.shifts import NO_SHIFT
from services.scheduling.queries.situations import situations

DOUBLE_BOOKING = "double_booking"
LISTS = ("required_skills", "required_certifications", "equipment_needed")
PLAIN = (
    "notes",
    "status",
    "is_recurring",
    "recurrence_group_id",
    "workspace_location",
    "department",
    "preparation_instructions",
    *LISTS,
)
"""Fields that are kept as they are sent."""

_WEEK = insert(WeeklySchedule).on_conflict_do_nothing().returning(WeeklySchedule)


class UnflushedReader(Reading):
    """Reads inside a write session without sending its pending changes, which are what is being judged."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self, query: Query, **parameters: Any) -> Sequence[Any]:
        """Every row, as the transaction has written it so far."""
        return (await self._session.execute(query.statement, query.parameters(parameters))).all()


@dataclass(slots=True)
class Plan:
    """A shift after a change: who is on it, and what speaks against it without forbidding it."""

    shift: Shift
    people: list[UUID]
    warnings: list[Finding] = field(default_factory=list)


async def week_for(session: AsyncSession, restaurant_id: UUID, day: date) -> WeeklySchedule:
    """The week of a day, begun when it is not there."""
    monday = week_of(day)
    week = (await session.scalars(_WEEK, [{"restaurant_id": restaurant_id, "week_start": monday}])).one_or_none()
    if week is None:
        week = await session.scalar(
            sa.select(WeeklySchedule).where(
                WeeklySchedule.restaurant_id == restaurant_id, WeeklySchedule.week_start == monday
            )
        )
    if week is None:
        raise Conflict("The week was removed meanwhile. Please try again.")
    return week


async def active_people(session: AsyncSession, restaurant_id: UUID, ids: Sequence[UUID], field: str) -> list[Any]:
    """The people with these ids, in this order. Raises NotFound for strangers and Invalid for who has left."""
    people = []
    for person_id in dict.fromkeys(ids):
        person = await refdata.member(SessionReader(session), restaurant_id, person_id)
        if not person.is_active:
            raise Invalid.field(field, f"{person.first_name} {person.last_name} does not work here any more.")
        people.append(person)
    return people


async def create(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any], actor: UUID | None) -> Plan:
    """A new shift. Raises Invalid, NotFound, or Conflict with what stands against it."""
    zone = await refdata.time_zone(SessionReader(session), restaurant_id)
    people = await active_people(session, restaurant_id, _people_of(values) or [], "staff")
    if not values.get("start_time") or not values.get("end_time"):
        missing = "start_time" if not values.get("start_time") else "end_time"
        raise Invalid.field(missing, "This field is required.", code="required")
    period = shift_of(values["shift_date"], values["start_time"], values["end_time"], zone)
    day = period.start.astimezone(zone).date()
    week = await week_for(session, restaurant_id, day)
    shift = Shift(
        id=uuid4(),
        restaurant_id=restaurant_id,
        schedule_id=week.id,
        shift_date=day,
        starts_at=period.start,
        ends_at=period.end,
        break_minutes=_break(values.get("break_duration")),
        role=role_code(values.get("role")) or (people[0].role if people else DEFAULT_ROLE),
        color=values.get("color") or _own_color([person.user_id for person in people]),
        task_templates=await known_templates(session, restaurant_id, values.get("task_templates", ())),
        bidding_deadline=values.get("bidding_deadline"),
        created_by=actor,
        last_modified_by=actor,
        **{name: values[name] for name in PLAIN if values.get(name) is not None},
    )
    return await plan(session, shift, [person.user_id for person in people], week)


async def plan(session: AsyncSession, shift: Shift, people: list[UUID], week: WeeklySchedule) -> Plan:
    """Puts a new shift into its week. Raises Conflict with what stands against it."""
    warnings = await ensure_possible(session, shift, people)
    await write_new(session, shift, people, week)
    return Plan(shift, people, warnings)


async def write_new(session: AsyncSession, shift: Shift, people: list[UUID], week: WeeklySchedule) -> None:
    """Writes a shift that was judged already. Raises Conflict when somebody was booked meanwhile."""
    await write_many(session, [(shift, people)], week)


async def write_many(session: AsyncSession, plans: Sequence[tuple[Shift, list[UUID]]], week: WeeklySchedule) -> None:
    """Writes shifts of a week that were judged already, all or none, in as many statements as for one.

    Raises Conflict when somebody was booked meanwhile.
    """
    try:
        async with session.begin_nested():
            session.add_all([shift for shift, _ in plans])
            # Comes back with what the database computes, such as the period that the people's rows carry.
            await session.flush()
            for shift, people in plans:
                _put_on(session, shift, people)
            await session.flush()
    except IntegrityError as error:
        raise _refusal(error) from error
    for shift, people in plans:
        about = events.shift_facts(shift, people, is_published=week.is_published)
        events.shift_changed(session, facts.ShiftCreated(shift=about))
        history.shift_created(session, shift, people, shift.created_by)


async def locked(session: AsyncSession, restaurant_id: UUID, shift_id: UUID) -> tuple[Shift, list[UUID]]:
    """A shift, held against others, and its people in order. Raises NotFound."""
    shift = await session.scalar(
        sa.select(Shift).where(Shift.id == shift_id, Shift.restaurant_id == restaurant_id).with_for_update()
    )
    if shift is None:
        raise NotFound(NO_SHIFT)
    people = await session.scalars(
        sa.select(ShiftPerson.user_id)
        .where(ShiftPerson.shift_id == shift_id)
        .order_by(ShiftPerson.place, ShiftPerson.user_id)
    )
    return shift, list(people)


async def change(
    session: AsyncSession, restaurant_id: UUID, shift_id: UUID, values: Mapping[str, Any], actor: UUID | None
) -> Plan:
    """Applies what was sent. Raises Invalid, NotFound, or Conflict with what stands against it then."""
    shift, before = await locked(session, restaurant_id, shift_id)
    if values.get("version") is not None and values["version"] != shift.version:
        raise Conflict("The shift was changed meanwhile.", code="stale_version", extra={"version": shift.version})
    zone = await refdata.time_zone(UnflushedReader(session), restaurant_id)
    sent = _people_of(values)
    people = before
    if sent is not None:
        people = [person.user_id for person in await active_people(session, restaurant_id, sent, "staff")]
    period = _moved(shift, values, zone)
    moved = (period.start, period.end) != (shift.starts_at, shift.ends_at)
    shift.starts_at, shift.ends_at = period.start, period.end
    shift.shift_date = period.start.astimezone(zone).date()
    week = await week_for(session, restaurant_id, shift.shift_date)
    shift.schedule_id = week.id
    if "break_duration" in values:
        shift.break_minutes = _break(values["break_duration"])
    if role_code(values.get("role")):
        shift.role = role_code(values["role"])
    if "bidding_deadline" in values:
        shift.bidding_deadline = values["bidding_deadline"]
    if "color" in values:
        shift.color = values["color"] or _own_color(people)
    if "task_templates" in values:
        shift.task_templates = await known_templates(session, restaurant_id, values["task_templates"])
    for name in PLAIN:
        if name in values and (values[name] is not None or name not in ("status", "is_recurring", *LISTS)):
            setattr(shift, name, values[name])
    if moved:
        shift.shift_reminded_at = shift.clock_in_reminded_at = None
    return await replan(session, shift, before, people, week, actor, moved=moved)


async def replan(
    session: AsyncSession,
    shift: Shift,
    before: list[UUID],
    people: list[UUID],
    week: WeeklySchedule,
    actor: UUID | None,
    *,
    moved: bool = False,
) -> Plan:
    """Writes a shift that was changed in memory. Raises Conflict with what stands against it now."""
    warnings = await ensure_possible(session, shift, people)
    was = history.state_before(shift, before)
    shift.last_modified_by = actor
    shift.version += 1
    try:
        async with session.begin_nested():
            if people != before:
                await session.execute(sa.delete(ShiftPerson).where(ShiftPerson.shift_id == shift.id))
            await session.flush()
            await session.refresh(shift)
            if people != before:
                _put_on(session, shift, people)
                await session.flush()
    except IntegrityError as error:
        raise _refusal(error) from error
    message = facts.ShiftUpdated(
        shift=events.shift_facts(shift, people, is_published=week.is_published),
        previous_staff_ids=[str(person) for person in before],
        moved=moved,
    )
    events.shift_changed(session, message)
    history.shift_changed(session, shift, was, people, actor)
    return Plan(shift, people, warnings)


async def set_status(
    session: AsyncSession, restaurant_id: UUID, shift_id: UUID, status: str, actor: UUID | None
) -> None:
    """Confirms or completes a shift; doing it again changes nothing. Raises NotFound, or Conflict once it is over."""
    shift, people = await locked(session, restaurant_id, shift_id)
    if shift.status == status:
        return
    if shift.status in OVER:
        raise Conflict(f"The shift is {shift.status.lower()} already.", code="shift_over")
    was = history.state_of(shift, people)
    shift.status = status
    if status == "CONFIRMED":
        shift.is_confirmed = True
    week = await week_for(session, restaurant_id, shift.shift_date)
    shift.last_modified_by = actor
    shift.version += 1
    await session.flush()
    about = events.shift_facts(shift, people, is_published=week.is_published)
    message = facts.ShiftUpdated(shift=about, previous_staff_ids=[str(person) for person in people])
    events.shift_changed(session, message)
    history.shift_changed(session, shift, was, people, actor)


async def delete(session: AsyncSession, restaurant_id: UUID, shift_id: UUID, actor: UUID | None) -> Shift:
    """Takes a shift out of the plan. Raises NotFound."""
    shift, people = await locked(session, restaurant_id, shift_id)
    week = await week_for(session, restaurant_id, shift.shift_date)
    shift.version += 1
    about = events.shift_facts(shift, people, is_published=week.is_published)
    events.shift_changed(session, facts.ShiftDeleted(shift=about))
    history.shift_deleted(session, shift, people, actor)
    await session.delete(shift)
    return shift


async def ensure_possible(session: AsyncSession, shift: Shift, people: Sequence[UUID]) -> list[Finding]:
    """What speaks against people working a shift without forbidding it. Raises Conflict for what forbids it."""
    if shift.status in ("CANCELLED", "NO_SHOW"):
        return []
    around = await situations(UnflushedReader(session), shift.restaurant_id, people, shift.shift_date, shift.shift_date)
    wanted = Booking(
        shift.id,
        Period(shift.starts_at, shift.ends_at),
        timedelta(minutes=shift.break_minutes or 0),
        shift.workspace_location or "",
        frozenset(people),
    )
    found = [finding for person in people for finding in find_conflicts(wanted, around.of(person))]
    refuse(found)
    return found


def refuse(found: Iterable[Finding]) -> None:
    """Raises Conflict when something found forbids the shift; it says everything that was found."""
    findings = list(found)
    hard = [finding for finding in findings if finding.is_hard]
    if hard:
        code = DOUBLE_BOOKING if hard[0].type == OVERLAP else "conflict"
        raise Conflict(
            hard[0].message,
            code=code,
            fields={"non_field_errors": [finding.message for finding in hard]},
            extra={"conflicts": [as_json(finding) for finding in findings]},
        )


def as_json(finding: Finding) -> dict[str, Any]:
    """A finding as answers carry it."""
    value: dict[str, Any] = {
        "type": finding.type,
        "message": finding.message,
        "staff_id": str(finding.person),
        "rule": finding.rule,
        "is_hard": finding.is_hard,
    }
    if finding.shift_id is not None:
        value["shift_id"] = str(finding.shift_id)
    if finding.request_id is not None:
        value["request_id"] = str(finding.request_id)
    return value


def _refusal(error: IntegrityError) -> Conflict:
    """The refusal for an exclusion that somebody else's simultaneous change made true. Raises anything else again."""
    if not isinstance(error.orig, ExclusionViolation):
        raise error
    message = "Somebody on this shift already has a shift at that time."
    conflict = {"type": OVERLAP, "message": message, "is_hard": True}
    return Conflict(message, code=DOUBLE_BOOKING, fields={"non_field_errors": message}, extra={"conflicts": [conflict]})


def _put_on(session: AsyncSession, shift: Shift, people: Sequence[UUID]) -> None:
    session.add_all(
        ShiftPerson(
            shift_id=shift.id,
            user_id=person,
            restaurant_id=shift.restaurant_id,
            place=place,
            period=shift.period,
            occupies=shift.occupies,
        )
        for place, person in enumerate(people)
    )


def _people_of(values: Mapping[str, Any]) -> list[UUID] | None:
    """Whom a request names, the main person first; None when it names nobody at all, not even null."""
    if "staff" not in values and "staff_members" not in values:
        return None
    named = [values["staff"]] if values.get("staff") else []
    return list(dict.fromkeys([*named, *(values.get("staff_members") or ())]))


def _moved(shift: Shift, values: Mapping[str, Any], zone: ZoneInfo) -> Period:
    """When the shift is after a change: a day alone moves it, a time alone keeps the day."""
    if not any(values.get(name) for name in ("shift_date", "start_time", "end_time")):
        return Period(shift.starts_at, shift.ends_at)
    start, end = shift.starts_at.astimezone(zone), shift.ends_at.astimezone(zone)
    return shift_of(
        values.get("shift_date") or shift.shift_date,
        values.get("start_time") or f"{start:%H:%M:%S}",
        values.get("end_time") or f"{end:%H:%M:%S}",
        zone,
    )


def _own_color(people: Sequence[UUID]) -> str:
    return color_of(people[0]) if people else DEFAULT_COLOR


def _break(value: Any) -> int:
    minutes = minutes_of(value, "break_duration")
    if minutes is not None and minutes > 24 * 60:
        raise Invalid.field("break_duration", "This duration is out of range.")
    return DEFAULT_BREAK_MINUTES if minutes is None else minutes


async def known_templates(session: AsyncSession, restaurant_id: UUID, ids: Iterable[UUID]) -> list[UUID]:
    """The templates of tasks with these ids, each once. Raises NotFound when the restaurant lacks one."""
    wanted = list(dict.fromkeys(ids))
    found = set(
        await session.scalars(
            sa.select(TaskTemplate.id).where(TaskTemplate.restaurant_id == restaurant_id, TaskTemplate.id.in_(wanted))
        )
    )
    if len(found) < len(wanted):
        raise NotFound("No TaskTemplate matches the given query.")
    return wanted
