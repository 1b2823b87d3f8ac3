"""What timeclock does in the background: it notices who does not come or go, and takes over what people earn."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope, SessionReader
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.timeclock.clients import Identity
from services.timeclock.commands import policy, watching
from services.timeclock.commands.policy import TAKE_OVER_WAGES
from services.timeclock.queries.policy import rules_of

WATCH: Final = Task("timeclock.watch", cron="* * * * *", max_attempts=3, timeout=60)
"""Every minute; what was not noticed in time is noticed late."""


TAKE_OVER_ALL_WAGES: Final = Task("timeclock.take_over_all_wages", cron="11 1 * * *", max_attempts=3)
"""Every night, for changes of pay that no fact tells of."""


class Wages:
    """Takes over from people's profiles what they earn."""

    def __init__(self, database: Database, identity: Identity, clock: Clock) -> None:
        self._database = database
        self._identity = identity
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {TAKE_OVER_WAGES: self.take_over, TAKE_OVER_ALL_WAGES: self.take_over_all}

    async def take_over_all(self, _job: Job, **_tick: Any) -> None:
        """Has the wages of every restaurant taken over."""
        async with self._database.write(SYSTEM) as session:
            await policy.have_wages_taken_over(session)

    async def take_over(self, _job: Job, *, restaurant_id: str) -> None:
        """Asks identity and keeps what is new; repeating it changes nothing."""
        tenant = UUID(restaurant_id)
        rates = await self._identity.wages(tenant)
        async with self._database.write(Scope(tenant)) as session:
            rules = await rules_of(SessionReader(session), tenant)
            today = rules.business_date(self._clock.now())
            await policy.take_over_wages(session, tenant, rates, today)


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
