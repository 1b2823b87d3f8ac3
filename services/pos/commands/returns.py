"""What the payment provider has to give back."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from services.pos import events
from services.pos.domain import card_payments as rules
from services.pos.models import CardPayment, CardRefund, Payment, Refund
from services.pos.tasks import RETURN_CARD


async def at_provider(session: AsyncSession, payment: Payment, refund: Refund) -> None:
    """Has the provider give back what a refund says, where the payment came through it."""
    intent_id = await session.scalar(
        sa.select(CardPayment.intent_id).where(
            CardPayment.restaurant_id == payment.restaurant_id, CardPayment.payment_id == payment.id
        )
    )
    if intent_id is None:
        return
    session.add(
        CardRefund(
            refund_id=refund.id,
            restaurant_id=payment.restaurant_id,
            intent_id=intent_id,
            amount=refund.amount + refund.tip_amount,
            currency=payment.currency,
            status=rules.PENDING,
        )
    )
    await session.flush()
    await defer(session, payment.restaurant_id, refund_id=refund.id)


async def settled(
    session: AsyncSession, refund_id: UUID, status: str, provider_refund_id: str | None, failure: str | None
) -> None:
    """Keeps what became of a refund at the provider; one that failed, also after it was made, is told to people."""
    refund = await session.get_one(CardRefund, refund_id, with_for_update=True)
    if not rules.refund_may_become(refund.status, status):
        return
    refund.status, refund.failure = status, failure
    refund.provider_refund_id = provider_refund_id
    await session.flush()
    if status == rules.FAILED:
        booked = await session.get_one(Refund, refund_id)
        payment = await session.get_one(Payment, booked.payment_id)
        events.payment_refund_failed(session, payment, booked, failure or "")


async def defer(
    session: AsyncSession, restaurant_id: UUID, *, refund_id: UUID | None = None, card_id: UUID | None = None
) -> None:
    """Has the provider give back a refund, or what came for a card payment and nothing was due for."""
    await jobs.defer(
        session,
        RETURN_CARD,
        once=f"return {refund_id or card_id}",
        restaurant_id=str(restaurant_id),
        refund_id=None if refund_id is None else str(refund_id),
        card_id=None if card_id is None else str(card_id),
    )
