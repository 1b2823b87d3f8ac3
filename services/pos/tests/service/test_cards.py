"""Card payments by the payment provider: charged once, settled by its word, given back when nothing was due."""

import asyncio
from collections.abc import Awaitable, Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from mizan.pos.events.v1 import events_pb2 as facts
from mizan.pos.v1 import card_payment_pb2, payment_pb2, webhook_pb2
from servicekit.errors import Unavailable
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService
from servicekit.testing.web import served
from services.pos import tasks
from services.pos.domain import card_payments as rules
from services.pos.settings import Settings
from services.pos.tests.conftest import manager, order, run_jobs, sell, waiter
from services.pos.tests.service.test_payments import pay, read
from tools.stripe_server.account import Object
from tools.stripe_server.server import StripeServer


@pytest.fixture(scope="module")
def stripe() -> StripeServer:
    return StripeServer("sk_test_local", "whsec_billing", payment_secret="whsec_cards")


@pytest.fixture(scope="module")
def settings(settings_of: SettingsOf, stripe: StripeServer) -> Iterator[Settings]:
    with served(stripe.application) as url:
        yield Settings(
            **settings_of("pos"),
            stripe_secret_key=SecretStr("sk_test_local"),
            stripe_webhook_secret=SecretStr("whsec_older, whsec_cards"),
            stripe_api_url=url,
        )


async def refusal(asked: Awaitable[object]) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await asked
    return refused.value


async def start(api: Api, principal: Principal, order_id: str, **given: str) -> card_payment_pb2.CardPayment:
    request = card_payment_pb2.StartCardPaymentRequest(id=order_id, **given)
    return await api.CardPaymentService.StartCardPayment(request, principal=principal)


async def look(api: Api, principal: Principal, card_id: str) -> card_payment_pb2.CardPayment:
    request = card_payment_pb2.CardPaymentRequest(id=card_id)
    return await api.CardPaymentService.GetCardPayment(request, principal=principal)


async def tell(api: Api, stripe: StripeServer, event: Object) -> None:
    body, headers = stripe.signed(event)
    request = webhook_pb2.PaymentEvent(signature=headers["Stripe-Signature"])
    request.payload.data = body
    assert (await api.WebhookService.ReceivePaymentEvent(request, principal=ANONYMOUS)).status == "received"


def events_about(stripe: StripeServer, intent_id: str) -> list[Object]:
    return [event for event in stripe.account.events if event["data"]["object"]["id"] == intent_id]


async def test_a_card_pays_an_order_by_the_providers_word(
    pos: RunningService, api: Api, bus: Bus, stripe: StripeServer
) -> None:
    restaurant_id = uuid4()
    server = waiter(restaurant_id)
    taken = await order(api, server, (await sell(api, manager(restaurant_id), "Tagine", "60.50"), 2))
    card = await start(api, server, taken.id, tip_amount="9")
    assert (card.status, Decimal(card.amount), card.client_secret.startswith(card.intent_id)) == (
        "WAITING",
        Decimal(121),
        True,
    )
    intent = stripe.account.payments.intents[card.intent_id]
    assert (intent["amount"], intent["currency"], intent["metadata"]["order_id"]) == (13000, "mad", taken.id)
    again = await refusal(start(api, server, taken.id))
    assert again.code == "nothing_due"
    stripe.account.payments.confirm(card.intent_id, declined=True)
    refreshed = await api.CardPaymentService.RefreshCardPayment(
        card_payment_pb2.CardPaymentRequest(id=card.id), principal=server
    )
    assert (refreshed.status, refreshed.failure) == ("WAITING", "insufficient_funds")
    assert refreshed.client_secret == card.client_secret
    stripe.account.payments.confirm(card.intent_id)
    heard = events_about(stripe, card.intent_id)
    await asyncio.gather(*(tell(api, stripe, event) for event in reversed(heard + heard)))
    run_jobs(pos)
    paid = await look(api, server, card.id)
    assert (paid.status, paid.HasField("client_secret")) == ("CAPTURED", False)
    closed = await read(api, server, taken.id)
    assert (closed.status, Decimal(closed.amount_paid), Decimal(closed.tip_amount)) == (
        "COMPLETED",
        Decimal(121),
        Decimal(9),
    )
    (payment,) = closed.payments
    assert (payment.id, payment.payment_method, payment.transaction_id) == (paid.payment, "CARD", card.intent_id)
    assert (await bus.first(facts.PaymentCaptured, restaurant_id)).message.payment.id == payment.id
    listed = await api.CardPaymentService.ListCardPayments(
        card_payment_pb2.ListCardPaymentsRequest(id=taken.id), principal=server
    )
    assert [one.id for one in listed.results] == [card.id]


async def test_what_comes_when_nothing_is_due_any_more_goes_back(
    pos: RunningService, api: Api, stripe: StripeServer
) -> None:
    chef = manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 3))
    half, late = await start(api, chef, taken.id, amount="20"), await start(api, chef, taken.id, tip_amount="1")
    assert Decimal(late.amount) == 10
    assert (await refusal(start(api, chef, taken.id, amount="0.01"))).code == "nothing_due"
    await pay(api, chef, taken.id, "15")
    stripe.account.payments.confirm(half.intent_id)
    stripe.account.payments.confirm(late.intent_id)
    for card in (half, late):
        await api.CardPaymentService.RefreshCardPayment(card_payment_pb2.CardPaymentRequest(id=card.id), principal=chef)
    run_jobs(pos)
    closed = await read(api, chef, taken.id)
    assert (closed.status, Decimal(closed.amount_paid), Decimal(closed.total_amount)) == (
        "COMPLETED",
        Decimal(30),
        Decimal(30),
    )
    assert [(await look(api, chef, one.id)).status for one in (half, late)] == ["RETURNED", "RETURNED"]
    back = {one["payment_intent"]: one["amount"] for one in stripe.account.payments.refunds.values()}
    assert (back[half.intent_id], back[late.intent_id]) == (500, 1100)


