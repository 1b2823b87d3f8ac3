"""Summing up the business days that are over, so that long reports stay fast."""

from collections.abc import Mapping
from datetime import UTC

from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.pos.commands import sums
from services.pos.commands.pricing import terms_of
from services.pos.tasks import SUM_SALES

BATCH = 500


class Summing:
    """Carries out the task that sums days up."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The task that it carries out."""
        return {SUM_SALES: self.sum_sales}

    async def sum_sales(self, _job: Job) -> None:
        """Sums up every day that is over and whose sums do not hold."""
        await self.sum_stale()

    async def sum_stale(self) -> int:
        """Sums up as above; how many days that were."""
        # East of Greenwich the day before may have hours to go; its sums are made again when its sales change.
        before = self._clock.now().astimezone(UTC).date()
        count = 0
        while found := await sums.stale(self._database.read(SYSTEM), before, BATCH):
            for restaurant_id, day in found:
                scope = Scope(restaurant_id)
                zone = (await terms_of(self._database.read(scope), restaurant_id)).zone
                async with self._database.write(scope) as session:
                    await sums.sum_up(session, restaurant_id, day, zone)
            count += len(found)
        return count
