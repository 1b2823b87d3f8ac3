"""Webhooks: signed, kept, acted on afterwards, and of no effect when forged, stale, foreign or repeated."""

import hashlib
import hmac
import time
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from mizan.billing.events.v1 import events_pb2 as facts
from mizan.billing.v1 import webhook_pb2
from servicekit.clock import SystemClock
from servicekit.db import SYSTEM
from servicekit.errors import Invalid
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS
from servicekit.testing.events import Bus, eventually
from servicekit.testing.service import Api, RunningService
from services.billing import models
from services.billing.service.webhooks import WebhookService
from services.billing.tests.conftest import LocalStripe, Shop, run_jobs, sign_up
from tools.stripe_server.account import Object


@pytest.fixture
def slug(shop: Shop) -> str:
    slug = f"plan-{uuid4().hex[:8]}"
    shop.put(slug, "30")
    return slug


def kept(billing: RunningService, event_id: str) -> tuple[str | None, bool] | None:
    """The outcome of an event that was kept, and whether it was processed."""

    async def look() -> tuple[str | None, bool] | None:
        async with billing.database.write(SYSTEM) as session:
            row = await session.get(models.ProviderEvent, event_id)
            return None if row is None else (row.outcome, row.processed_at is not None)

    return billing.run(look())


async def bought(billing: RunningService, bus: Bus, shop: Shop, slug: str) -> tuple[UUID, Object]:
    """A restaurant that has paid at Stripe, of which billing has not heard, and the event that says so."""
    restaurant_id = await sign_up(billing, bus)
    made = shop.stripe.account.complete_checkout(await shop.checkout(restaurant_id, plan=slug))
    assert made is not None
    (event,) = [
        event
        for event in shop.stripe.account.events
        if event["type"] == "customer.subscription.created" and event["data"]["object"]["id"] == made["id"]
    ]
    return restaurant_id, event


async def refused(api: Api, payload: bytes, signature: str) -> RemoteRefusal:
    request = webhook_pb2.StripeEvent(signature=signature)
    request.payload.data = payload
    with pytest.raises(RemoteRefusal) as refusal:
        await api.WebhookService.ReceiveStripeEvent(request, principal=ANONYMOUS)
    return refusal.value


async def test_an_event_is_kept_first_and_acted_on_afterwards(
    billing: RunningService, bus: Bus, shop: Shop, slug: str
) -> None:
    restaurant_id, event = await bought(billing, bus, shop, slug)
    assert await shop.deliver(event) == "success"
    run_jobs(billing)
    assert kept(billing, event["id"]) == ("applied", True)
    found = await shop.subscription(restaurant_id)
    assert (found.status, found.plan.slug) == ("active", slug)


async def test_a_repeated_event_is_acknowledged_and_has_no_effect(
    billing: RunningService, bus: Bus, shop: Shop, slug: str
) -> None:
    restaurant_id, event = await bought(billing, bus, shop, slug)
    await shop.deliver(event)
    run_jobs(billing)
    before = await shop.subscription(restaurant_id)
    asked = len(shop.stripe.asked("subscriptions"))
    for _ in range(3):
        assert await shop.deliver(event) == "success"
    run_jobs(billing)
    assert await shop.subscription(restaurant_id) == before
    assert len(shop.stripe.asked("subscriptions")) == asked


async def test_forged_and_stale_events_change_nothing(
    billing: RunningService, bus: Bus, shop: Shop, slug: str, api: Api
) -> None:
    restaurant_id, event = await bought(billing, bus, shop, slug)
    body, headers = shop.stripe.server.signed(event)
    good = headers["Stripe-Signature"]
    _, stale = shop.stripe.server.signed(event, timestamp=int(time.time()) - 301)
    moved = good.replace(good.split(",", 1)[0], f"t={int(time.time()) + 5}")
    for payload, signature in (
        (body, ""),
        (body, "nonsense"),
        (body, "t=1,v1=00"),
        (body, f"t={int(time.time())},v1={'0' * 64}"),
        (body, stale["Stripe-Signature"]),
        (body, moved),
        (body.replace(b"active", b"unpaid"), good),
        (body + b" ", good),
    ):
        refusal = await refused(api, payload, signature)
        assert (refusal.code, refusal.message) == ("invalid_signature", "Invalid signature")
    run_jobs(billing)
    assert kept(billing, event["id"]) is None
    assert (await shop.subscription(restaurant_id)).status == "incomplete"


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"object": "event"}', b'"event"', b"\xff\xfe"])
async def test_what_is_no_event_is_refused_although_it_is_signed(api: Api, stripe: LocalStripe, payload: bytes) -> None:
    now = int(time.time())
    digest = hmac.new(b"whsec_local", f"{now}.".encode() + payload, hashlib.sha256).hexdigest()
    refusal = await refused(api, payload, f"t={now},v1={digest}")
    assert (refusal.code, refusal.message) == ("invalid_payload", "Invalid payload")


