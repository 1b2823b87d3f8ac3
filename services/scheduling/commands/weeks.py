"""Weeks: begun, filled from templates and other weeks, published."""

import calendar
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from labour import Period, hours, net_hours
from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.db import SessionReader
from servicekit.errors import Invalid, NotFound
from services.scheduling import events
from services.scheduling.commands import history
from services.scheduling.commands import shifts as shift_commands
from services.scheduling.domain.conflicts import Booking, Finding, find_conflicts, shift_period
from services.scheduling.domain.planning import changes_for_people
from services.scheduling.models import Publication, Shift, ShiftPerson, WeeklySchedule
from services.scheduling.models.shift import DEFAULT_COLOR
from services.scheduling.queries.situations import situations

NO_WEEK = "No WeeklySchedule matches the given query."
WEEK_TAKEN = "A schedule for this week already exists."
SIX_DAYS = timedelta(days=6)

_INSERT = insert(WeeklySchedule).on_conflict_do_nothing().returning(WeeklySchedule)


@dataclass(slots=True)
class Outcome:
    """What publishing a week told people."""

    notified: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    warnings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class Filled:
    """What filling a week made."""

    created: int = 0
    unfilled: int = 0


def monday_of(week_start: date) -> date:
    """The first day of the week that is meant. Raises Invalid for a day in the middle of one.

    Calendars that begin on Sunday name their weeks by it, and six of their seven days are in the week after it.
    """
    if week_start.weekday() == calendar.SUNDAY:
        return week_start + timedelta(days=1)
    if week_start.weekday() != calendar.MONDAY:
        raise Invalid.field("week_start", "A week starts on a Monday.", code="not_a_monday")
    return week_start


async def create(session: AsyncSession, restaurant_id: UUID, week_start: date, actor: UUID | None) -> WeeklySchedule:
    """A new week, or the one that is there where a Sunday names it. Raises Invalid for other days and a second week."""
    monday = monday_of(week_start)
    row = {"restaurant_id": restaurant_id, "week_start": monday}
    week = (await session.scalars(_INSERT, [row])).one_or_none()
    if week is not None:
        history.week_created(session, week, actor)
        return week
    if monday == week_start:
        raise Invalid.field("week_start", WEEK_TAKEN, code="week_taken")
    return await shift_commands.week_for(session, restaurant_id, monday)


