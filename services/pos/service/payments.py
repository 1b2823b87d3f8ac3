"""What guests pay."""

from typing import Any, NoReturn
from uuid import UUID

from mizan.pos.v1 import payment_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.errors import Conflict, Invalid
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.pos.commands import holding, payments
from services.pos.domain.money import ZERO
from services.pos.models import Payment
from services.pos.queries import payments as queries
from services.pos.service.convert import payment_message
from services.pos.service.transactions import note

IMMUTABLE = "A payment changes by refunds only."
_FACTS = (
    "payment_method",
    "amount",
    "status",
    "transaction_id",
    "amount_paid",
    "change_given",
    "tip_amount",
    "refund_amount",
    "refund_reason",
)


class PaymentService:
    """Implements mizan.pos.v1.PaymentService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ProcessPayment(self, request: payment_pb2.ProcessPaymentRequest, call: Call) -> payment_pb2.Payment:
        return await self._take(request, call, UUID(request.id), whole=True)

    async def CreatePayment(self, request: payment_pb2.CreatePaymentRequest, call: Call) -> payment_pb2.Payment:
        return await self._take(request, call, UUID(request.order), whole=False)

    async def ListPayments(
        self, request: payment_pb2.ListPaymentsRequest, call: Call
    ) -> payment_pb2.ListPaymentsResponse:
        given = values_of(request)
        filters = {name: given[name] for name in ("payment_method", "status", "ordering") if name in given}
        count, rows = await queries.page_of_payments(
            call.read(), call.principal.tenant, page_of(request), order_id=given.get("order"), **filters
        )
        return payment_pb2.ListPaymentsResponse(count=count, results=[payment_message(row) for row in rows])

    async def GetPayment(self, request: payment_pb2.PaymentRequest, call: Call) -> payment_pb2.Payment:
        return payment_message(await queries.payment(call.read(), call.principal.tenant, UUID(request.id)))

    async def UpdatePayment(self, request: payment_pb2.UpdatePaymentRequest, call: Call) -> payment_pb2.Payment:
        _, payment = await self._hold(request, call)
        changes = changes_of(request, ("notes", *_FACTS), nullable=("notes", *_FACTS))
        wrong = [name for name in _FACTS if name in changes and changes[name] != getattr(payment, name)]
        if wrong:
            raise Invalid(IMMUTABLE, code="payment_immutable", fields=dict.fromkeys(wrong, IMMUTABLE))
        if "notes" in changes:
            payment.notes = changes["notes"]
        session = await call.session()
        await session.flush()
        await session.refresh(payment)
        return payment_message(payment)

    async def DeletePayment(self, request: payment_pb2.PaymentRequest, call: Call) -> NoReturn:
        await self._hold(request, call)
        raise Conflict("A payment cannot be deleted: refund it.", code="payment_immutable")

    async def RefundPayment(self, request: payment_pb2.RefundPaymentRequest, call: Call) -> payment_pb2.Payment:
        held, payment = await self._hold(request, call)
        amount = values_of(request)["refund_amount"]
        session = await call.session()
        await payments.refund(
            session,
            call.principal,
            held,
            payment,
            amount,
            tip=payments.tip_with(payment, amount) if request.include_tip else ZERO,
            reason=request.refund_reason if request.HasField("refund_reason") else None,
            now=self._clock.now(),
        )
        await session.refresh(payment)
        note(call, request, "PAYMENT_REFUNDED", held.order, amount)
        return payment_message(payment)

    async def RefundOrder(self, request: payment_pb2.RefundOrderRequest, call: Call) -> payment_pb2.Payment:
        session = await call.session()
        held = await holding.hold(session, call.principal.tenant, UUID(request.id))
        reason = request.refund_reason if request.HasField("refund_reason") else None
        before = held.order.amount_paid - held.order.refund_amount
        payment = await payments.refund_all(session, call.principal, held, reason, self._clock.now())
        note(call, request, "PAYMENT_REFUNDED", held.order, before - held.order.amount_paid + held.order.refund_amount)
        await session.refresh(payment)
        return payment_message(payment)

    async def _take(self, request: Any, call: Call, order_id: UUID, *, whole: bool) -> payment_pb2.Payment:
        session = await call.session()
        held = await holding.hold_open(session, call.principal.tenant, order_id)
        given = values_of(request)
        payment = await payments.take(
            session,
            call.principal,
            held,
            method=request.payment_method,
            handed_over=given["amount"],
            tip=given.get("tip_amount", ZERO),
            transaction_id=given.get("transaction_id"),
            notes=given.get("notes"),
            whole=whole,
            now=self._clock.now(),
        )
        note(call, request, "PAYMENT_PROCESSED", held.order, payment.amount)
        return payment_message(payment)

    async def _hold(self, request: Any, call: Call) -> tuple[holding.Held, Payment]:
        session, tenant = await call.session(), call.principal.tenant
        payment_id = UUID(request.id)
        held = await holding.hold(session, tenant, await payments.order_of(session, tenant, payment_id))
        return held, await session.get_one(Payment, payment_id, with_for_update=True)
