"""Webhooks in any order, more than once or not at all: in the end, every restaurant is what Stripe says."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import sqlalchemy as sa

from servicekit import migrate
from servicekit.clock import SystemClock
from servicekit.db import SYSTEM, Database
from servicekit.jobs import Job
from servicekit.testing.stack import FreshDatabase
from services.billing import models
from services.billing.clients import Stripe
from services.billing.commands import provider_events
from services.billing.commands.plans import put_plan
from services.billing.domain.plan import Offer
from services.billing.domain.stripe_objects import invoice_of, mirror_of
from services.billing.domain.subscription import Snapshot
from services.billing.jobs import BillingJobs
from services.billing.queries import reconciliations
from tools.stripe_server.account import Account, Object, line

GROUPS = 10
SHUFFLES = 100
"""In each group, so that there are a thousand."""
pytestmark = pytest.mark.long
AT_ONCE = 6
GRACE = timedelta(days=14)
NOW = 1_800_000_000
JOB = Job(id=0, task="test", attempt=1, last_attempt=True)
SETTLED = (
    "status",
    "plan_id",
    "cancel_at_period_end",
    "trial_used",
    "past_due_since",
    "stripe_price_id",
    "current_period_end",
)


def life(account: Account, customer: str, prices: tuple[str, str]) -> Iterator[None]:
    """A restaurant at Stripe, step by step: bought, upgraded, failed, recovered, downgraded, cancelled, resumed."""
    one = account.create_subscription(customer, prices[0], {})
    yield
    account.change_price(one, prices[1], "always_invoice", or_fail=True)
    yield
    account.decline_cards(customer)
    account._bill(one, "subscription_cycle", [line(5000, "Subscription")])
    yield
    account.decline_cards(customer, declined=False)
    (owed,) = [each for each in account.invoices.values() if each["customer"] == customer and each["status"] == "open"]
    account.pay_invoice(owed["id"])
    yield
    account.set_cancel(one, True)
    yield
    account.set_cancel(one, False)
    account.change_price(one, prices[0], "create_prorations", or_fail=False)
    yield
    account.set_cancel(one, True)


class Restaurant:
    """One of the thousand, whose webhooks arrive as luck will have it."""

    def __init__(self, account: Account, prices: tuple[str, str], luck: random.Random) -> None:
        self.id = uuid4()
        self._account = account
        self._luck = luck
        self._sent: list[Object] = []
        self.customer = str(account.create_customer({"name": "Shuffled"})["id"])
        self._life = life(account, self.customer, prices)

    def deliveries(self) -> Iterator[list[Object]]:
        """What arrives together: now and then, in another order, some again and some never."""
        events, alive = self._account.events, True
        waiting: list[Object] = []
        while alive:
            before = len(events)
            alive = next(self._life, self) is not self
            new = events[before:]
            self._sent += new
            waiting += [event for event in new if self._luck.random() > 0.35]
            if waiting and (self._luck.random() < 0.25 or not alive):
                arriving = waiting + [event for event in self._sent if self._luck.random() < 0.1]
                self._luck.shuffle(arriving)
                kept_back = self._luck.randrange(len(arriving))
                waiting = arriving[:kept_back]
                yield arriving[kept_back:]


class Direct(Stripe):
    """The local Stripe without the network between, whose part is shown elsewhere: a look is only worth its time."""

    def __init__(self, account: Account) -> None:
        super().__init__("sk_test_direct", url="http://127.0.0.1:1", timeout=1)
        self._account = account

    async def snapshot(self, customer_id: str) -> Snapshot:
        """Everything that the account has of a customer, now."""
        subscriptions = [one for one in self._account.subscriptions.values() if one["customer"] == customer_id]
        invoices = [one for one in self._account.invoices.values() if one["customer"] == customer_id]
        return Snapshot(tuple(map(mirror_of, subscriptions)), tuple(map(invoice_of, invoices)))


async def states(database: Database, restaurants: list[Restaurant]) -> dict[UUID, Any]:
    """What billing has of each restaurant, without ids, versions and times of writing."""
    ids = [restaurant.id for restaurant in restaurants]
    async with database.write(SYSTEM) as session:
        found: dict[UUID, Any] = {
            row.restaurant_id: [[getattr(row, name) for name in SETTLED]]
            for row in await session.scalars(
                sa.select(models.Subscription).where(models.Subscription.restaurant_id.in_(ids))
            )
        }
        for row in await session.scalars(
            sa.select(models.Entitlement).where(models.Entitlement.restaurant_id.in_(ids))
        ):
            found[row.restaurant_id].append([row.plan, row.reason, row.features, row.limits, row.unlimited])
        for invoice in await session.scalars(
            sa.select(models.Invoice)
            .where(models.Invoice.restaurant_id.in_(ids))
            .order_by(models.Invoice.stripe_invoice_id)
        ):
            amounts = (invoice.total, invoice.amount_paid, invoice.amount_remaining, invoice.attempt_count)
            found[invoice.restaurant_id].append([invoice.status, *amounts])
        return found


@pytest_asyncio.fixture
async def database(fresh_database: FreshDatabase) -> AsyncIterator[Database]:
    database = Database(fresh_database("billing", migrate.upgrade).app_dsn, application="billing")
    await database.start()
    yield database
    await database.stop()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("group", range(GROUPS))
async def test_a_thousand_shuffles_with_repetitions_and_losses_end_in_one_state(
    database: Database, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    account = Account()
    monkeypatch.setattr(account, "now", lambda _customer=None: NOW)
    prices = await put_plans(database, account)
    jobs = BillingJobs(database, Direct(account), SystemClock(), GRACE)
    # The queue's part is shown elsewhere.
    monkeypatch.setattr("services.billing.commands.provider_events.jobs.defer", AsyncMock())
    restaurants = [Restaurant(account, prices, random.Random(SHUFFLES * group + number)) for number in range(SHUFFLES)]
    now = SystemClock().now()
    async with database.write(SYSTEM) as session:
        session.add_all(
            models.Subscription(restaurant_id=restaurant.id, stripe_customer_id=restaurant.customer)
            for restaurant in restaurants
        )
    places = asyncio.Semaphore(AT_ONCE)

    async def live(restaurant: Restaurant) -> None:
        async with places:
            for delivery in restaurant.deliveries():
                async with database.write(SYSTEM) as session:
                    for event in delivery:
                        body = json.dumps(event).encode()
                        await provider_events.store(session, event, body, livemode=False, now=now)
                await jobs.process_events(JOB, customer_id=restaurant.customer)

    await asyncio.gather(*map(live, restaurants))
    before = await states(database, restaurants)
    assert len({json.dumps(state, default=str) for state in before.values()}) > 1, "nothing was lost"

    await jobs.reconcile(JOB)
    after = await states(database, restaurants)
    assert len(after) == SHUFFLES
    expected = next(iter(after.values()))
    status, _, cancels, *_ = expected[0]
    assert (status, cancels) == ("active", True)
    assert expected[1][0] == "low"
    # Bought for 20.00, upgraded for 30.00 more, renewed for 50.00 at the second attempt.
    assert expected[2:] == [["paid", 2000, 2000, 0, 1], ["paid", 3000, 3000, 0, 1], ["paid", 5000, 5000, 0, 2]]
    assert all(state == expected for state in after.values())

    await jobs.reconcile(JOB)
    assert await states(database, restaurants) == after
    second, first = await reconciliations.latest(database.read(SYSTEM), 2)
    assert first.repaired > 0
    assert (second.checked, second.repaired, second.failed) == (SHUFFLES, 0, 0)


async def put_plans(database: Database, account: Account) -> tuple[str, str]:
    """Two plans, and the prices that they have at Stripe."""
    prices = []
    async with database.write(SYSTEM) as session:
        await put_plan(session, Offer("free", "Free", Decimal(0), "USD", "month", is_base=True))
        for slug, price in (("low", 20), ("high", 50)):
            made = account.create_price(
                {"currency": "usd", "unit_amount": price * 100, "recurring": {"interval": "month"}}
            )
            prices.append(made["id"])
            offer = Offer(
                slug,
                slug,
                Decimal(price),
                "USD",
                "month",
                stripe_price_id=made["id"],
                entitled_features=(f"{slug}_end",),
            )
            await put_plan(session, offer)
    low, high = prices
    return low, high
