"""A subscription's life, as its owner and Stripe live it: through the gateway, with webhooks on the way."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner

from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Catalog
from services.billing.cli import app as billing_commands
from tests.support import browser, samples
from tests.support.people import Person, Restaurant, join, register
from tests.support.waiting import eventually
from tools.installation import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

RUNNING = {"timeclock.punch", "order.create", "payment.take", "kitchen.work", "report.export"}
"""The permissions of what keeps a restaurant running."""
NOBODY = "00000000-0000-0000-0000-000000000000"


class World:
    """The local Stripe, as the person before its pages and as everybody else."""

    def __init__(self, site: Site) -> None:
        self._http = httpx.Client(base_url=site.environment["BILLING_STRIPE_API_URL"], timeout=30)

    def pay(self, url: str) -> int:
        """Presses the button of a checkout."""
        return self._http.post(url).status_code

    def control(self, action: str, **about: Any) -> Any:
        """Has something happen."""
        answer = self._http.post(f"/control/{action}", json=about)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def world(installation: Site) -> Any:
    world = World(installation)
    yield world
    world.close()


@pytest.fixture(scope="module")
def client(installation: Site) -> Any:
    with browser.client(installation.url) as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
def plans(installation: Site) -> list[str]:
    """The standard plans, with prices at the local Stripe; putting them twice changes nothing."""
    runner = CliRunner()
    first, second = (runner.invoke(billing_commands, ["seed-plans"], env=installation.environment) for _ in range(2))
    assert first.exit_code == second.exit_code == 0, first.output
    assert first.output == second.output
    return [line.split()[0] for line in first.output.splitlines()]


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def subscription(owner: Person) -> Any:
    return ok(owner.get("/api/billing/subscription/"))


def entitlements(owner: Person) -> Any:
    return ok(owner.get("/api/billing/entitlements/"))


def customer_of(url: str, world: World, owner: Person) -> str:
    portal = ok(owner.post("/api/billing/subscription/portal/", {"return_url": "http://127.0.0.1:8081/settings"}))
    return str(portal["url"]).rpartition("/")[2]


@pytest.fixture
def restaurant(client: httpx.Client) -> Restaurant:
    return register(client, "Billed")


def test_a_subscriptions_life(restaurant: Restaurant, world: World, plans: list[str]) -> None:
    owner = restaurant.owner
    assert plans == ["free", "pro", "pro-yearly", "premium"]
    index = ok(owner.get("/api/billing/"))
    assert index["plans"].endswith("/api/billing/plans/")
    listed = ok(owner.get("/api/billing/plans/"))
    offers = {plan["slug"]: plan for plan in listed["results"]}
    assert (offers["pro"]["price"], offers["pro"]["interval"]) == ("49.00", "month")
    assert ok(owner.get(f"/api/billing/plans/{offers['pro']['id']}/")) == offers["pro"]
    eventually(lambda: entitlements(owner), lambda found: found["reason"] == "base")

    # Trial.
    trial = ok(owner.post("/api/billing/subscription/trial/", {"plan": "pro"}))
    assert (trial["status"], trial["plan"]["slug"]) == ("trialing", "pro")
    assert entitlements(owner)["reason"] == "trial"
    assert "schedule_optimizer" in entitlements(owner)["features"]
    again = owner.post("/api/billing/subscription/trial/", {"plan": "pro"})
    assert (again.status_code, again.json()["code"]) == (409, "trial_used")
    ended = ok(owner.post("/api/billing/subscription/cancel/"))
    assert ended["status"] == "canceled"

    # Checkout and its webhook.
    addresses = {
        "success_url": "http://127.0.0.1:8081/billing?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:8081/billing",
    }
    missing = owner.post("/api/billing/subscription/checkout/", {"price_id": offers["pro"]["stripe_price_id"]})
    assert missing.status_code == 400
    assert missing.json()["error"] == "Missing price_id, success_url, or cancel_url"
    foreign = owner.post(
        "/api/billing/subscription/checkout/",
        {"plan": "pro", **addresses, "success_url": "https://evil.example.com/"},
    )
    assert (foreign.status_code, foreign.json()["code"]) == (400, "foreign_address")
    page = ok(
        owner.post("/api/billing/subscription/checkout/", {"price_id": offers["pro"]["stripe_price_id"], **addresses})
    )
    customer = customer_of(page["url"], world, owner)
    world.control("decline", customer=customer)
    assert world.pay(page["url"]) == 402
    world.control("accept", customer=customer)
    assert world.pay(page["url"]) == 303
    active = eventually(lambda: subscription(owner), lambda found: found["status"] == "active")
    assert active["plan"]["slug"] == "pro"
    eventually(lambda: entitlements(owner), lambda found: found["reason"] == "subscribed", seconds=2)

    # Upgrade, first with a card that fails.
    preview = ok(owner.get("/api/billing/subscription/preview/", params={"plan": "premium"}))
    assert (preview["amount"], preview["due_now"]) == ("50.00", True)
    world.control("decline", customer=customer)
    declined = owner.post("/api/billing/subscription/change/", {"plan": "premium"})
    assert (declined.status_code, declined.json()["code"]) == (409, "payment_failed")
    assert subscription(owner)["plan"]["slug"] == "pro"
    world.control("accept", customer=customer)
    upgraded = ok(owner.post("/api/billing/subscription/change/", {"plan": "premium", "version": active["version"]}))
    assert upgraded["plan"]["slug"] == "premium"
    assert "recall" in entitlements(owner)["features"]

    invoices = ok(owner.get("/api/billing/invoices/"))
    assert [row["total"] for row in invoices["results"]] == ["50.00", "49.00"]
    assert ok(owner.get(f"/api/billing/invoices/{invoices['results'][0]['id']}/")) == invoices["results"][0]

    # Every webhook again: nothing changes.
    world.control("redeliver")
    assert subscription(owner) == upgraded
    assert ok(owner.get("/api/billing/invoices/")) == invoices

    # Cancel, resume, cancel.
    assert ok(owner.post("/api/billing/subscription/cancel/"))["cancel_at_period_end"] is True
    assert ok(owner.post("/api/billing/subscription/resume/"))["cancel_at_period_end"] is False
    assert ok(owner.post("/api/billing/subscription/cancel/"))["cancel_at_period_end"] is True


def test_a_failed_renewal_keeps_the_till_open_and_is_recovered(restaurant: Restaurant, world: World) -> None:
    owner = restaurant.owner
    waiter = join(restaurant, "WAITER", f"{uuid4().int % 900_000 + 100_000}")
    page = ok(
        owner.post(
            "/api/billing/subscription/checkout/",
            {"plan": "pro", "success_url": "http://127.0.0.1:8081/", "cancel_url": "http://127.0.0.1:8081/"},
        )
    )
    assert world.pay(page["url"]) == 303
    eventually(lambda: subscription(owner), lambda found: found["status"] == "active")
    customer = customer_of(page["url"], world, owner)

    world.control("decline", customer=customer)
    world.control("advance", customer=customer, days=32)
    overdue = eventually(lambda: subscription(owner), lambda found: found["status"] == "past_due")
    assert overdue["grace_until"]
    assert entitlements(owner)["reason"] in {"grace", "subscribed", "unpaid"}
    world.control("advance", customer=customer, days=10)
    eventually(lambda: subscription(owner), lambda found: found["status"] == "unpaid")
    eventually(lambda: entitlements(owner)["reason"], lambda reason: reason == "unpaid", seconds=2)

    tried = till_is_open(owner, waiter)
    assert tried > 0
    (owed,) = [row["id"] for row in world.control("look", customer=customer)["invoices"] if row["status"] == "open"]
    world.control("accept", customer=customer)
    world.control("pay", invoice=owed)
    recovered = eventually(lambda: subscription(owner), lambda found: found["status"] == "active")
    assert recovered["past_due_since"] is None
    assert "optimizer" in "".join(entitlements(owner)["features"])


def till_is_open(owner: Person, waiter: Person) -> int:
    """Tries everything that keeps a restaurant running; no answer may speak of plans or payment."""
    tried = 0
    for operation in Catalog.load(DESCRIPTORS).operations:
        if operation.permission not in RUNNING or "USER" not in operation.callers:
            continue
        for binding in operation.bindings:
            person = owner if operation.permission == "report.export" else waiter
            answer = person.request(
                binding.method,
                samples.path(binding, NOBODY),
                json=samples.body(operation, binding, NOBODY) if binding.method not in {"GET", "DELETE"} else None,
            )
            tried += 1
            assert answer.status_code not in {402, 500}, answer.text
            assert "plan_" not in answer.text
            assert "not_in_plan" not in answer.text
    return tried


def test_forged_webhooks_are_refused_through_the_gateway(client: httpx.Client) -> None:
    for headers in ({}, {"Stripe-Signature": "t=1,v1=00"}):
        answer = client.post("/api/billing/webhook/", content=b'{"id": "evt_1"}', headers=headers)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"] == "Invalid signature"


def test_a_restaurant_without_any_subscription_sees_one(restaurant: Restaurant) -> None:
    found = subscription(restaurant.owner)
    assert (found["status"], found["plan"], found["cancel_at_period_end"]) == ("incomplete", None, False)
    refused = restaurant.owner.post("/api/billing/subscription/change/", {"plan": "pro"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_subscribed")
