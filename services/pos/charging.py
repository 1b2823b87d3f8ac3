"""Talking to the payment provider about cards: what it says decides, whoever asks it and however often."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog

from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database, Scope
from servicekit.errors import Conflict
from servicekit.jobs import Job, Task
from servicekit.jobs.task import Handler
from services.pos import tasks
from services.pos.clients.stripe import Cards, Intent
from services.pos.commands import cards, events_in, returns
from services.pos.domain import card_payments as rules
from services.pos.domain import money
from services.pos.queries import cards as queries

BATCH = 200
REFUSED = frozenset({"failed", "canceled"})

log = structlog.get_logger(__name__)


class Charging:
    """Card payments and refunds at the provider."""

    def __init__(self, database: Database, provider: Cards, clock: Clock) -> None:
        self._database = database
        self._provider = provider
        self._clock = clock

    def handlers(self) -> Mapping[Task, Handler]:
        """The tasks that it carries out."""
        return {
            tasks.SETTLE_CARD: self.settle_intent,
            tasks.RETURN_CARD: self.give_back,
            tasks.WATCH_CARDS: self.watch,
        }

    async def look(self, restaurant_id: UUID, card_id: UUID) -> Intent | None:
        """Asks the provider how a card payment that waits stands, and records what became of it.

        Raises NotFound, and what asking raises.
        """
        card = await queries.card_payment(self._database.read(Scope(restaurant_id)), restaurant_id, card_id)
        if card.status != rules.WAITING:
            return None
        intent = await self._provider.look(card.intent_id)
        if not (intent.has_succeeded or intent.is_over) and self._clock.now() - card.created_at > rules.GIVE_UP_AFTER:
            intent = await self._provider.cancel(card.intent_id)
        await self._record(card, intent)
        return intent

    async def cancel(self, restaurant_id: UUID, card_id: UUID) -> None:
        """Gives a card payment up. Raises Conflict for one that succeeded, NotFound, and what asking raises."""
        card = await queries.card_payment(self._database.read(Scope(restaurant_id)), restaurant_id, card_id)
        if card.status == rules.WAITING:
            intent = await self._provider.cancel(card.intent_id)
            await self._record(card, intent)
            if intent.is_over:
                return
        if card.status != rules.CANCELLED:
            raise Conflict("This card payment has succeeded.", code="card_payment_succeeded")

    async def _record(self, card: Any, intent: Intent) -> None:
        now = self._clock.now()
        async with self._database.write(Scope(card.restaurant_id)) as session:
            if intent.has_succeeded:
                received = Decimal(intent.received) * money.unit_of(card.currency)
                await cards.settle(session, card.restaurant_id, card.id, received, now)
            elif intent.is_over:
                await cards.cancelled(session, card.restaurant_id, card.id)
            else:
                await cards.still_waits(session, card.restaurant_id, card.id, intent.failure, now)

    # Jobs

    async def settle_intent(self, _job: Job, *, intent_id: str) -> None:
        """Looks at what the provider's events hint at. Raises what asking raises; a later run tries again."""
        card = await queries.of_intent(self._database.read(SYSTEM), intent_id)
        if card is not None:
            await self.look(card.restaurant_id, card.id)
            await self._look_at_refunds(intent_id)
        async with self._database.write(SYSTEM) as session:
            await events_in.mark_intent(session, intent_id, self._clock.now(), is_ours=card is not None)

    async def _look_at_refunds(self, intent_id: str) -> None:
        for made in await queries.refunds_made(self._database.read(SYSTEM), intent_id):
            status = await self._provider.refund_status(made.provider_refund_id)
            if status in REFUSED:
                async with self._database.write(Scope(made.restaurant_id)) as session:
                    await returns.settled(session, made.refund_id, rules.FAILED, made.provider_refund_id, status)

    async def give_back(
        self, job: Job, *, restaurant_id: str, refund_id: str | None = None, card_id: str | None = None
    ) -> None:
        """Has the provider give back a refund or a surplus. Raises what asking raises; a later run tries again."""
        if card_id is not None:
            await self._return_surplus(UUID(restaurant_id), UUID(card_id))
        if refund_id is not None:
            await self._refund(job, UUID(restaurant_id), UUID(refund_id))

    async def _return_surplus(self, restaurant_id: UUID, card_id: UUID) -> None:
        card = await queries.card_payment(self._database.read(Scope(restaurant_id)), restaurant_id, card_id)
        if card.status != rules.RETURNING:
            return
        amount = rules.minor_units(card.surplus, money.unit_of(card.currency))
        await self._provider.give_back(card_id, card.intent_id, amount)
        async with self._database.write(Scope(restaurant_id)) as session:
            await cards.returned(session, restaurant_id, card_id)

    async def _refund(self, job: Job, restaurant_id: UUID, refund_id: UUID) -> None:
        found = await queries.refund(self._database.read(Scope(restaurant_id)), refund_id)
        if found is None or found.status != rules.PENDING:
            return
        amount = rules.minor_units(found.amount, money.unit_of(found.currency))
        provider_id, status, failure = None, rules.FAILED, None
        try:
            provider_id, answer = await self._provider.give_back(refund_id, found.intent_id, amount)
            status = rules.FAILED if answer in REFUSED else rules.SUCCEEDED
            failure = answer if status == rules.FAILED else None
        except Conflict as error:
            # The provider will not: people have to look. The books say what should have gone back.
            failure = error.code
            log.error("refund_failed", refund_id=str(refund_id), reason=error.code, attempt=job.attempt)
        async with self._database.write(Scope(restaurant_id)) as session:
            await returns.settled(session, refund_id, status, provider_id, failure)

    async def watch(self, _job: Job) -> None:
        """Looks at card payments and refunds of which nothing was heard."""
        if not self._provider.is_configured:
            return
        now = self._clock.now()
        reading = self._database.read(SYSTEM)
        waiting = await queries.to_look_at(reading, now, BATCH)
        late = await queries.refunds_due(reading, now - rules.LOOK_AFTER, BATCH)
        async with self._database.write(SYSTEM) as session:
            for row in waiting:
                if row.status == rules.RETURNING:
                    await returns.defer(session, row.restaurant_id, card_id=row.id)
                else:
                    await events_in.defer_settling(session, row.intent_id)
            for refund in late:
                await returns.defer(session, refund.restaurant_id, refund_id=refund.refund_id)
