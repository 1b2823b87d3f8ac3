"""A restaurant's subscription: there from its sign-up, its own, and announced once."""

from decimal import Decimal
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.empty_pb2 import Empty

from mizan.billing.events.v1 import events_pb2 as facts
from mizan.billing.v1.subscription_pb2 import Subscription
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.billing import models
from services.billing.commands.plans import put_plan
from services.billing.domain.plan import Offer
from services.billing.tests.conftest import announce, owner, sign_up, waiter


async def subscription(api: Api, principal: Principal) -> Subscription:
    return await api.SubscriptionService.GetSubscription(Empty(), principal=principal)


async def test_a_restaurant_has_one_from_its_sign_up(billing: RunningService, bus: Bus, api: Api) -> None:
    restaurant_id = await sign_up(billing, bus)
    found = await subscription(api, owner(restaurant_id))
    assert found.id > 0
    assert (found.status, found.cancel_at_period_end) == ("incomplete", False)
    for field in ("plan", "current_period_start", "current_period_end"):
        assert not found.HasField(field)
    event = await bus.first(facts.SubscriptionCreated, restaurant_id)
    assert event.message.subscription == facts.SubscriptionFacts(
        id=found.id, restaurant_id=str(restaurant_id), status="incomplete", version=1
    )


async def test_a_sign_up_that_is_told_twice_registers_once(billing: RunningService, bus: Bus, api: Api) -> None:
    restaurant_id = await sign_up(billing, bus)
    before = await subscription(api, owner(restaurant_id))
    await announce(billing, bus, restaurant_id)
    assert await subscription(api, owner(restaurant_id)) == before


async def test_before_its_registration_a_restaurant_has_bought_nothing(api: Api) -> None:
    assert await subscription(api, owner(uuid4())) == Subscription(status="incomplete")


async def test_what_was_bought_is_shown_with_its_plan(billing: RunningService, bus: Bus, api: Api) -> None:
    restaurant_id = await sign_up(billing, bus)
    other = await sign_up(billing, bus)

    async def buy() -> None:
        async with billing.database.write(SYSTEM) as session:
            offer = Offer(slug="pro", name="Pro", price=Decimal("29.90"), currency="USD", period="month")
            plan = await put_plan(session, offer)
            await session.execute(
                sa.update(models.Subscription)
                .where(models.Subscription.restaurant_id == restaurant_id)
                .values(plan_id=plan.id, status="active", current_period_start=sa.func.now())
            )

    billing.run(buy())
    found = await subscription(api, owner(restaurant_id))
    assert (found.status, found.plan.slug, found.plan.price) == ("active", "pro", "29.90")
    assert found.HasField("current_period_start")
    # The neighbour's is as it was.
    assert (await subscription(api, owner(other))).status == "incomplete"
    assert not (await subscription(api, owner(other))).HasField("plan")


async def test_who_may_not_see_it_is_refused(api: Api) -> None:
    for principal, code in (
        (waiter(uuid4()), "permission_denied"),
        (ANONYMOUS, "not_authenticated"),
        (owner(uuid4()).in_restaurant(None), "no_restaurant"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await subscription(api, principal)
        assert refused.value.code == code