async def test_foreign_events_change_nothing(billing: RunningService, bus: Bus, shop: Shop, slug: str) -> None:
    restaurant_id, event = await bought(billing, bus, shop, slug)
    about = event["data"]["object"]
    asked = len(shop.stripe.asked("subscriptions"))
    for changed in (
        {"livemode": True},
        {"account": "acct_connected"},
        {"data": {"object": {**about, "customer": "cus_somebody_else"}}},
        {"type": "price.created"},
        {"data": {"object": {"object": "balance"}}},
    ):
        foreign = {**event, "id": f"evt_{uuid4().hex}", **changed}
        assert await shop.deliver(foreign) == "success"
        run_jobs(billing)
        assert kept(billing, foreign["id"]) == ("ignored", True)
    assert (await shop.subscription(restaurant_id)).status == "incomplete"
    assert len(shop.stripe.asked("subscriptions")) == asked


async def test_an_old_event_does_not_bring_an_old_state_back(
    billing: RunningService, bus: Bus, shop: Shop, slug: str
) -> None:
    restaurant_id, created = await bought(billing, bus, shop, slug)
    (one,) = [one for one in shop.stripe.account.subscriptions.values() if one["id"] == created["data"]["object"]["id"]]
    with shop.stripe.account.lock:
        shop.stripe.account.cancel_now(one)
    await shop.deliver_all()
    assert (await shop.subscription(restaurant_id)).status == "canceled"
    late = {**created, "id": f"evt_{uuid4().hex}"}
    assert await shop.deliver(late) == "success"
    run_jobs(billing)
    assert (await shop.subscription(restaurant_id)).status == "canceled"


async def test_an_event_waits_while_stripe_is_away(
    billing: RunningService, bus: Bus, shop: Shop, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    restaurant_id, event = await bought(billing, bus, shop, slug)
    monkeypatch.setattr(shop.stripe.server.api, "_secret_key", "sk_test_other")
    assert await shop.deliver(event) == "success"
    run_jobs(billing)
    assert kept(billing, event["id"]) == (None, False)
    monkeypatch.undo()

    async def nothing_left() -> bool:
        run_jobs(billing)
        return kept(billing, event["id"]) == ("applied", True)

    await eventually(nothing_left)
    assert (await shop.subscription(restaurant_id)).status == "active"


async def test_a_failed_payment_is_told_and_the_plan_stays_through_the_grace(
    billing: RunningService, bus: Bus, shop: Shop, slug: str
) -> None:
    restaurant_id = await sign_up(billing, bus)
    customer = await shop.buy(restaurant_id, plan=slug)
    shop.stripe.account.decline_cards(customer)
    await shop.advance(32)
    overdue = await shop.subscription(restaurant_id)
    assert overdue.status == "past_due"
    assert overdue.HasField("grace_until")
    issued = await bus.first(facts.InvoiceIssued, restaurant_id)
    failed = await bus.first(facts.InvoicePaymentFailed, restaurant_id)
    assert issued.message.invoice == failed.message.invoice
    assert failed.message.invoice.amount_remaining == "30.00"
    assert failed.message.invoice.HasField("next_attempt_at")

    await shop.advance(10)
    assert (await shop.subscription(restaurant_id)).status == "unpaid"
    shop.stripe.account.decline_cards(customer, declined=False)
    (owed,) = [
        invoice["id"]
        for invoice in shop.stripe.account.invoices.values()
        if invoice["customer"] == customer and invoice["status"] == "open"
    ]
    shop.stripe.account.pay_invoice(owed)
    await shop.deliver_all()
    recovered = await shop.subscription(restaurant_id)
    assert recovered.status == "active"
    assert not recovered.HasField("past_due_since")


async def test_an_invoice_that_is_given_up_is_told(billing: RunningService, bus: Bus, shop: Shop, slug: str) -> None:
    restaurant_id = await sign_up(billing, bus)
    customer = await shop.buy(restaurant_id, plan=slug)
    account = shop.stripe.account
    account.decline_cards(customer)
    await shop.advance(32)
    with account.lock:
        (owed,) = [one for one in account.invoices.values() if (one["customer"], one["status"]) == (customer, "open")]
        owed["status"] = "void"
        account.emit("invoice.voided", owed)
    await shop.deliver_all()
    told = (await bus.first(facts.InvoiceVoided, restaurant_id)).message.invoice
    assert (told.number, told.status) == (owed["number"] or "", "void")


async def test_without_a_secret_every_webhook_is_refused(api: Api, stripe: LocalStripe) -> None:
    body, headers = stripe.server.signed({"id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1})
    request = webhook_pb2.StripeEvent(signature=headers["Stripe-Signature"])
    request.payload.data = body
    for secrets in ((), ("whsec_other",)):
        with pytest.raises(Invalid):
            await WebhookService(secrets, SystemClock(), livemode=False).ReceiveStripeEvent(request, call=None)  # type: ignore[arg-type] # not reached


def test_waiting_events_are_found_by_index(billing: RunningService) -> None:
    async def plan() -> str:
        async with billing.database.write(SYSTEM) as session:
            await session.execute(
                sa.text(
                    "INSERT INTO provider_events (id, type, customer_id, created_at, received_at, payload,"
                    " processed_at, outcome) SELECT 'evt_bulk_' || n, 'invoice.paid', 'cus_' || n, now(), now(),"
                    " '', now(), 'ignored' FROM generate_series(1, 100000) AS n"
                )
            )
            rows = await session.execute(
                sa.text("EXPLAIN SELECT id FROM provider_events WHERE customer_id = 'cus_7' AND processed_at IS NULL")
            )
            explained = "\n".join(rows.scalars())
            await session.rollback()
            return explained

    assert "ix_provider_events_waiting" in billing.run(plan())
