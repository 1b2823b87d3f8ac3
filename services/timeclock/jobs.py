"""What timeclock does in the background: it notices who does not come and who does not clock out."""

from collections.abc import Mapping
from typing import Any, Final

from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.timeclock.commands import watching

WATCH: Final = Task("timeclock.watch", cron="* * * * *", max_attempts=3, timeout=60)
"""Every minute; what was not noticed in time is noticed late."""


class Watch:
    """Marks absences, clocks out who forgot, and fills the queue of forgotten punches."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {WATCH: self.watch}

    async def watch(self, _job: Job, **_tick: Any) -> None:
        """One look at all restaurants; each session is settled on its own, so that one does not hold up the others."""
        now = self._clock.now()
        async with self._database.write(SYSTEM) as session:
            await watching.mark_absent(session, now)
        async with self._database.write(SYSTEM) as session:
            found = await watching.overdue(session, now)
        for one in found:
            async with self._database.write(Scope(one.restaurant_id)) as session:
                await watching.settle(session, one, now)
