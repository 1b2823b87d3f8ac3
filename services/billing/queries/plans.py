"""Plans."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.billing.models import Plan

PLAN_COLUMNS = (
    Plan.id,
    Plan.slug,
    Plan.name,
    Plan.price,
    Plan.currency,
    Plan.period,
    Plan.features,
    Plan.is_active,
    Plan.stripe_price_id,
)

_COUNT = Query(sa.select(sa.func.count()).select_from(Plan).where(Plan.is_active))
_ROWS = Query(
    sa.select(*PLAN_COLUMNS)
    .where(Plan.is_active)
    .order_by(Plan.price, Plan.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(sa.select(*PLAN_COLUMNS).where(Plan.is_active, Plan.id == bindparam("id", type_=sa.BigInteger)))
_ALL = Query(sa.select(*PLAN_COLUMNS).order_by(Plan.slug))


async def page_of_plans(reader: Reader, page: Page) -> tuple[int, list[Any]]:
    """How many plans are on offer, and those of one page, the cheapest first. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page)


async def plan(reading: Reading, plan_id: int) -> Any:
    """One plan on offer. Raises NotFound."""
    row = await reading.first(_ONE, id=plan_id)
    if row is None:
        raise NotFound("No SubscriptionPlan matches the given query.")
    return row


async def every_plan(reading: Reading) -> Sequence[Any]:
    """All plans, on offer or not, for the operator."""
    return await reading.all(_ALL)
