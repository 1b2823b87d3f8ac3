"""Plans: put by the operator's command, seen by everybody while they are on offer."""

import asyncio
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from mizan.billing.events.v1 import events_pb2 as facts
from mizan.billing.v1.plan_pb2 import GetPlanRequest, ListPlansRequest, Plan
from servicekit.db import SYSTEM, Query
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS
from servicekit.testing.events import Bus, eventually
from servicekit.testing.service import Api, RunningService
from services.billing import models
from services.billing.cli import app
from services.billing.commands.plans import put_plan
from services.billing.domain.plan import Offer
from services.billing.tests.conftest import waiter


@pytest.fixture(autouse=True)
def no_plans(billing: RunningService) -> None:
    """The plans are the same for everybody, so each test begins without any."""

    async def clear() -> None:
        async with billing.database.write(SYSTEM) as session:
            await session.execute(sa.delete(models.Plan))

    billing.run(clear())


@pytest.fixture
def environment(billing: RunningService) -> Iterator[None]:
    settings = billing.service.core.settings
    variables = {
        "BILLING_DATABASE_URL": settings.database_url,
        "NATS_URL": settings.nats_url,
        "REDIS_URL": settings.redis_url,
        "INTERNAL_KEYS_DIR": str(settings.internal_keys_dir),
        "FILES_URL": settings.files_url,
    }
    with patch.dict(os.environ, variables):
        yield


def operate(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


async def listed(api: Api, **paging: int) -> list[Plan]:
    answer = await api.PlanService.ListPlans(ListPlansRequest(**paging), principal=waiter(uuid4()))
    return list(answer.results)


def put(billing: RunningService, slug: str, price: str, **more: Any) -> None:
    billing.run(store(billing, offered(slug, price, **more)))


async def store(billing: RunningService, offer: Offer) -> int:
    async with billing.database.write(SYSTEM) as session:
        return (await put_plan(session, offer)).version


def offered(slug: str, price: str, **more: Any) -> Offer:
    return Offer(slug=slug, name=slug.title(), price=Decimal(price), currency="USD", period="month", **more)


def put_the_pro_plan() -> None:
    arguments = ["pro", "--name", "Pro", "--price", "29.9", "--currency", "MAD", "--interval", "year"]
    done = operate("put-plan", *arguments, "--feature", "Stock", "--feature", "Payroll", "--stripe-price-id", "price_1")
    assert done.exit_code == 0, done.output
    assert "pro is plan" in done.output


@pytest.mark.usefixtures("environment")
def test_the_command_puts_changes_and_withdraws_a_plan() -> None:
    put_the_pro_plan()
    assert "version 1" in operate("put-plan", "free", "--name", "Free", "--price", "0").output
    assert "version 2" in operate("put-plan", "free", "--name", "Free", "--price", "0", "--no-active").output
    assert "version 2" in operate("put-plan", "free", "--name", "Free", "--price", "0", "--no-active").output
    assert operate("plans").output.splitlines() == [
        "free  0.00 USD a month  withdrawn",
        "pro  29.90 MAD a year  on offer",
    ]


@pytest.mark.usefixtures("environment")
def test_the_command_refuses_nonsense() -> None:
    refused = operate("put-plan", "pro", "--name", "Pro", "--price", "cheap")
    assert refused.exit_code == 2
    assert "is no number" in refused.output
    assert operate("plans").output == ""


async def test_a_plan_is_shown_as_it_was_put(billing: RunningService, api: Api) -> None:
    put(billing, "pro", "29.9", features=("Stock", "Payroll"), stripe_price_id="price_1")
    (plan,) = await listed(api)
    assert plan == Plan(
        id=plan.id,
        name="Pro",
        slug="pro",
        price="29.90",
        currency="USD",
        interval="month",
        features=["Stock", "Payroll"],
        is_active=True,
        stripe_price_id="price_1",
    )
    assert await api.PlanService.GetPlan(GetPlanRequest(id=plan.id), principal=waiter(uuid4())) == plan


async def test_a_withdrawn_plan_is_gone_for_everybody(billing: RunningService, api: Api) -> None:
    put(billing, "pro", "29.90")
    (plan,) = await listed(api)
    put(billing, "pro", "29.90", is_active=False)
    assert await listed(api) == []
    for unknown in (plan.id, plan.id + 1_000):
        with pytest.raises(RemoteRefusal) as refused:
            await api.PlanService.GetPlan(GetPlanRequest(id=unknown), principal=waiter(uuid4()))
        assert (refused.value.code, refused.value.message) == (
            "not_found",
            "No SubscriptionPlan matches the given query.",
        )


async def test_plans_stand_by_price_in_pages(billing: RunningService, api: Api) -> None:
    for slug, price in (("pro", "29.90"), ("free", "0"), ("team", "59.00")):
        put(billing, slug, price)
    assert [plan.slug for plan in await listed(api)] == ["free", "pro", "team"]
    assert [plan.slug for plan in await listed(api, page=2, page_size=2)] == ["team"]
    with pytest.raises(RemoteRefusal) as refused:
        await listed(api, page=3, page_size=2)
    assert refused.value.code == "invalid_page"


async def test_a_list_costs_the_same_for_1_row_and_for_100(billing: RunningService, api: Api) -> None:
    put(billing, "plan-0", "1")
    with billing.statements() as for_one:
        assert len(await listed(api)) == 1
    for number in range(1, 100):
        put(billing, f"plan-{number}", "1")
    with billing.statements() as for_hundred:
        assert len(await listed(api)) == 100
    assert len(for_one) == len(for_hundred) == 2


async def test_nobody_unknown_sees_plans(api: Api) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await api.PlanService.ListPlans(ListPlansRequest(), principal=ANONYMOUS)
    assert refused.value.code == "not_authenticated"


async def test_a_changed_plan_is_published_once_per_change(billing: RunningService, bus: Bus) -> None:
    slug = f"plan-{uuid4().hex[:8]}"
    put(billing, slug, "10")
    put(billing, slug, "10")
    put(billing, slug, "12.5")
    published = await bus.of_aggregate(facts.PlanChanged, slug, 2)
    assert [(event.message.price, event.envelope.version) for event in published] == [("10.00", 1), ("12.50", 2)]


_WAITING = Query(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'plans'::regclass"))


def test_two_operators_who_put_the_same_plan_at_once_get_one(billing: RunningService) -> None:
    offer = offered(f"plan-{uuid4().hex[:8]}", "10")

    async def somebody_waits() -> bool:
        return await billing.database.read(SYSTEM).scalar(_WAITING) == 1

    async def both() -> tuple[int, int]:
        async with billing.database.write(SYSTEM) as session:
            first = (await put_plan(session, offer)).version
            second = asyncio.create_task(store(billing, offer))
            await eventually(somebody_waits)
        return first, await second

    assert billing.run(both()) == (1, 1)
