"""The operator's commands: standard plans, gifts, and comparing by hand."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from unittest.mock import patch
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.empty_pb2 import Empty
from typer.testing import CliRunner

from servicekit.db import SYSTEM
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.billing import models
from services.billing.catalogue import STANDARD
from services.billing.cli import app
from services.billing.tests.conftest import SECRET_KEY, LocalStripe, Shop, run_jobs, sign_up, waiter

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def environment(billing: RunningService, stripe: LocalStripe) -> Iterator[None]:
    settings = billing.service.core.settings
    variables = {
        "BILLING_DATABASE_URL": settings.database_url,
        "BILLING_STRIPE_API_URL": stripe.url,
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "NATS_URL": settings.nats_url,
        "REDIS_URL": settings.redis_url,
        "INTERNAL_KEYS_DIR": str(settings.internal_keys_dir),
        "FILES_URL": settings.files_url,
    }
    with patch.dict(os.environ, variables):
        yield


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it answered."""

    exit_code: int
    lines: list[str]


async def operate(*arguments: str) -> Done:
    """Runs a command in a thread, since it has an event loop of its own."""
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    return Done(result.exit_code, result.stdout.splitlines())


async def test_the_standard_plans_are_put_once_with_prices_at_stripe(
    billing: RunningService, stripe: LocalStripe
) -> None:
    first = await operate("seed-plans")
    assert first.exit_code == 0, first.lines
    assert [line.split()[0] for line in first.lines] == [offer.slug for offer in STANDARD]
    sold = {price["lookup_key"]: price for price in stripe.account.prices.values() if price["lookup_key"]}
    assert {slug: price["unit_amount"] for slug, price in sold.items()} == {
        "pro": 4900,
        "pro-yearly": 49000,
        "premium": 9900,
    }
    assert (await operate("seed-plans")).lines == first.lines

    async def prices() -> dict[str, str | None]:
        async with billing.database.write(SYSTEM) as session:
            rows = await session.execute(sa.select(models.Plan.slug, models.Plan.stripe_price_id))
            return {row.slug: row.stripe_price_id for row in rows}

    assert billing.run(prices()) == {"free": None, **{slug: price["id"] for slug, price in sold.items()}}


async def test_what_is_given_is_there_until_it_is_taken_back(billing: RunningService, bus: Bus, api: Api) -> None:
    assert (await operate("seed-plans")).exit_code == 0
    run_jobs(billing)
    restaurant_id = await sign_up(billing, bus)

    async def features() -> list[str]:
        found = await api.EntitlementService.GetEntitlements(Empty(), principal=waiter(restaurant_id))
        return list(found.features)

    assert await features() == ["api_access"]
    assert (await operate("grant", str(restaurant_id), "recall", "--note", "A friend")).lines == ["done"]
    assert await features() == ["api_access", "recall"]
    assert (await operate("grant", str(restaurant_id), "recall", "--until", "2020-01-01")).lines == ["done"]
    assert await features() == ["api_access"]
    assert (await operate("revoke", str(restaurant_id), "recall")).lines == ["done"]
    assert (await operate("grant", str(restaurant_id), "payment.take")).exit_code == 2
    assert (await operate("grant", str(uuid4()), "recall")).exit_code == 1


async def test_comparing_by_hand_says_what_it_found(billing: RunningService, bus: Bus, shop: Shop) -> None:
    slug = f"plan-{uuid4().hex[:6]}"
    shop.put(slug, "30")
    restaurant_id = await sign_up(billing, bus)
    assert shop.stripe.account.complete_checkout(await shop.checkout(restaurant_id, plan=slug)) is not None
    done = await operate("reconcile")
    assert done.exit_code == 0, done.lines
    (line,) = done.lines
    assert "1 repaired, 0 failed" in line
    assert str(restaurant_id) in line
    assert (await operate("reconciliations", "--count", "1")).lines == [line]
    assert (await shop.subscription(restaurant_id)).status == "active"
