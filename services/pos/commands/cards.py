"""Card payments: begun, settled when the provider says so, and what is given back."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.identity import Principal
from services.pos.commands import holding, payments, returns
from services.pos.domain import card_payments as rules
from services.pos.domain import money
from services.pos.models import CardPayment
from services.pos.queries.cards import NO_CARD_PAYMENT


@dataclass(frozen=True, slots=True)
class Wish:
    """A card payment that somebody wants to begin."""

    order_id: UUID
    amount: Decimal
    tip: Decimal
    currency: str


async def under_way(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> Decimal:
    """What the card payments of an order that wait are for, tips apart."""
    total: Decimal = (
        await session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(CardPayment.amount), 0)).where(
                CardPayment.restaurant_id == restaurant_id,
                CardPayment.order_id == order_id,
                CardPayment.status == rules.WAITING,
            )
        )
        or money.ZERO
    )
    return total


async def begin(session: AsyncSession, principal: Principal, wish: Wish, intent_id: str, now: datetime) -> CardPayment:
    """Keeps an intent that was made at the provider; the same intent is kept once.

    Raises NotFound, and Conflict when the order changed meanwhile so that there is no room for it.
    """
    held = await holding.hold_open(session, principal.tenant, wish.order_id)
    known: CardPayment | None = await session.scalar(sa.select(CardPayment).where(CardPayment.intent_id == intent_id))
    if known is not None:
        return known
    check_room(wish.amount, held.due, await under_way(session, principal.tenant, wish.order_id))
    card = CardPayment(
        id=uuid4(),
        restaurant_id=principal.tenant,
        order_id=wish.order_id,
        status=rules.WAITING,
        amount=wish.amount,
        tip_amount=wish.tip,
        currency=wish.currency,
        intent_id=intent_id,
        surplus=money.ZERO,
        started_by=principal.user_id,
        look_at=now + rules.LOOK_AFTER,
        created_at=now,
        updated_at=now,
    )
    session.add(card)
    await session.flush()
    return card


def check_room(amount: Decimal, due: Decimal, waiting: Decimal) -> None:
    """Raises Conflict when nothing is due, or other card payments are under way for it, and Invalid for too much."""
    room = rules.room(due, waiting)
    if room <= 0:
        raise Conflict("Nothing is due for this order.", code="nothing_due")
    if amount <= 0:
        raise Invalid("Invalid amount", code="invalid_amount", fields={"amount": "Invalid amount"})
    if amount > room:
        raise Invalid.field("amount", "Only cash can be more than is due.", code="no_change")


async def hold(session: AsyncSession, restaurant_id: UUID, card_id: UUID) -> tuple[holding.Held, CardPayment]:
    """A card payment and its order, held against others until the transaction ends. Raises NotFound."""
    order_id = await session.scalar(
        sa.select(CardPayment.order_id).where(CardPayment.id == card_id, CardPayment.restaurant_id == restaurant_id)
    )
    if order_id is None:
        raise NotFound(NO_CARD_PAYMENT)
    held = await holding.hold(session, restaurant_id, order_id)
    return held, await session.get_one(CardPayment, card_id, with_for_update=True, populate_existing=True)


async def settle(
    session: AsyncSession, restaurant_id: UUID, card_id: UUID, received: Decimal, now: datetime
) -> CardPayment:
    """Records the money that came as a payment of the order; what nothing was due for goes back.

    Settling again changes nothing. Raises NotFound.
    """
    held, card = await hold(session, restaurant_id, card_id)
    if card.status != rules.WAITING:
        return card
    parts = rules.split(held.due, received - card.tip_amount, card.tip_amount)
    card.look_at, card.failure = None, None
    if parts.amount:
        payment = await payments.record(
            session,
            held,
            payments.Money(parts.amount, parts.amount, money.ZERO, parts.tip),
            method="CARD",
            transaction_id=card.intent_id,
            by=card.started_by,
            notes=None,
            now=now,
        )
        card.payment_id = payment.id
        card.status = rules.CAPTURED
    if parts.surplus:
        card.status, card.surplus, card.look_at = rules.RETURNING, parts.surplus, now
        await returns.defer(session, card.restaurant_id, card_id=card.id)
    await session.flush()
    return card


async def cancelled(session: AsyncSession, restaurant_id: UUID, card_id: UUID) -> CardPayment:
    """Says that nothing comes of a card payment any more. Raises NotFound."""
    _, card = await hold(session, restaurant_id, card_id)
    if rules.may_become(card.status, rules.CANCELLED):
        card.status, card.look_at = rules.CANCELLED, None
        await session.flush()
    return card


async def still_waits(
    session: AsyncSession, restaurant_id: UUID, card_id: UUID, failure: str | None, now: datetime
) -> CardPayment:
    """Keeps why the last attempt failed, and when to look again. Raises NotFound."""
    _, card = await hold(session, restaurant_id, card_id)
    if card.status == rules.WAITING:
        card.failure, card.look_at = failure, now + rules.LOOK_AFTER
        await session.flush()
    return card


async def returned(session: AsyncSession, restaurant_id: UUID, card_id: UUID) -> None:
    """Says that a surplus went back. Raises NotFound."""
    _, card = await hold(session, restaurant_id, card_id)
    if rules.may_become(card.status, rules.RETURNED):
        card.status, card.look_at = rules.RETURNED, None
        await session.flush()
