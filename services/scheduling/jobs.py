"""What scheduling does in the background: reminders of shifts, work that comes with them, work that is overdue."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit import events as bus
from servicekit.clock import Clock, local_date
from servicekit.db import SYSTEM, Database, Scope
from servicekit.jobs import Job
from servicekit.jobs import Task as Kind
from servicekit.jobs.task import Handler
from services.scheduling import events
from services.scheduling.commands.checklists import begin_for
from services.scheduling.filing import RECLAIM, Filing, discard
from services.scheduling.models import (
    ChecklistTemplate,
    Shift,
    ShiftPerson,
    ShiftTask,
    Task,
    TaskCheckpoint,
    WeeklySchedule,
)
from services.scheduling.queries.checklists import is_named

REMIND: Final = Kind("scheduling.remind", cron="* * * * *", max_attempts=3, timeout=60)
"""Every minute. A reminder that could not be given in time is given late, as long as it still says something."""

OVERDUE: Final = Kind("scheduling.overdue", cron="*/5 * * * *", max_attempts=3, timeout=120)
"""Every five minutes."""

SWEEP: Final = Kind("scheduling.sweep", cron="41 * * * *", max_attempts=3, timeout=120)
"""Every hour: what was noted about tasks that are gone, whichever way they went."""

BEFORE: Final = {"SHIFT": timedelta(minutes=30), "CLOCK_IN": timedelta(minutes=15)}
BEFORE_END: Final = timedelta(minutes=5)
AFTER_END: Final = timedelta(minutes=15)
PLANNED: Final = ("SCHEDULED", "CONFIRMED")
OPEN: Final = ("TODO", "IN_PROGRESS")
FIRST_TASKS: Final = 3
TOO_LATE: Final = timedelta(days=7)
"""Tasks that have been overdue for longer than this when they are first seen are old news."""
_TODAYS: Final = (
    sa.func.unnest(sa.bindparam("zones", type_=sa.ARRAY(sa.Text)), sa.bindparam("todays", type_=sa.ARRAY(sa.Date)))
    .table_valued(sa.column("zone", sa.Text), sa.column("today", sa.Date))
    .render_derived()
)
"""What day it is in each zone."""

_MARKS: Final = {
    "SHIFT": Shift.shift_reminded_at,
    "CLOCK_IN": Shift.clock_in_reminded_at,
    "CHECKLIST": Shift.checklist_reminded_at,
    "CLOCK_OUT": Shift.clock_out_reminded_at,
}


class Reminders:
    """Says of each person on a shift that it begins soon, what there is to do, and that it ends: each once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def handlers(self) -> Mapping[Kind, Handler]:
        """The tasks that it carries out."""
        return {REMIND: self.remind, OVERDUE: self.note_overdue}

    async def remind(self, _job: Job, **_tick: Any) -> None:
        """Publishes the reminders that are due; the marks commit with them, so a repetition finds nothing."""
        now = self._clock.now()
        async with self._database.write(SYSTEM) as session:
            for kind, mark in _MARKS.items():
                shifts = await session.scalars(
                    sa.update(Shift).where(mark.is_(None), _is_due(kind, now)).values({mark: now}).returning(Shift)
                )
                due = list(shifts)
                if not due:
                    continue
                people = await _people_of(session, due)
                work = await self._bring_work(session, due, people) if kind == "CHECKLIST" else {}
                published = await _published(session, due)
                for shift in due:
                    if kind == "CHECKLIST" and shift.id not in work:
                        continue
                    about = events.shift_facts(shift, people[shift.id], is_published=shift.schedule_id in published)
                    left = (shift.ends_at if kind == "CLOCK_OUT" else shift.starts_at) - now
                    for person in people[shift.id]:
                        message = facts.ShiftReminderDue(
                            shift=about,
                            staff_id=str(person),
                            kind=kind,
                            minutes_left=ceil(left / timedelta(minutes=1)),
                            open_tasks=work.get(shift.id, ()),
                        )
                        bus.emit(
                            session,
                            message,
                            restaurant_id=shift.restaurant_id,
                            aggregate_id=f"{shift.id}:{person}:{kind}",
                            version=shift.version,
                        )

    async def note_overdue(self, _job: Job, **_tick: Any) -> None:
        """Says of each open task whose time has passed that it is overdue, once for each time that it is given."""
        now = self._clock.now()
        async with self._database.write(SYSTEM) as session:
            zones = set(await session.scalars(sa.select(refdata.restaurant_ref.c.timezone).distinct()))
            todays = {zone: local_date(now, zone) for zone in {*zones, refdata.DEFAULT_TIME_ZONE.key}}
            overdue: tuple[tuple[Any, Any], ...] = ((Task, Task.due_time), (ShiftTask, ShiftTask.due_at))
            for model, moment in overdue:
                zone = (
                    sa.select(refdata.restaurant_ref.c.timezone)
                    .where(refdata.restaurant_ref.c.id == model.restaurant_id)
                    .correlate(model)
                    .scalar_subquery()
                )
                known = sa.func.coalesce(zone, refdata.DEFAULT_TIME_ZONE.key)
                today = sa.select(_TODAYS.c.today).where(_TODAYS.c.zone == known).scalar_subquery()
                late = sa.or_(
                    sa.and_(moment <= now, moment > now - TOO_LATE),
                    sa.and_(moment.is_(None), model.due_date < today, model.due_date > (now - TOO_LATE).date()),
                )
                tasks = await session.scalars(
                    sa.update(model)
                    .where(model.overdue_at.is_(None), model.status.in_(OPEN), late)
                    .values(overdue_at=now)
                    .returning(model),
                    {"zones": list(todays), "todays": list(todays.values())},
                )
                for task in tasks:
                    events.task_changed(session, facts.TaskOverdue(task=events.task_facts(task)))

    async def _bring_work(
        self, session: AsyncSession, shifts: Sequence[Shift], people: Mapping[UUID, Sequence[UUID]]
    ) -> dict[UUID, list[str]]:
        """Gives everybody the checklists that come with their shift; for each shift with work its first open tasks."""
        wanted = {template for shift in shifts for template in shift.task_templates}
        templates = await session.scalars(
            sa.select(ChecklistTemplate)
            .where(ChecklistTemplate.is_active, ChecklistTemplate.task_template_id.in_(wanted))
            .order_by(ChecklistTemplate.name, ChecklistTemplate.id)
        )
        by_task_template: defaultdict[UUID | None, list[ChecklistTemplate]] = defaultdict(list)
        for template in templates:
            by_task_template[template.task_template_id].append(template)
        titles: defaultdict[UUID, list[str]] = defaultdict(list)
        rows = await session.execute(
            sa.select(ShiftTask.shift_id, ShiftTask.title)
            .where(
                ShiftTask.shift_id.in_([shift.id for shift in shifts]),
                ShiftTask.status.in_(OPEN),
                ShiftTask.parent_id.is_(None),
            )
            .order_by(ShiftTask.created_at, ShiftTask.id)
        )
        for row in rows:
            titles[row.shift_id].append(row.title)
        work: dict[UUID, list[str]] = {}
        for shift in shifts:
            checklists = [one for wanted_one in shift.task_templates for one in by_task_template[wanted_one]]
            for template in checklists:
                for person in people[shift.id]:
                    await begin_for(session, template, person, by=None, shift_id=shift.id, due_date=shift.ends_at)
            names = [*titles[shift.id], *(template.name for template in checklists)]
            if names:
                work[shift.id] = names[:FIRST_TASKS]
        return work


