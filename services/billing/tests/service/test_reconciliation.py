"""What webhooks did not tell, the nightly comparison finds, sets right and reports."""

from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.empty_pb2 import Empty

from mizan.billing.events.v1 import events_pb2 as facts
from mizan.billing.v1 import invoice_pb2
from servicekit.db import SYSTEM
from servicekit.testing.events import Bus
from servicekit.testing.service import RunningService
from services.billing import models, tasks
from services.billing.queries import reconciliations
from services.billing.tests.conftest import Shop, owner, run_jobs, sign_up, waiter


@pytest.fixture
def slug(shop: Shop) -> str:
    slug = f"plan-{uuid4().hex[:8]}"
    shop.put(slug, "30")
    return slug


async def unheard_purchase(billing: RunningService, bus: Bus, shop: Shop, slug: str) -> UUID:
    """A restaurant that has paid while no webhook arrived."""
    restaurant_id = await sign_up(billing, bus)
    assert shop.stripe.account.complete_checkout(await shop.checkout(restaurant_id, plan=slug)) is not None
    return restaurant_id


def latest(billing: RunningService) -> Any:
    return billing.run(reconciliations.latest(billing.database.read(SYSTEM), 1))[0]


async def test_a_purchase_that_no_webhook_told_of_is_found(
    billing: RunningService, bus: Bus, shop: Shop, slug: str
) -> None:
    restaurant_id = await unheard_purchase(billing, bus, shop, slug)
    run_jobs(billing, tasks.RECONCILE)
    assert (await shop.subscription(restaurant_id)).status == "active"
    report = latest(billing)
    (finding,) = [one for one in report.findings if one["restaurant_id"] == str(restaurant_id)]
    assert finding["changes"]["status"] == ["incomplete", "active"]
    run_jobs(billing, tasks.RECONCILE)
    again = latest(billing)
    assert (again.repaired, again.failed) == (0, 0)

    async def ids() -> list[str]:
        async with billing.database.write(SYSTEM) as session:
            return [str(one) for one in await session.scalars(sa.select(models.Reconciliation.id))]

    event = await bus.of_aggregate(facts.ReconciliationCompleted, billing.run(ids())[0], 1)
    assert event[0].message.repaired >= 1


async def test_one_restaurant_that_cannot_be_compared_does_not_keep_the_others_from_it(
    billing: RunningService, bus: Bus, shop: Shop, slug: str
) -> None:
    broken, sound = [await unheard_purchase(billing, bus, shop, slug) for _ in range(2)]

    async def lose_customer(customer_id: str) -> None:
        async with billing.database.write(SYSTEM) as session:
            await session.execute(
                sa.update(models.Subscription)
                .where(models.Subscription.restaurant_id == broken)
                .values(stripe_customer_id=customer_id)
            )

    billing.run(lose_customer("cus_lost"))
    run_jobs(billing, tasks.RECONCILE)
    report = latest(billing)
    assert {"restaurant_id": str(broken), "error": "Conflict"} in report.findings
    assert (await shop.subscription(sound)).status == "active"
    assert (await shop.subscription(broken)).status == "incomplete"


async def test_a_list_of_invoices_costs_the_same_for_1_and_for_100(
    billing: RunningService, bus: Bus, shop: Shop
) -> None:
    restaurant_id = await sign_up(billing, bus)

    async def add(count: int) -> None:
        async with billing.database.write(SYSTEM) as session:
            session.add_all(
                models.Invoice(
                    restaurant_id=restaurant_id,
                    stripe_invoice_id=f"in_{uuid4().hex}",
                    status="paid",
                    currency="USD",
                    total=100,
                    amount_paid=100,
                    amount_remaining=0,
                    attempt_count=1,
                    created_at=shop.clock.now(),
                )
                for _ in range(count)
            )

    async def count(expected: int) -> int:
        with billing.statements() as ran:
            listed = await shop.api.InvoiceService.ListInvoices(
                invoice_pb2.ListInvoicesRequest(), principal=owner(restaurant_id)
            )
        assert len(listed.results) == listed.count == expected
        return len(ran)

    billing.run(add(1))
    one = await count(1)
    billing.run(add(99))
    assert await count(100) == one == 2


async def test_a_changed_plan_reaches_everybody_who_has_it_and_old_prices_go_on(
    billing: RunningService, bus: Bus, shop: Shop
) -> None:
    base, slug = f"base-{uuid4().hex[:6]}", f"plan-{uuid4().hex[:6]}"
    shop.put(base, "0", is_base=True)
    shop.put(slug, "30", entitled_features=("forecasting",))
    try:
        restaurant_id = await sign_up(billing, bus)
        await shop.buy(restaurant_id, plan=slug)

        async def features() -> list[str]:
            found = await shop.api.EntitlementService.GetEntitlements(Empty(), principal=waiter(restaurant_id))
            return list(found.features)

        assert await features() == ["forecasting"]
        # Dearer for newcomers, and with more in it for everybody.
        shop.put(slug, "40", entitled_features=("forecasting", "recall"))
        run_jobs(billing)
        assert await features() == ["forecasting", "recall"]
        assert (await shop.subscription(restaurant_id)).plan.slug == slug
        run_jobs(billing, tasks.RECONCILE)
        assert (await shop.subscription(restaurant_id)).plan.slug == slug
        changed = await bus.of_aggregate(facts.EntitlementChanged, restaurant_id, 3)
        assert [event.message.version for event in changed] == [1, 2, 3]
        assert (changed[2].envelope.occurred_at - changed[1].envelope.occurred_at).total_seconds() >= 0
    finally:
        shop.put(base, "0", is_base=False)
        run_jobs(billing)
