"""Tasks and weeks that come back, made in the background when their day comes."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

import refdata
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.scheduling.commands import recurring
from services.scheduling.models import ScheduleTemplate, TaskTemplate

RECUR: Final = Task("scheduling.recur", cron="7,37 * * * *", max_attempts=3, timeout=600)
"""Twice an hour, so that each restaurant's day has hardly begun in its own zone. What an outage kept from being made is
made afterwards."""

AT_ONCE: Final = 500

log = structlog.get_logger(__name__)


class Recurring:
    """Makes what comes back; each template in a transaction of its own, so that one that fails holds up no other."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {RECUR: self.recur}

    async def recur(self, _job: Job, **_tick: Any) -> None:
        """Makes everything that is due; what was made is marked with it, so a repetition makes nothing."""
        now = self._clock.now()
        for template, zone in await self._templates(TaskTemplate, TaskTemplate.is_active):
            day = recurring.due_on(template, now.astimezone(zone).date(), zone)
            if day is not None:
                await self._make(template, day, now)
        recurs = sa.and_(ScheduleTemplate.is_active, ScheduleTemplate.recurrence.is_not(None))
        for schedule, zone in await self._templates(ScheduleTemplate, recurs):
            for monday in recurring.weeks_due(schedule, now.astimezone(zone).date()):
                await self._make(schedule, monday, now)

    async def _templates(self, model: Any, condition: Any) -> list[tuple[Any, ZoneInfo]]:
        """Templates of all restaurants, with the zones in which their days begin."""
        found: list[tuple[Any, ZoneInfo]] = []
        after = UUID(int=0)
        while True:
            async with self._database.write(SYSTEM) as session:
                rows = (
                    await session.execute(
                        sa.select(model, refdata.ZONE)
                        .outerjoin(refdata.restaurant_ref, refdata.restaurant_ref.c.id == model.restaurant_id)
                        .where(condition, model.id > after)
                        .order_by(model.id)
                        .limit(AT_ONCE)
                    )
                ).all()
                session.expunge_all()
            found += [(row[0], ZoneInfo(row.timezone)) for row in rows]
            if len(rows) < AT_ONCE:
                return found
            after = rows[-1][0].id

    async def _make(self, template: TaskTemplate | ScheduleTemplate, day: date, now: datetime) -> None:
        scope = Scope(template.restaurant_id)
        try:
            async with self._database.write(scope) as session:
                kept = await session.get(type(template), template.id)
                if isinstance(kept, TaskTemplate):
                    await recurring.make_tasks(session, kept, day, now, kept.created_by)
                elif isinstance(kept, ScheduleTemplate):
                    await recurring.make_week(session, kept, day, now)
        except Exception:
            # The other templates are due too; managers are told, and the next run tries this one again.
            log.exception("recurrence_failed", template=str(template.id), day=day.isoformat())
            async with self._database.write(scope) as session:
                await recurring.report_failure(session, template, day)
