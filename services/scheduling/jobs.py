"""What scheduling does in the background: reminders of shifts that begin soon."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit import events as bus
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.scheduling import events
from services.scheduling.filing import RECLAIM, Filing
from services.scheduling.models import Shift, ShiftPerson, WeeklySchedule
from services.scheduling.queries.checklists import is_named

REMIND: Final = Task("scheduling.remind", cron="* * * * *", max_attempts=3, timeout=60)
"""Every minute. A reminder that could not be given in time is given late, as long as the shift has not begun."""

BEFORE: Final = {"SHIFT": timedelta(minutes=30), "CLOCK_IN": timedelta(minutes=15)}
_MARKS: Final = {"SHIFT": Shift.shift_reminded_at, "CLOCK_IN": Shift.clock_in_reminded_at}


class Reminders:
    """Says of each person on a shift that it begins soon, once for each kind of reminder."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {REMIND: self.remind}

    async def remind(self, _job: Job, **_tick: Any) -> None:
        """Publishes the reminders that are due; the marks commit with them, so a repetition finds nothing."""
        now = self._clock.now()
        async with self._database.write(SYSTEM) as session:
            for kind, before in BEFORE.items():
                mark = _MARKS[kind]
                shifts = await session.scalars(
                    sa.update(Shift)
                    .where(
                        Shift.status.in_(("SCHEDULED", "CONFIRMED")),
                        mark.is_(None),
                        Shift.starts_at > now,
                        Shift.starts_at <= now + before,
                    )
                    .values({mark: now})
                    .returning(Shift)
                )
                due = {shift.id: shift for shift in shifts}
                people: defaultdict[UUID, list[UUID]] = defaultdict(list)
                on_them = await session.execute(
                    sa.select(ShiftPerson.shift_id, ShiftPerson.user_id)
                    .where(ShiftPerson.shift_id.in_(due))
                    .order_by(ShiftPerson.place, ShiftPerson.user_id)
                )
                for row in on_them:
                    people[row.shift_id].append(row.user_id)
                published = set(
                    await session.scalars(
                        sa.select(WeeklySchedule.id).where(
                            WeeklySchedule.id.in_({shift.schedule_id for shift in due.values()}),
                            WeeklySchedule.is_published,
                        )
                    )
                )
                for shift in due.values():
                    about = events.shift_facts(shift, people[shift.id], is_published=shift.schedule_id in published)
                    minutes = ceil((shift.starts_at - now) / timedelta(minutes=1))
                    for person in people[shift.id]:
                        message = facts.ShiftReminderDue(
                            shift=about, staff_id=str(person), kind=kind, minutes_left=minutes
                        )
                        bus.emit(
                            session,
                            message,
                            restaurant_id=shift.restaurant_id,
                            aggregate_id=f"{shift.id}:{person}:{kind}",
                            version=shift.version,
                        )


class Housekeeping:
    """Removes what no row names any more."""

    def __init__(self, database: Database, filing: Filing) -> None:
        self._database = database
        self._filing = filing

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {RECLAIM: self.reclaim}

    async def reclaim(self, _job: Job, *, restaurant_id: str, key: str) -> None:
        """Removes a file unless a row names it; repeating it changes nothing."""
        tenant = UUID(restaurant_id)
        if not await is_named(self._database.read(Scope(tenant)), tenant, key):
            await self._filing.remove(key)