def _is_due(kind: str, now: datetime) -> sa.ColumnElement[bool]:
    """Whose time for a kind of reminder it is."""
    if kind == "CHECKLIST":
        return sa.and_(Shift.status.in_((*PLANNED, "IN_PROGRESS")), Shift.starts_at <= now, Shift.ends_at > now)
    if kind == "CLOCK_OUT":
        return sa.and_(
            Shift.status == "IN_PROGRESS", Shift.ends_at <= now + BEFORE_END, Shift.ends_at > now - AFTER_END
        )
    return sa.and_(Shift.status.in_(PLANNED), Shift.starts_at > now, Shift.starts_at <= now + BEFORE[kind])


async def _people_of(session: AsyncSession, shifts: Sequence[Shift]) -> dict[UUID, list[UUID]]:
    people: dict[UUID, list[UUID]] = {shift.id: [] for shift in shifts}
    rows = await session.execute(
        sa.select(ShiftPerson.shift_id, ShiftPerson.user_id)
        .where(ShiftPerson.shift_id.in_(people))
        .order_by(ShiftPerson.place, ShiftPerson.user_id)
    )
    for row in rows:
        people[row.shift_id].append(row.user_id)
    return people


async def _published(session: AsyncSession, shifts: Sequence[Shift]) -> set[UUID]:
    return set(
        await session.scalars(
            sa.select(WeeklySchedule.id).where(
                WeeklySchedule.id.in_({shift.schedule_id for shift in shifts}), WeeklySchedule.is_published
            )
        )
    )


class Housekeeping:
    """Removes what no row names any more."""

    def __init__(self, database: Database, filing: Filing) -> None:
        self._database = database
        self._filing = filing

    def handlers(self) -> Mapping[Kind, Handler]:
        """The tasks that it carries out."""
        return {RECLAIM: self.reclaim, SWEEP: self.sweep}

    async def reclaim(self, _job: Job, *, restaurant_id: str, key: str) -> None:
        """Removes a file unless a row names it; repeating it changes nothing."""
        tenant = UUID(restaurant_id)
        if not await is_named(self._database.read(Scope(tenant)), tenant, key):
            await self._filing.remove(key)

    async def sweep(self, _job: Job, **_tick: Any) -> None:
        """Removes what was noted about tasks that are gone, and its pictures; repeating it finds nothing."""
        async with self._database.write(SYSTEM) as session:
            gone = await session.execute(
                sa.delete(TaskCheckpoint)
                .where(TaskCheckpoint.task_id.is_(None), TaskCheckpoint.shift_task_id.is_(None))
                .returning(TaskCheckpoint.restaurant_id, TaskCheckpoint.file_key)
            )
            for restaurant_id, key in gone:
                await discard(session, restaurant_id, key)
