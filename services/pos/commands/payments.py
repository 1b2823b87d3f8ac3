"""Taking money and giving it back; the order's row is held all the while, so that nothing is paid twice."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.identity import Principal
from services.pos import events
from services.pos.commands import orders, returns, sums
from services.pos.commands.holding import Held
from services.pos.commands.pricing import check_amount
from services.pos.domain import money
from services.pos.domain.payments import refunded_status, settle, tax_share, tip_share
from services.pos.models import Payment, Refund
from services.pos.queries.payments import NO_PAYMENT


@dataclass(frozen=True, slots=True)
class Money:
    """What was handed over, what of it covers the order, the change, and the tip beside it."""

    amount: Decimal
    handed_over: Decimal
    change: Decimal
    tip: Decimal


_INSERT = insert(Payment).on_conflict_do_nothing().returning(Payment)


async def take(
    session: AsyncSession,
    principal: Principal,
    held: Held,
    *,
    method: str,
    handed_over: Decimal,
    tip: Decimal,
    transaction_id: str | None,
    notes: str | None,
    whole: bool,
    now: datetime,
) -> Payment:
    """Takes money for an open order, and completes it when that covers the rest; `whole` insists that it does.

    Raises Invalid for an amount that is nothing, too precise, too little where all was wanted, or more than is due and
    not in cash, and Conflict for an order that nothing is due for and for a reference that was taken already.
    """
    due, unit = held.due, held.unit
    check_amount("tip_amount", tip, unit)
    if handed_over <= 0 or not money.is_whole(handed_over, unit):
        raise Invalid("Invalid amount", code="invalid_amount", fields={"amount": "Invalid amount"})
    if due <= 0:
        raise Conflict("Nothing is due for this order.", code="nothing_due")
    if whole and handed_over < due:
        raise Invalid(
            "Insufficient payment amount", code="insufficient_amount", fields={"amount": "Insufficient payment amount"}
        )
    settled = settle(due, handed_over, method)
    if settled is None:
        raise Invalid.field("amount", "Only cash can be more than is due.", code="no_change")
    taken = Money(settled.amount, handed_over, settled.change, tip)
    return await record(
        session,
        held,
        taken,
        method=method,
        transaction_id=transaction_id,
        by=principal.user_id,
        notes=notes,
        now=now,
    )


async def record(
    session: AsyncSession,
    held: Held,
    taken: Money,
    *,
    method: str,
    transaction_id: str | None,
    by: UUID | None,
    notes: str | None,
    now: datetime,
) -> Payment:
    """Writes down money that was taken for an open order, and completes it when that covers the rest.

    Raises Conflict for a reference that was taken already.
    """
    order = held.order
    row = {
        "id": uuid4(),
        "restaurant_id": order.restaurant_id,
        "order_id": order.id,
        "payment_method": method,
        "currency": order.currency,
        "amount": taken.amount,
        "amount_paid": taken.handed_over,
        "change_given": taken.change,
        "tip_amount": taken.tip,
        "transaction_id": transaction_id,
        "processed_by": by,
        "notes": notes,
        "payment_time": now,
    }
    payment = (await session.scalars(_INSERT, [row])).one_or_none()
    if payment is None:
        raise Conflict("A payment with this transaction id was taken already.", code="transaction_taken")
    order.amount_paid += taken.amount
    order.tip_amount += taken.tip
    events.payment_captured(session, payment)
    if held.due:
        orders.changed(session, held)
    else:
        await orders.complete(session, held, now)
    return payment


async def order_of(session: AsyncSession, restaurant_id: UUID, payment_id: UUID) -> UUID:
    """The order that a payment is of, to be held before the payment. Raises NotFound."""
    order_id: UUID | None = await session.scalar(
        sa.select(Payment.order_id).where(Payment.id == payment_id, Payment.restaurant_id == restaurant_id)
    )
    if order_id is None:
        raise NotFound(NO_PAYMENT)
    return order_id


async def payments_of(session: AsyncSession, held: Held) -> list[Payment]:
    """The payments of an order that is held, the oldest first."""
    found = await session.scalars(
        sa.select(Payment)
        .where(Payment.order_id == held.order.id, Payment.restaurant_id == held.order.restaurant_id)
        .order_by(Payment.payment_time, Payment.id)
    )
    return list(found)


async def refund(
    session: AsyncSession,
    principal: Principal,
    held: Held,
    payment: Payment,
    amount: Decimal,
    *,
    tip: Decimal,
    reason: str | None,
    now: datetime,
) -> Refund:
    """Gives back a part of a payment, with the tax in it, and a part of its tip.

    While the order is open, what goes back is due again. Raises Invalid for more than is left of the payment.
    """
    order, unit = held.order, held.unit
    if not money.is_whole(amount, unit):
        raise Invalid("Invalid refund amount", code="invalid_amount", fields={"refund_amount": "Invalid refund amount"})
    if not 0 < amount <= payment.amount - payment.refund_amount:
        raise Invalid(
            "Refund amount must be positive and not exceed payment amount",
            code="invalid_amount",
            fields={"refund_amount": "Refund amount must be positive and not exceed payment amount"},
        )
    tax = money.ZERO
    closed = order.status == "COMPLETED"
    if closed:
        tax = tax_share(order.total_amount, order.refund_amount, order.tax_amount, amount, unit)
        order.refund_amount += amount
        order.refund_reason = reason
    else:
        order.amount_paid -= amount
    order.tip_amount -= tip
    payment.refund_amount += amount
    payment.tip_refund_amount += tip
    payment.tax_refund_amount += tax
    payment.refund_reason = reason
    payment.status = refunded_status(payment.amount, payment.refund_amount)
    order.version += 1
    row = Refund(
        id=uuid4(),
        restaurant_id=order.restaurant_id,
        payment_id=payment.id,
        amount=amount,
        tip_amount=tip,
        tax_amount=tax,
        reason=reason,
        refunded_by=principal.user_id,
        refunded_at=now,
    )
    session.add(row)
    await session.flush()
    if payment.payment_method == "CARD":
        await returns.at_provider(session, payment, row)
    events.payment_refunded(session, payment, amount, tip)
    if closed:
        sums.touch(session, order)
        events.order_refunded(session, order, held.lines, amount, tax, reason or "")
    else:
        events.order_updated(session, order, held.lines)
    return row


def tip_with(payment: Payment, amount: Decimal) -> Decimal:
    """The tip that goes back with a part of a payment's amount."""
    return tip_share(
        payment.amount,
        payment.refund_amount,
        payment.tip_amount,
        payment.tip_refund_amount,
        amount,
        money.unit_of(payment.currency),
    )


async def refund_all(
    session: AsyncSession, principal: Principal, held: Held, reason: str | None, now: datetime
) -> Payment:
    """Gives back everything that is left of an order's payments, and returns the newest of them.

    Raises NotFound without payments, and Invalid for an order that is neither completed nor served or has nothing left.
    """
    if held.order.status not in ("COMPLETED", "SERVED"):
        raise Invalid(f"Cannot refund order with status {held.order.status}", code="invalid_status")
    payments = await payments_of(session, held)
    if not payments:
        raise NotFound("No payment found for this order")
    left = [payment for payment in payments if payment.refund_amount < payment.amount]
    if not left:
        raise Invalid("Invalid refund amount", code="nothing_left")
    for payment in left:
        amount = payment.amount - payment.refund_amount
        await refund(
            session,
            principal,
            held,
            payment,
            amount,
            tip=payment.tip_amount - payment.tip_refund_amount,
            reason=reason,
            now=now,
        )
    return payments[-1]