async def test_a_refund_goes_back_to_the_card_once_and_a_refused_one_is_told(
    pos: RunningService, api: Api, bus: Bus, stripe: StripeServer
) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 3))
    card = await start(api, chef, taken.id, tip_amount="3")
    stripe.account.payments.confirm(card.intent_id)
    run_jobs(pos)
    asked = card_payment_pb2.CardPaymentRequest(id=card.id)
    payment_id = (await api.CardPaymentService.RefreshCardPayment(asked, principal=chef)).payment

    async def give_back(amount: str) -> payment_pb2.Payment:
        request = payment_pb2.RefundPaymentRequest(id=payment_id, refund_amount=amount, include_tip=True)
        return await api.PaymentService.RefundPayment(request, principal=chef)

    await give_back("10")
    run_jobs(pos, tasks.WATCH_CARDS)
    mine = [one for one in stripe.account.payments.refunds.values() if one["payment_intent"] == card.intent_id]
    assert [one["amount"] for one in mine] == [1100]
    # The bank may refuse what the provider had accepted.
    failed = stripe.account.payments.fail_refund(mine[0]["id"])
    await tell(api, stripe, events_about(stripe, failed["id"])[-1])
    run_jobs(pos)
    told = (await bus.first(facts.PaymentRefundFailed, restaurant_id)).message
    assert (told.payment.id, Decimal(told.amount), Decimal(told.tip_amount), told.reason) == (
        payment_id,
        Decimal(11),
        Decimal(1),
        "failed",
    )
    stripe.account.payments.refuse_refunds = True
    await give_back("20")
    run_jobs(pos)
    stripe.account.payments.refuse_refunds = False
    told = (await bus.of_aggregate(facts.PaymentRefundFailed, payment_id, 2))[1].message
    assert (told.payment.id, Decimal(told.amount), Decimal(told.tip_amount)) == (
        payment_id,
        Decimal(22),
        Decimal(2),
    )
    run_jobs(pos, tasks.WATCH_CARDS)
    mine = [one for one in stripe.account.payments.refunds.values() if one["payment_intent"] == card.intent_id]
    assert len(mine) == 1


async def test_a_card_payment_is_given_up_by_people_or_by_time_unless_it_succeeded(
    pos: RunningService, api: Api, stripe: StripeServer, clock: MovableClock
) -> None:
    chef, stranger = manager(uuid4()), manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    first = await start(api, chef, taken.id)
    cancel = api.CardPaymentService.CancelCardPayment
    asked = card_payment_pb2.CardPaymentRequest(id=first.id)
    for foreign in (
        cancel(asked, principal=stranger),
        api.CardPaymentService.GetCardPayment(asked, principal=stranger),
        api.CardPaymentService.RefreshCardPayment(asked, principal=stranger),
        start(api, stranger, taken.id),
    ):
        assert (await refusal(foreign)).code == "not_found"
    assert (await cancel(asked, principal=chef)).status == "CANCELLED"
    assert stripe.account.payments.intents[first.intent_id]["status"] == "canceled"
    forgotten = await start(api, chef, taken.id)
    clock.advance(rules.GIVE_UP_AFTER + rules.LOOK_AFTER)
    run_jobs(pos, tasks.WATCH_CARDS)
    assert (await look(api, chef, forgotten.id)).status == "CANCELLED"
    third = await start(api, chef, taken.id)
    stripe.account.payments.confirm(third.intent_id)
    asked = card_payment_pb2.CardPaymentRequest(id=third.id)
    assert (await refusal(cancel(asked, principal=chef))).code == "card_payment_succeeded"
    assert (await read(api, chef, taken.id)).status == "COMPLETED"


async def test_forged_and_unpaid_events_change_nothing(pos: RunningService, api: Api, stripe: StripeServer) -> None:
    chef = manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    card = await start(api, chef, taken.id)
    lie: Any = {
        "id": "evt_lie",
        "object": "event",
        "created": 1,
        "type": "payment_intent.succeeded",
        "data": {"object": {"id": card.intent_id, "object": "payment_intent", "status": "succeeded"}},
    }
    body, headers = StripeServer("k", "x", payment_secret="whsec_wrong").signed(lie)
    request = webhook_pb2.PaymentEvent(signature=headers["Stripe-Signature"])
    request.payload.data = body
    receive = api.WebhookService.ReceivePaymentEvent
    assert (await refusal(receive(request, principal=ANONYMOUS))).code == "invalid_signature"
    # Even a signed event is only a hint: the provider says that nothing was paid.
    await tell(api, stripe, lie)
    run_jobs(pos)
    assert (await look(api, chef, card.id)).status == "WAITING"
    assert not (await read(api, chef, taken.id)).payments


async def test_without_the_provider_it_says_so(api: Api, pos: RunningService, stripe: StripeServer) -> None:
    chef = manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    for amount, code in (("10.01", "no_change"), ("0", "invalid_amount"), ("1.001", "too_precise")):
        assert (await refusal(start(api, chef, taken.id, amount=amount))).code == code
    stripe.api._secret_key = "sk_test_rotated"
    with pytest.raises(Unavailable):
        await start(api, chef, taken.id)
    stripe.api._secret_key = "sk_test_local"
