"""Billing as a whole, over real gRPC on a migrated database, with a local Stripe, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import sqlalchemy as sa
from google.protobuf.empty_pb2 import Empty

from mizan.billing.v1 import subscription_pb2, webhook_pb2
from mizan.identity.events.v1 import events_pb2 as identity
from refdata.testing import restaurant_event, staff_event
from servicekit import jobs
from servicekit.db import SYSTEM, Query
from servicekit.identity import ANONYMOUS, Principal
from servicekit.jobs import Task
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus, eventually, handled
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from servicekit.testing.web import served
from services.billing import tasks
from services.billing.commands.plans import put_plan
from services.billing.domain.plan import Offer
from services.billing.main import build
from services.billing.settings import Settings
from tools.stripe_server.account import Account, Object
from tools.stripe_server.server import StripeServer

SECRET_KEY = "sk_test_local"
WEBHOOK_SECRET = "whsec_local"
SITE = "https://app.example.com"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class LocalStripe:
    """A local Stripe that answers; its webhooks wait until a test delivers them."""

    url: str
    server: StripeServer

    @property
    def account(self) -> Account:
        """What happens inside it."""
        return self.server.account

    def asked(self, path: str) -> list[Object]:
        """The requests to a path, so far."""
        return [request for request in self.server.api.seen if request["path"] == path]


@pytest.fixture(scope="module")
def stripe() -> Iterator[LocalStripe]:
    local = StripeServer(SECRET_KEY, WEBHOOK_SECRET)
    with served(local.application) as url:
        yield LocalStripe(url, local)


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def billing(settings_of: SettingsOf, stripe: LocalStripe, clock: MovableClock) -> Iterator[RunningService]:
    settings = Settings(
        **settings_of("billing"),
        stripe_secret_key=SECRET_KEY,
        stripe_webhook_secret=f"whsec_older, {WEBHOOK_SECRET}",
        stripe_api_url=stripe.url,
        return_sites=[SITE],
    )
    with running(lambda: build(settings, clock)) as service:
        yield service


@pytest_asyncio.fixture
async def api(billing: RunningService) -> AsyncIterator[Api]:
    async with Api.of(billing) as api:
        yield api


def owner(restaurant_id: UUID) -> Principal:
    """Somebody who may see and change what a restaurant subscribes to."""
    return person(frozenset({"billing.view", "billing.manage"}), restaurant_id=restaurant_id, role="OWNER")


def manager(restaurant_id: UUID) -> Principal:
    """Somebody who may see it."""
    return person(frozenset({"billing.view"}), restaurant_id=restaurant_id, role="MANAGER")


def waiter(restaurant_id: UUID) -> Principal:
    """Somebody who may not."""
    return person(frozenset(), restaurant_id=restaurant_id)


async def announce(billing: RunningService, bus: Bus, restaurant_id: UUID) -> None:
    """Tells billing of a restaurant, as identity would."""
    created = restaurant_event(restaurant_id, "Dar Atlas", 1, identity.RestaurantCreated)
    joined = staff_event(restaurant_id, uuid4(), "Amina", 1, identity.StaffJoined, role="SUPER_ADMIN")
    announced = await bus.publish(created, restaurant_id=restaurant_id)
    await handled(billing, "billing", announced)
    await handled(billing, "billing-refdata", announced)
    await handled(billing, "billing-refdata", await bus.publish(joined, restaurant_id=restaurant_id))


async def sign_up(billing: RunningService, bus: Bus) -> UUID:
    """A restaurant that has bought nothing yet."""
    restaurant_id = uuid4()
    await announce(billing, bus, restaurant_id)
    return restaurant_id


_UNDER_WAY = Query(
    sa.text(
        "SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE status = 'doing'"
        " OR (status = 'todo' AND coalesce(scheduled_at <= now(), true))"
    )
)


def run_jobs(billing: RunningService, *periodic: Task) -> None:
    """Runs what is due, and periodic tasks besides, and waits for what the service has begun by itself."""

    async def work() -> None:
        async with billing.database.write(SYSTEM) as session:
            for task in periodic:
                await jobs.defer(session, task, timestamp=0)
        await billing.service.jobs.run_pending()
        await eventually(nothing_is_under_way)

    async def nothing_is_under_way() -> bool:
        return await billing.database.read(SYSTEM).scalar(_UNDER_WAY) == 0

    billing.run(work())


class Shop:
    """The plans of a test on sale at the local Stripe, and what a restaurant's owner does with them."""

    def __init__(self, billing: RunningService, stripe: LocalStripe, api: Api, clock: MovableClock) -> None:
        self.clock = clock
        self.billing = billing
        self.stripe = stripe
        self.api = api
        self._delivered = len(stripe.account.events)

    async def advance(self, days: float) -> None:
        """Moves Stripe's clock and the platform's, delivers what happened there, and does what the clock does here."""
        for customer in tuple(self.stripe.account.customers):
            self.stripe.account.advance(customer, days)
        self.clock.advance(timedelta(days=days))
        await self.deliver_all()
        settle(self.billing)

    def put(self, slug: str, price: str, **more: Any) -> str:
        """Puts a plan with a price at Stripe; the price's id."""
        price_id = more.pop("stripe_price_id", None)
        period = more.get("period", "month")
        if price_id is None and Decimal(price):
            with self.stripe.account.lock:
                price_id = self.stripe.account.create_price(
                    {"currency": "usd", "unit_amount": int(Decimal(price) * 100), "recurring": {"interval": period}}
                )["id"]
        values = {"slug": slug, "name": slug.title(), "currency": "USD", "period": "month", **more}
        offer = Offer(price=Decimal(price), stripe_price_id=price_id, **values)

        async def store() -> None:
            async with self.billing.database.write(SYSTEM) as session:
                await put_plan(session, offer)

        self.billing.run(store())
        return str(price_id)

    async def checkout(self, restaurant_id: UUID, **named: Any) -> str:
        """The id of a checkout that was opened."""
        request = subscription_pb2.StartCheckoutRequest(success_url=f"{SITE}/ok", cancel_url=f"{SITE}/no", **named)
        page = await self.api.SubscriptionService.StartCheckout(request, principal=owner(restaurant_id))
        return str(page.url).rpartition("/")[2]

    async def buy(self, restaurant_id: UUID, **named: Any) -> str:
        """Opens a checkout, pays and delivers the webhooks; the customer's id."""
        session_id = await self.checkout(restaurant_id, **named)
        assert self.stripe.account.complete_checkout(session_id) is not None
        await self.deliver_all()
        return str(self.stripe.account.sessions[session_id]["customer"])

    async def deliver(self, event: Object, *, timestamp: int | None = None, **headers: str) -> str:
        """Delivers one webhook; the status in its answer."""
        body, signed = self.stripe.server.signed(event, timestamp=timestamp)
        request = webhook_pb2.StripeEvent(signature=headers.get("signature", signed["Stripe-Signature"]))
        request.payload.data = body
        received = await self.api.WebhookService.ReceiveStripeEvent(request, principal=ANONYMOUS)
        return str(received.status)

    async def deliver_all(self) -> None:
        """Delivers what has happened at Stripe since the last time, and has it processed."""
        waiting = self.stripe.account.events[self._delivered :]
        self._delivered += len(waiting)
        for event in waiting:
            assert await self.deliver(event) == "success"
        run_jobs(self.billing)

    async def subscription(self, restaurant_id: UUID) -> subscription_pb2.Subscription:
        """The subscription as the owner sees it."""
        found: subscription_pb2.Subscription = await self.api.SubscriptionService.GetSubscription(
            Empty(), principal=owner(restaurant_id)
        )
        return found


@pytest.fixture
def shop(billing: RunningService, stripe: LocalStripe, api: Api, clock: MovableClock) -> Shop:
    return Shop(billing, stripe, api, clock)


def settle(billing: RunningService) -> None:
    """Does what the clock does."""
    run_jobs(billing, tasks.SETTLE)
