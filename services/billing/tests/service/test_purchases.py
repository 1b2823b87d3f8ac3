"""Buying, changing and cancelling: through the real client of Stripe against a local server with its refusals."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.billing.events.v1 import events_pb2 as facts
from mizan.billing.v1 import entitlement_pb2, invoice_pb2, subscription_pb2
from servicekit.context import RequestContext, current
from servicekit.errors import Unavailable
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.stripe_connection import API_VERSION
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.billing.tests.conftest import SITE, LocalStripe, Shop, manager, owner, settle, sign_up, waiter

PLANS = (("basic", "20"), ("pro", "50"), ("premium", "100"))


@pytest.fixture
def plans(shop: Shop) -> dict[str, str]:
    """The price of each plan."""
    slugs = {}
    for slug, price in PLANS:
        slugs[slug] = f"{slug}-{uuid4().hex[:6]}"
        shop.put(slugs[slug], price, trial_days=14 if slug == "pro" else 0)
    return slugs


async def refused(call: Awaitable[object], code: str) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refusal:
        await call
    assert refusal.value.code == code, refusal.value.message
    return refusal.value


def change(api: Api, principal: Principal, **named: Any) -> Awaitable[Any]:
    return api.SubscriptionService.ChangePlan(
        subscription_pb2.ChangePlanRequest(**named),
        principal=principal,
    )


async def test_a_checkout_is_paid_and_the_webhook_makes_it_a_subscription(
    billing: RunningService, bus: Bus, stripe: LocalStripe, shop: Shop, plans: dict[str, str]
) -> None:
    restaurant_id = await sign_up(billing, bus)
    session_id = await shop.checkout(restaurant_id, plan=plans["pro"])
    assert (await shop.subscription(restaurant_id)).status == "incomplete"
    asked = stripe.asked("checkout/sessions")[-1]
    assert asked["params"]["mode"] == "subscription"
    assert asked["params"]["metadata"]["restaurant_id"] == str(restaurant_id)
    assert asked["params"]["line_items"][0]["quantity"] == "1"
    assert asked["key"]
    customer = stripe.account.customers[stripe.account.sessions[session_id]["customer"]]
    assert (customer["name"], customer["email"]) == ("Dar Atlas", "amina@example.com")

    assert stripe.account.complete_checkout(session_id) is not None
    await shop.deliver_all()
    found = await shop.subscription(restaurant_id)
    assert (found.status, found.plan.slug, found.cancel_at_period_end) == ("active", plans["pro"], False)
    assert found.HasField("current_period_end")
    updated = await bus.first(facts.SubscriptionUpdated, restaurant_id)
    assert (updated.message.previous_status, updated.message.subscription.plan) == ("incomplete", plans["pro"])
    paid = await bus.first(facts.InvoicePaid, restaurant_id)
    assert (paid.message.invoice.total, paid.message.invoice.currency) == ("50.00", "USD")
    await refused(shop.checkout(restaurant_id, plan=plans["basic"]), "already_subscribed")


@pytest.mark.parametrize("named", ["price_id", "plan", "plan_id"])
async def test_a_plan_may_be_named_in_three_ways(
    billing: RunningService, bus: Bus, shop: Shop, plans: dict[str, str], named: str
) -> None:
    restaurant_id = await sign_up(billing, bus)
    await shop.buy(restaurant_id, plan=plans["basic"])
    plan = (await shop.subscription(restaurant_id)).plan
    values = {"price_id": plan.stripe_price_id, "plan": plan.slug, "plan_id": plan.id}
    assert await shop.checkout(await sign_up(billing, bus), **{named: values[named]})


async def test_a_restaurant_has_one_customer_however_often_it_asks(
    billing: RunningService, bus: Bus, stripe: LocalStripe, shop: Shop, plans: dict[str, str]
) -> None:
    restaurant_id = await sign_up(billing, bus)
    before = len(stripe.account.customers)
    for slug in plans.values():
        await shop.checkout(restaurant_id, plan=slug)
    assert len(stripe.account.customers) == before + 1


async def test_a_request_that_is_repeated_with_its_key_acts_once(
    billing: RunningService, bus: Bus, stripe: LocalStripe, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    restaurant_id = await sign_up(billing, bus)
    await shop.buy(restaurant_id, plan=plans["basic"])
    principal = owner(restaurant_id)
    before = len(stripe.account.invoices)
    request = subscription_pb2.ChangePlanRequest(plan=plans["pro"])
    answers = [
        await api.SubscriptionService.ChangePlan(request, principal=principal, idempotency_key="press")
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(stripe.account.invoices) == before + 1


async def test_only_own_sites_are_returned_to(billing: RunningService, bus: Bus, shop: Shop, api: Api) -> None:
    restaurant_id = await sign_up(billing, bus)
    slug = f"site-{uuid4().hex[:6]}"
    shop.put(slug, "10")
    for url in ("https://evil.example.com/", f"{SITE}.evil.com/", "javascript:alert(1)", f"{SITE}@evil.com/"):
        request = subscription_pb2.StartCheckoutRequest(plan=slug, success_url=url, cancel_url=f"{SITE}/")
        await refused(api.SubscriptionService.StartCheckout(request, principal=owner(restaurant_id)), "foreign_address")
        portal = subscription_pb2.OpenPortalRequest(return_url=url)
        await refused(api.SubscriptionService.OpenPortal(portal, principal=owner(restaurant_id)), "foreign_address")


async def test_what_is_missing_or_unknown_is_said(billing: RunningService, bus: Bus, api: Api) -> None:
    me = owner(await sign_up(billing, bus))
    checkout = api.SubscriptionService.StartCheckout
    addresses: dict[str, Any] = {"success_url": f"{SITE}/", "cancel_url": f"{SITE}/"}
    missing = await refused(checkout(subscription_pb2.StartCheckoutRequest(**addresses), principal=me), "missing_field")
    assert missing.message == "Missing price_id, success_url, or cancel_url"
    unknown: tuple[dict[str, Any], ...] = ({"price_id": "price_x"}, {"plan": "nothing"}, {"plan_id": 10**12})
    for named in unknown:
        request = subscription_pb2.StartCheckoutRequest(**named, **addresses)
        await refused(checkout(request, principal=me), "unknown_plan")
    portal = await refused(
        api.SubscriptionService.OpenPortal(subscription_pb2.OpenPortalRequest(), principal=me), "missing_field"
    )
    assert portal.message == "Missing return_url"


async def test_the_portal_opens_for_who_has_bought_nothing(billing: RunningService, bus: Bus, api: Api) -> None:
    request = subscription_pb2.OpenPortalRequest(return_url=f"{SITE}/settings")
    page = await api.SubscriptionService.OpenPortal(request, principal=owner(await sign_up(billing, bus)))
    assert "/portal/cus_" in page.url


async def test_a_dearer_plan_is_paid_at_once_for_the_rest_of_the_period(
    billing: RunningService, bus: Bus, stripe: LocalStripe, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    restaurant_id = await sign_up(billing, bus)
    customer = await shop.buy(restaurant_id, plan=plans["basic"])
    me = owner(restaurant_id)
    preview = await api.SubscriptionService.PreviewChange(
        subscription_pb2.PreviewChangeRequest(plan=plans["premium"]), principal=me
    )
    assert preview.due_now
    assert [line.proration for line in preview.lines] == [True, True]
    changed = await change(api, me, plan=plans["premium"])
    assert changed.plan.slug == plans["premium"]
    listed = await api.InvoiceService.ListInvoices(invoice_pb2.ListInvoicesRequest(), principal=manager(restaurant_id))
    assert listed.count == 2
    # A second or so may have passed between the two.
    assert abs(float(listed.results[0].total) - float(preview.amount)) < 0.01
    asked = stripe.asked(f"subscriptions/{_subscription(stripe, customer)}")[-1]
    assert asked["method"] == "POST"
    assert asked["params"]["proration_behavior"] == "always_invoice"
    await refused(change(api, me, plan=plans["premium"]), "same_plan")


async def test_a_cheaper_plan_is_credited_to_the_next_invoice(
    billing: RunningService, bus: Bus, stripe: LocalStripe, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    restaurant_id = await sign_up(billing, bus)
    customer = await shop.buy(restaurant_id, plan=plans["premium"])
    before = len(stripe.account.invoices)
    changed = await change(api, owner(restaurant_id), plan=plans["basic"])
    assert changed.plan.slug == plans["basic"]
    assert len(stripe.account.invoices) == before
    await shop.advance(32)
    newest = [row for row in stripe.account.invoices.values() if row["customer"] == customer][-1]
    # 100.00 were paid, 20.00 are due, and about 80.00 of the old period came back.
    assert newest["total"] == pytest.approx(2000 - 8000, abs=20)


async def test_a_declined_card_changes_nothing(
    billing: RunningService, bus: Bus, stripe: LocalStripe, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    restaurant_id = await sign_up(billing, bus)
    customer = await shop.buy(restaurant_id, plan=plans["basic"])
    before = await shop.subscription(restaurant_id)
    stripe.account.decline_cards(customer)
    refusal = await refused(change(api, owner(restaurant_id), plan=plans["pro"]), "payment_failed")
    assert "declined" not in refusal.message
    assert await shop.subscription(restaurant_id) == before
    stripe.account.decline_cards(customer, declined=False)
    changed = await change(api, owner(restaurant_id), plan=plans["pro"])
    assert changed.plan.slug == plans["pro"]


async def test_a_stale_version_is_refused(
    billing: RunningService, bus: Bus, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    restaurant_id = await sign_up(billing, bus)
    await shop.buy(restaurant_id, plan=plans["basic"])
    version = (await shop.subscription(restaurant_id)).version
    await change(api, owner(restaurant_id), plan=plans["pro"], version=version)
    await refused(change(api, owner(restaurant_id), plan=plans["premium"], version=version), "stale_version")


async def test_of_two_changes_at_once_one_wins_and_the_other_is_told(
    billing: RunningService, bus: Bus, stripe: LocalStripe, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    restaurant_id = await sign_up(billing, bus)
    await shop.buy(restaurant_id, plan=plans["basic"])
    version = (await shop.subscription(restaurant_id)).version
    tried = await asyncio.gather(
        *(change(api, owner(restaurant_id), plan=plans[slug], version=version) for slug in ("pro", "premium")),
        return_exceptions=True,
    )
    (won,) = [answer for answer in tried if isinstance(answer, subscription_pb2.Subscription)]
    (lost,) = [answer for answer in tried if isinstance(answer, RemoteRefusal)]
    assert lost.code in {"concurrent_change", "stale_version"}
    assert (await shop.subscription(restaurant_id)).plan == won.plan


async def test_cancelling_lasts_to_the_end_of_the_period_and_can_be_taken_back(
    billing: RunningService, bus: Bus, stripe: LocalStripe, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    restaurant_id = await sign_up(billing, bus)
    await shop.buy(restaurant_id, plan=plans["pro"])
    me = owner(restaurant_id)
    for _ in range(2):
        canceled = await api.SubscriptionService.CancelSubscription(Empty(), principal=me)
        assert (canceled.status, canceled.cancel_at_period_end) == ("active", True)
    resumed = await api.SubscriptionService.ResumeSubscription(Empty(), principal=me)
    assert not resumed.cancel_at_period_end
    await api.SubscriptionService.CancelSubscription(Empty(), principal=me)
    await shop.advance(32)
    assert (await shop.subscription(restaurant_id)).status == "canceled"
    await refused(api.SubscriptionService.ResumeSubscription(Empty(), principal=me), "subscription_ended")
    event = await bus.first(facts.SubscriptionCanceled, restaurant_id)
    assert event.message.subscription.plan == plans["pro"]
    # It can be bought again.
    await shop.buy(restaurant_id, plan=plans["basic"])
    assert (await shop.subscription(restaurant_id)).status == "active"


async def test_the_local_stripe_moves_one_customers_clock_and_nobody_elses(
    billing: RunningService, bus: Bus, shop: Shop, stripe: LocalStripe, plans: dict[str, str], api: Api
) -> None:
    leaving, moved = [await sign_up(billing, bus) for _ in range(2)]
    await shop.buy(leaving, plan=plans["pro"])
    customer = await shop.buy(moved, plan=plans["pro"])
    me = owner(leaving)
    await api.SubscriptionService.CancelSubscription(Empty(), principal=me)
    before = stripe.account.now()
    stripe.account.advance(customer, 32)
    await shop.deliver_all()
    assert stripe.account.now(customer) - before >= 32 * 86_400
    assert stripe.account.now() - before < 86_400
    mine = [row for row in stripe.account.invoices.values() if row["customer"] == customer]
    assert [row["billing_reason"] for row in mine] == ["subscription_create", "subscription_cycle"]
    assert (await api.SubscriptionService.ResumeSubscription(Empty(), principal=me)).status == "active"


async def test_a_trial_is_given_once_told_of_and_ended_by_the_clock(
    billing: RunningService, bus: Bus, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    restaurant_id = await sign_up(billing, bus)
    me = owner(restaurant_id)
    start = api.SubscriptionService.StartTrial
    trial = subscription_pb2.StartTrialRequest(plan=plans["pro"])
    await refused(start(subscription_pb2.StartTrialRequest(plan=plans["basic"]), principal=me), "no_trial")
    assert (await start(trial, principal=me)).status == "trialing"
    await refused(start(trial, principal=me), "trial_used")

    settle(billing)
    await shop.advance(12)
    settle(billing)
    ending = await bus.first(facts.SubscriptionTrialEnding, restaurant_id)
    assert ending.message.subscription.plan == plans["pro"]
    assert (await shop.subscription(restaurant_id)).status == "trialing"
    await shop.advance(2)
    assert (await shop.subscription(restaurant_id)).status == "canceled"
    assert len(await bus.of_aggregate(facts.SubscriptionTrialEnding, restaurant_id, 1)) == 1
    await refused(start(trial, principal=me), "trial_used")


async def test_what_is_left_of_a_trial_is_kept_by_a_checkout(
    billing: RunningService, bus: Bus, stripe: LocalStripe, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    restaurant_id = await sign_up(billing, bus)
    trial = subscription_pb2.StartTrialRequest(plan=plans["pro"])
    started = await api.SubscriptionService.StartTrial(trial, principal=owner(restaurant_id))
    await shop.buy(restaurant_id, plan=plans["pro"])
    bought = await shop.subscription(restaurant_id)
    assert (bought.status, bought.trial_end.seconds) == ("trialing", started.trial_end.seconds)


async def test_an_unpaid_trial_is_cancelled_at_once(
    billing: RunningService, bus: Bus, plans: dict[str, str], api: Api
) -> None:
    me = owner(await sign_up(billing, bus))
    await refused(api.SubscriptionService.CancelSubscription(Empty(), principal=me), "not_subscribed")
    await api.SubscriptionService.StartTrial(subscription_pb2.StartTrialRequest(plan=plans["pro"]), principal=me)
    assert (await api.SubscriptionService.CancelSubscription(Empty(), principal=me)).status == "canceled"


async def test_who_may_only_look_changes_nothing(billing: RunningService, bus: Bus, api: Api) -> None:
    restaurant_id = await sign_up(billing, bus)
    service = api.SubscriptionService
    for person in (manager(restaurant_id), waiter(restaurant_id)):
        for call in (
            service.StartTrial(subscription_pb2.StartTrialRequest(), principal=person),
            service.StartCheckout(subscription_pb2.StartCheckoutRequest(), principal=person),
            service.OpenPortal(subscription_pb2.OpenPortalRequest(), principal=person),
            service.PreviewChange(subscription_pb2.PreviewChangeRequest(), principal=person),
            service.ChangePlan(subscription_pb2.ChangePlanRequest(), principal=person),
            service.CancelSubscription(Empty(), principal=person),
            service.ResumeSubscription(Empty(), principal=person),
        ):
            await refused(call, "permission_denied")


async def test_everybody_of_a_restaurant_sees_what_it_may_use(billing: RunningService, bus: Bus, api: Api) -> None:
    found = await api.EntitlementService.GetEntitlements(Empty(), principal=waiter(await sign_up(billing, bus)))
    assert "timeclock.punch" in found.always
    unknown = await api.EntitlementService.GetEntitlements(Empty(), principal=waiter(uuid4()))
    assert unknown == entitlement_pb2.Entitlements(unlimited=True, reason="open", always=found.always)


async def test_another_restaurants_invoice_is_not_found(
    billing: RunningService, bus: Bus, shop: Shop, plans: dict[str, str], api: Api
) -> None:
    theirs = await sign_up(billing, bus)
    await shop.buy(theirs, plan=plans["basic"])
    listed = await api.InvoiceService.ListInvoices(invoice_pb2.ListInvoicesRequest(), principal=owner(theirs))
    request = invoice_pb2.GetInvoiceRequest(id=listed.results[0].id)
    assert await api.InvoiceService.GetInvoice(request, principal=owner(theirs)) == listed.results[0]
    ours = owner(await sign_up(billing, bus))
    await refused(api.InvoiceService.GetInvoice(request, principal=ours), "not_found")
    assert (await api.InvoiceService.ListInvoices(invoice_pb2.ListInvoicesRequest(), principal=ours)).count == 0


async def test_the_pinned_version_is_sent_and_another_key_is_refused(
    billing: RunningService,
    bus: Bus,
    stripe: LocalStripe,
    shop: Shop,
    plans: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert API_VERSION == "2026-10-28.endive"
    restaurant_id = await sign_up(billing, bus)
    monkeypatch.setattr(stripe.server.api, "_secret_key", "sk_test_other")
    with pytest.raises(Unavailable) as refusal:
        await shop.checkout(restaurant_id, plan=plans["basic"])
    assert "sk_test" not in str(refusal.value)
    monkeypatch.undo()
    token = current.set(RequestContext(request_id="again"))
    try:
        assert await shop.checkout(restaurant_id, plan=plans["basic"])
    finally:
        current.reset(token)


def _subscription(stripe: LocalStripe, customer: str) -> str:
    (found,) = [one["id"] for one in stripe.account.subscriptions.values() if one["customer"] == customer]
    return str(found)
