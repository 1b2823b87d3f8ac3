"""The operator's commands: whether everything adds up, and making it so."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from typer.testing import CliRunner

from mizan.inventory.v1 import adjustment_pb2, count_pb2
from servicekit.db import SYSTEM
from servicekit.testing.service import Api, RunningService
from services.inventory.cli import app
from services.inventory.tests.conftest import manager
from services.inventory.tests.service.test_adjustments import adjust
from services.inventory.tests.stock import item

MOVES = 60


@pytest.fixture(scope="module")
def environment(inventory: RunningService) -> dict[str, str]:
    settings = inventory.service.core.settings
    return {
        "INVENTORY_DATABASE_URL": settings.database_url,
        "NATS_URL": settings.nats_url,
        "REDIS_URL": settings.redis_url,
        "INTERNAL_KEYS_DIR": str(settings.internal_keys_dir),
        "FILES_URL": settings.files_url,
    }


async def lived(api: Api) -> UUID:
    """A restaurant whose stock came, went, was counted and corrected, now and in the past."""
    restaurant_id, luck = uuid4(), Random(7)
    boss = manager(restaurant_id)
    made = [await item(api, boss, f"Item {number}", current_stock="50", cost_per_unit="3") for number in range(3)]
    adjusted: list[str] = []
    for _ in range(MOVES):
        kind = luck.choice(["ADD", "REMOVE", "WASTE", "COUNT", "DELETE"])
        chosen = luck.choice(made)
        if kind == "COUNT":
            counted = count_pb2.CountedItem(inventory_item=chosen.id, counted_quantity=str(luck.randint(20, 60)))
            await api.CountService.CreateCount(count_pb2.CreateCountRequest(lines=[counted]), principal=boss)
        elif kind == "DELETE" and adjusted:
            request = adjustment_pb2.DeleteAdjustmentRequest(id=adjusted.pop(luck.randrange(len(adjusted))))
            await api.AdjustmentService.DeleteAdjustment(request, principal=boss)
        elif kind in ("ADD", "REMOVE", "WASTE"):
            when = Timestamp()
            when.FromDatetime(datetime.now(UTC) - timedelta(hours=luck.randint(0, 2_000)))
            amount = str(Decimal(luck.randint(1, 300)) / 100)
            adjusted.append((await adjust(api, boss, chosen.id, kind, amount, occurred_at=when)).id)
    return restaurant_id


def run(environment: dict[str, str], *arguments: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(app, list(arguments), env=environment)
    return done.exit_code, done.stdout.splitlines()


async def test_a_history_with_everything_in_it_adds_up(api: Api, environment: dict[str, str]) -> None:
    restaurant_id = await lived(api)
    done = await asyncio.to_thread(run, environment, "--restaurant", str(restaurant_id))
    assert done == (0, ["everything adds up"])


async def test_what_does_not_add_up_is_named_and_sums_are_made_anew(
    api: Api, inventory: RunningService, environment: dict[str, str]
) -> None:
    restaurant_id = await lived(api)

    async def spoil() -> str:
        async with inventory.database.write(SYSTEM) as session:
            changed = await session.execute(
                sa.text(
                    "UPDATE stock_sums SET quantity = quantity + 1 WHERE (grain, starts_on, item_id, cause) ="
                    " (SELECT grain, starts_on, item_id, cause FROM stock_sums"
                    " WHERE restaurant_id = :restaurant LIMIT 1)"
                    " RETURNING item_id"
                ),
                {"restaurant": restaurant_id},
            )
            return str(changed.scalar_one())

    spoilt = inventory.run(spoil())
    told = f"{restaurant_id}  {spoilt}  sums"
    assert await asyncio.to_thread(run, environment) == (1, [told])
    assert await asyncio.to_thread(run, environment, "--repair") == (1, [f"{told}, made anew"])
    assert await asyncio.to_thread(run, environment) == (0, ["everything adds up"])
