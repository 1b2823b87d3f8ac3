"""Card payments by the payment provider."""

from typing import Any
from uuid import UUID

from mizan.pos.v1 import card_payment_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.errors import Conflict, Refusal
from servicekit.patch import values_of
from servicekit.stripe_connection import idempotency_key
from services.pos.charging import Charging
from services.pos.clients.stripe import Cards
from services.pos.commands import cards as commands
from services.pos.commands.holding import CLOSED
from services.pos.commands.pricing import check_amount
from services.pos.domain import card_payments as rules
from services.pos.domain import money, orders
from services.pos.queries import cards as queries


class CardPaymentService:
    """Implements mizan.pos.v1.CardPaymentService."""

    def __init__(self, provider: Cards, charging: Charging, clock: Clock) -> None:
        self._provider = provider
        self._charging = charging
        self._clock = clock

    async def StartCardPayment(
        self, request: card_payment_pb2.StartCardPaymentRequest, call: Call
    ) -> card_payment_pb2.CardPayment:
        tenant, order_id = call.principal.tenant, UUID(request.id)
        bill = await queries.bill(call.read(), tenant, order_id)
        if bill.status in orders.FINAL:
            raise Conflict(CLOSED, code="order_closed")
        given, unit = values_of(request), money.unit_of(bill.currency)
        tip = check_amount("tip_amount", given.get("tip_amount", money.ZERO), unit)
        amount = check_amount("amount", given.get("amount", rules.room(bill.due, bill.under_way)), unit)
        commands.check_room(amount, bill.due, bill.under_way)
        # The order is not held while the provider is asked; whether there is still room is looked at again afterwards.
        intent = await self._provider.begin(
            idempotency_key(tenant, "card", order_id, amount, tip),
            amount=rules.minor_units(amount + tip, unit),
            currency=bill.currency,
            about={"restaurant_id": str(tenant), "order_id": str(order_id)},
        )
        wish = commands.Wish(order_id, amount, tip, bill.currency)
        try:
            card = await commands.begin(await call.session(), call.principal, wish, intent.id, self._clock.now())
        except Refusal:
            await self._provider.cancel(intent.id)
            raise
        call.notes.entity_id = str(card.id)
        return _message(card, client_secret=intent.client_secret)

    async def ListCardPayments(
        self, request: card_payment_pb2.ListCardPaymentsRequest, call: Call
    ) -> card_payment_pb2.ListCardPaymentsResponse:
        rows = await queries.of_order(call.read(), call.principal.tenant, UUID(request.id))
        return card_payment_pb2.ListCardPaymentsResponse(results=[_message(row) for row in rows])

    async def GetCardPayment(
        self, request: card_payment_pb2.CardPaymentRequest, call: Call
    ) -> card_payment_pb2.CardPayment:
        return _message(await queries.card_payment(call.read(), call.principal.tenant, UUID(request.id)))

    async def RefreshCardPayment(
        self, request: card_payment_pb2.CardPaymentRequest, call: Call
    ) -> card_payment_pb2.CardPayment:
        tenant, card_id = call.principal.tenant, UUID(request.id)
        intent = await self._charging.look(tenant, card_id)
        card = await queries.card_payment(call.read(), tenant, card_id)
        if intent is None or card.status != rules.WAITING:
            return _message(card)
        return _message(card, client_secret=intent.client_secret)

    async def CancelCardPayment(
        self, request: card_payment_pb2.CardPaymentRequest, call: Call
    ) -> card_payment_pb2.CardPayment:
        tenant, card_id = call.principal.tenant, UUID(request.id)
        await self._charging.cancel(tenant, card_id)
        return _message(await queries.card_payment(call.read(), tenant, card_id))


def _message(card: Any, *, client_secret: str | None = None) -> card_payment_pb2.CardPayment:
    message = card_payment_pb2.CardPayment(
        id=str(card.id),
        order=str(card.order_id),
        status=card.status,
        amount=str(card.amount),
        tip_amount=str(card.tip_amount),
        currency=card.currency,
        intent_id=card.intent_id,
        client_secret=client_secret,
        payment=None if card.payment_id is None else str(card.payment_id),
        failure=card.failure,
    )
    message.created_at.FromDatetime(card.created_at)
    return message
