"""Making the tasks and the weeks that come back, once for each day or week."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit import events as bus
from servicekit.tables import inbox
from services.scheduling.commands import rosters, tasks
from services.scheduling.commands.shifts import week_for
from services.scheduling.domain.conflicts import week_of
from services.scheduling.domain.recurrence import OF_FREQUENCY, days, due_day
from services.scheduling.models import ScheduleTemplate, Shift, TaskTemplate, TemplateRun

SEARCH_SECONDS: Final = 30
"""How long the optimizer searches when nobody waits for it."""


def rule_for(template: TaskTemplate) -> str | None:
    """By which rule a template's tasks come back; None for one whose tasks are made on request only."""
    return template.recurrence or OF_FREQUENCY.get(template.frequency)


def due_on(template: TaskTemplate, today: date, zone: ZoneInfo) -> date | None:
    """The day for which a template's tasks are to be made by now; None when there is none."""
    rule = rule_for(template)
    if rule is None or not template.is_active or not template.tasks:
        return None
    # A template that was just made brings nothing on the day on which somebody still works at it.
    start = template.recurs_from or template.created_at.astimezone(zone).date() + timedelta(days=1)
    return due_day(rule, start, today) if start <= today else None


async def make_tasks(
    session: AsyncSession, template: TaskTemplate, day: date, now: datetime, actor: UUID | None
) -> int | None:
    """Makes the tasks of a template for a day; how many, or None when that was done before."""
    if not await _first_time(session, template.restaurant_id, template.id, day):
        return None
    pattern = template.recurrence and template.recurrence[:50]
    made = await tasks.write_from(session, template, [], day, now, actor, pattern=pattern or template.frequency)
    await _note(session, template.id, day, len(made))
    return len(made)


def weeks_due(template: ScheduleTemplate, today: date) -> Iterator[date]:
    """The Mondays of the weeks that are to be filled from a template by now, that of today included."""
    if template.recurrence is None or template.recurs_from is None:
        return
    this_week = week_of(today)
    last = this_week + timedelta(days=7 * template.weeks_ahead + 6)
    yield from sorted({week_of(day) for day in days(template.recurrence, template.recurs_from, this_week, last)})


async def make_week(session: AsyncSession, template: ScheduleTemplate, monday: date, now: datetime) -> UUID | None:
    """Has the optimizer fill a week from a template, when this transaction commits; the run, or None without one.

    A week is filled once, and one that somebody has begun to plan stays as it is. Raises what `rosters.start` raises.
    """
    if not await _first_time(session, template.restaurant_id, template.id, monday):
        return None
    week = await week_for(session, template.restaurant_id, monday)
    is_begun = await session.scalar(
        sa.select(sa.exists().where(Shift.restaurant_id == template.restaurant_id, Shift.schedule_id == week.id))
    )
    if is_begun or week.is_published:
        return None
    wanted = {"template_id": str(template.id), "seconds": SEARCH_SECONDS, "keep_open": True, "apply": True}
    run = await rosters.start(session, template.restaurant_id, monday, wanted, actor=None, now=now)
    return run.id


async def report_failure(session: AsyncSession, template: TaskTemplate | ScheduleTemplate, day: date) -> None:
    """Says once that something which comes back could not be made, however often it is tried."""
    told = {"consumer": "recurrence failed", "message_id": uuid5(template.id, day.isoformat())}
    mark = await session.execute(insert(inbox).values(told).on_conflict_do_nothing().returning(inbox.c.message_id))
    if mark.first() is None:
        return
    message = facts.RecurrenceFailed(
        restaurant_id=str(template.restaurant_id),
        template_id=str(template.id),
        template_name=template.name,
        day=day.isoformat(),
    )
    bus.emit(session, message, restaurant_id=template.restaurant_id, aggregate_id=f"{template.id}:{day}")


async def _first_time(session: AsyncSession, restaurant_id: UUID, template_id: UUID, day: date) -> bool:
    row = {"restaurant_id": restaurant_id, "template_id": template_id, "day": day}
    marked = await session.execute(
        insert(TemplateRun).values(row).on_conflict_do_nothing().returning(TemplateRun.template_id)
    )
    return marked.first() is not None


async def _note(session: AsyncSession, template_id: UUID, day: date, made: int) -> None:
    await session.execute(
        sa.update(TemplateRun).where(TemplateRun.template_id == template_id, TemplateRun.day == day).values(made=made)
    )
