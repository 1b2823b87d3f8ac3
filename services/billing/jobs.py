"""What billing does in the background: acting on the provider's events, the clock, and comparing every night."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.billing import tasks
from services.billing.clients import Stripe
from services.billing.commands import entitlements, provider_events, reconciliation, subscriptions
from services.billing.queries import reconciliations as queries

PAGE = 100
AT_ONCE = 3
"""Restaurants that are compared at the same time: each holds a connection while the provider answers."""
NOBODY = UUID(int=0)

log = structlog.get_logger(__name__)


class BillingJobs:
    """Carries out billing's tasks."""

    def __init__(self, database: Database, stripe: Stripe, clock: Clock, grace: timedelta) -> None:
        self._database = database
        self._stripe = stripe
        self._clock = clock
        self._grace = grace

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {
            tasks.PROCESS_EVENTS: self.process_events,
            tasks.REFRESH_ENTITLEMENTS: self.refresh_entitlements,
            tasks.SETTLE: self.settle,
            tasks.RECONCILE: self.reconcile,
        }

    async def process_events(self, _job: Job, *, customer_id: str) -> None:
        """Acts on the waiting events of a customer. Raises what asking the provider raises; a later run tries again."""
        async with self._database.write(SYSTEM) as session:
            await provider_events.process(session, self._stripe, customer_id, self._clock.now(), self._grace)

    async def refresh_entitlements(self, _job: Job) -> None:
        """Derives every restaurant's entitlements again after a plan changed."""
        after: UUID | None = NOBODY
        while after is not None:
            async with self._database.write(SYSTEM) as session:
                after = await entitlements.refresh(session, after, self._clock.now(), self._grace)

    async def settle(self, _job: Job) -> None:
        """Ends what the clock ends."""
        for step, batch in (
            (subscriptions.settle_trials, subscriptions.BATCH),
            (entitlements.settle, entitlements.BATCH),
        ):
            settled = batch
            while settled == batch:
                async with self._database.write(SYSTEM) as session:
                    settled = await step(session, self._clock.now(), self._grace)

    async def reconcile(self, _job: Job) -> None:
        """Compares every restaurant with the provider, sets right what differs, and reports it."""
        if not self._stripe.is_configured:
            return
        async with self._database.write(SYSTEM) as session:
            report_id = await reconciliation.begin(session)
        findings: list[dict[str, Any]] = []
        checked, after = 0, NOBODY
        while found := await queries.customers(self._database.read(SYSTEM), after, PAGE):
            places = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as group:
                compared = [group.create_task(self._compare(restaurant_id, places)) for restaurant_id in found]
            findings += [finding for task in compared if (finding := task.result()) is not None]
            checked, after = checked + len(found), found[-1]
        now = self._clock.now()
        async with self._database.write(SYSTEM) as session:
            report = await reconciliation.finish(session, report_id, findings, checked=checked, now=now)
            await provider_events.forget(session, now)
        log.info("reconciled", checked=report.checked, repaired=report.repaired, failed=report.failed)

    async def _compare(self, restaurant_id: UUID, places: asyncio.Semaphore) -> dict[str, Any] | None:
        async with places:
            try:
                async with self._database.write(Scope(restaurant_id)) as session:
                    changes = await reconciliation.reconcile_one(
                        session, self._stripe, restaurant_id, self._clock.now(), self._grace
                    )
            except Exception as error:  # noqa: BLE001 - one restaurant must not keep the others from being compared
                log.warning("not_reconciled", restaurant_id=str(restaurant_id), error=repr(error))
                return {"restaurant_id": str(restaurant_id), "error": type(error).__name__}
        return {"restaurant_id": str(restaurant_id), "changes": changes} if changes else None