async def locked(session: AsyncSession, restaurant_id: UUID, week_id: UUID) -> WeeklySchedule:
    """A week, held against others. Raises NotFound."""
    week = await session.scalar(
        sa.select(WeeklySchedule)
        .where(WeeklySchedule.id == week_id, WeeklySchedule.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if week is None:
        raise NotFound(NO_WEEK)
    return week


async def delete(session: AsyncSession, restaurant_id: UUID, week_id: UUID, actor: UUID | None) -> WeeklySchedule:
    """Removes a week with its shifts, and says so of each. Raises NotFound."""
    week = await locked(session, restaurant_id, week_id)
    for shift, people in await _shifts_of(session, week):
        about = events.shift_facts(shift, people, is_published=week.is_published)
        events.shift_changed(session, facts.ShiftDeleted(shift=about))
        history.shift_deleted(session, shift, people, actor)
    history.week_deleted(session, week, actor)
    await session.delete(week)
    return week


async def unpublish(session: AsyncSession, week: WeeklySchedule, actor: UUID | None) -> None:
    """Takes a week back to a draft; what people were told stays known for the next publication."""
    week.is_published = False
    week.version += 1
    await session.flush()
    history.week_unpublished(session, week, actor)


async def publish(session: AsyncSession, week: WeeklySchedule, actor: UUID | None, now: datetime) -> Outcome:
    """Publishes a week and tells each person once what is new or changed for them.

    Raises Conflict when something on it must not be, such as a shift on a day of leave that was granted later.
    """
    planned = [(shift, people) for shift, people in await _shifts_of(session, week) if shift.status != "CANCELLED"]
    found = await _findings(session, week, planned)
    shift_commands.refuse(found)
    last = await session.scalar(
        sa.select(Publication)
        .where(Publication.restaurant_id == week.restaurant_id, Publication.schedule_id == week.id)
        .order_by(Publication.number.desc())
        .limit(1)
    )
    before: Mapping[str, Any] = last.shifts if last is not None else {}
    number = last.number + 1 if last is not None else 1
    current = {str(shift.id): events.shift_facts(shift, people, is_published=True) for shift, people in planned}
    after = {
        str(shift.id): {"people": [str(person) for person in people], "facts": _facts(shift)}
        for shift, people in planned
    }
    session.add(
        Publication(
            id=uuid4(),
            restaurant_id=week.restaurant_id,
            schedule_id=week.id,
            number=number,
            shifts=dict(after),
            published_by=actor,
            published_at=now,
        )
    )
    was_published, week.is_published = week.is_published, True
    week.version += 1
    await session.flush()
    personal = _personal(week, number, before, after, current, planned)
    events.schedule_published(session, week, number, len(planned), personal)
    history.week_published(
        session,
        week,
        [UUID(message.staff_id) for message in personal],
        actor,
        number=number,
        was_published=was_published,
        shifts=len(planned),
    )
    return Outcome(
        notified=len(personal),
        added=sum(len(message.added) for message in personal),
        changed=sum(len(message.changed) for message in personal),
        removed=sum(len(message.removed) for message in personal),
        warnings=found,
    )


async def copy(session: AsyncSession, source: WeeklySchedule, target: WeeklySchedule, actor: UUID | None) -> Filled:
    """Adds the shifts of one week to another at the same times of day; somebody who cannot work one is left off it."""
    rows = [(shift, people) for shift, people in await _shifts_of(session, source) if shift.status != "CANCELLED"]
    everybody = {person for _, people in rows for person in people}
    known = await situations(
        SessionReader(session), target.restaurant_id, everybody, target.week_start, target.week_start + SIX_DAYS
    )
    zone = known.zone
    filled = Filled()
    for shift, people in rows:
        day = target.week_start + (shift.shift_date - source.week_start)
        start, end = shift.starts_at.astimezone(zone).time(), shift.ends_at.astimezone(zone).time()
        copied = _draft(target, day, shift_period(day, start, end, zone), shift.role, actor)
        for name in ("break_minutes", "notes", "color", "department", "workspace_location", "task_templates"):
            setattr(copied, name, getattr(shift, name))
        able = [
            person
            for person in people
            if not any(finding.is_hard for finding in find_conflicts(_booking(copied, [person]), known.of(person)))
        ]
        for person in able:
            known.book(person, _booking(copied, able))
        filled.created += 1
        filled.unfilled += bool(people) and not able
        await shift_commands.write_new(session, copied, able, target)
    return filled


async def _shifts_of(session: AsyncSession, week: WeeklySchedule) -> list[tuple[Shift, list[UUID]]]:
    rows = await session.scalars(
        sa.select(Shift)
        .where(Shift.restaurant_id == week.restaurant_id, Shift.schedule_id == week.id)
        .order_by(Shift.starts_at, Shift.id)
    )
    on_shift: defaultdict[UUID, list[UUID]] = defaultdict(list)
    people = await session.execute(
        sa.select(ShiftPerson.shift_id, ShiftPerson.user_id)
        .join(Shift, Shift.id == ShiftPerson.shift_id)
        .where(Shift.restaurant_id == week.restaurant_id, Shift.schedule_id == week.id)
        .order_by(ShiftPerson.place, ShiftPerson.user_id)
    )
    for row in people:
        on_shift[row.shift_id].append(row.user_id)
    return [(shift, on_shift[shift.id]) for shift in rows]


async def _findings(
    session: AsyncSession, week: WeeklySchedule, planned: list[tuple[Shift, list[UUID]]]
) -> list[Finding]:
    everybody = {person for _, people in planned for person in people}
    known = await situations(
        SessionReader(session), week.restaurant_id, everybody, week.week_start, week.week_start + SIX_DAYS
    )
    return [
        finding
        for shift, people in planned
        for person in people
        for finding in find_conflicts(_booking(shift, people), known.of(person))
    ]


def _booking(shift: Shift, people: list[UUID]) -> Booking:
    return Booking(
        shift.id,
        Period(shift.starts_at, shift.ends_at),
        timedelta(minutes=shift.break_minutes),
        shift.workspace_location or "",
        frozenset(people),
    )


def _facts(shift: Shift) -> dict[str, Any]:
    """What people are told of a shift; when it differs they are told again."""
    return {
        "starts_at": shift.starts_at.astimezone(UTC).isoformat(),
        "ends_at": shift.ends_at.astimezone(UTC).isoformat(),
        "shift_date": shift.shift_date.isoformat(),
        "break_minutes": shift.break_minutes,
        "role": shift.role,
        "title": shift.notes or "",
        "department": shift.department or "",
        "workspace_location": shift.workspace_location or "",
    }


def _as_published(week: WeeklySchedule, shift_id: str, kept: Mapping[str, Any]) -> facts.ShiftFacts:
    """A shift as it stood when it was last published."""
    about = facts.ShiftFacts(
        id=shift_id,
        restaurant_id=str(week.restaurant_id),
        schedule_id=str(week.id),
        staff_ids=kept["people"],
        is_published=True,
        **{name: value for name, value in kept["facts"].items() if name not in ("starts_at", "ends_at")},
    )
    about.starts_at.FromDatetime(datetime.fromisoformat(kept["facts"]["starts_at"]))
    about.ends_at.FromDatetime(datetime.fromisoformat(kept["facts"]["ends_at"]))
    return about


def _personal(
    week: WeeklySchedule,
    number: int,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    current: Mapping[str, facts.ShiftFacts],
    planned: list[tuple[Shift, list[UUID]]],
) -> list[facts.StaffSchedulePublished]:
    """One message for everybody for whom something is new or changed."""
    totals: defaultdict[str, timedelta] = defaultdict(timedelta)
    for shift, people in planned:
        for person in people:
            length = net_hours(Period(shift.starts_at, shift.ends_at), timedelta(minutes=shift.break_minutes))
            totals[str(person)] += length

    def by_start(ids: list[str]) -> list[facts.ShiftFacts]:
        return sorted((current[shift_id] for shift_id in ids), key=lambda about: about.starts_at.ToJsonString())

    return [
        facts.StaffSchedulePublished(
            schedule_id=str(week.id),
            restaurant_id=str(week.restaurant_id),
            staff_id=person,
            week_start=week.week_start.isoformat(),
            number=number,
            added=by_start(changes.added),
            changed=by_start(changes.changed),
            removed=[_as_published(week, shift_id, before[shift_id]) for shift_id in changes.removed],
            total_hours=float(hours(totals[person])),
        )
        for person, changes in sorted(changes_for_people(before, after).items())
    ]


def _draft(week: WeeklySchedule, day: date, period: Period, role: str, actor: UUID | None) -> Shift:
    return Shift(
        id=uuid4(),
        restaurant_id=week.restaurant_id,
        schedule_id=week.id,
        shift_date=day,
        starts_at=period.start,
        ends_at=period.end,
        break_minutes=30,
        role=role,
        color=DEFAULT_COLOR,
        status="SCHEDULED",
        task_templates=[],
        created_by=actor,
        last_modified_by=actor,
    )
