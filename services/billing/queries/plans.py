"""Plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.errors import Invalid, NotFound
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
    Plan.trial_days,
    Plan.entitled_features,
    Plan.limits,
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
_BY_SLUG = Query(sa.select(*PLAN_COLUMNS).where(Plan.is_active, Plan.slug == bindparam("slug", type_=sa.Text)))
_BY_PRICE = Query(
    sa.select(*PLAN_COLUMNS).where(Plan.is_active, Plan.stripe_price_id == bindparam("price_id", type_=sa.Text))
)
_ON_TRIAL = Query(sa.select(*PLAN_COLUMNS).where(Plan.is_active, Plan.trial_days > 0).limit(2))
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


@dataclass(frozen=True, slots=True)
class Choice:
    """A plan, named by its price, its slug or its id."""

    price_id: str = ""
    slug: str = ""
    plan_id: int | None = None

    @property
    def is_made(self) -> bool:
        """Whether anything was named."""
        return bool(self.price_id or self.slug or self.plan_id is not None)


async def chosen(reading: Reading, choice: Choice) -> Any:
    """The plan on offer that was named. Raises Invalid for any other, and for none."""
    if choice.price_id:
        field, row = "price_id", await reading.first(_BY_PRICE, price_id=choice.price_id)
    elif choice.slug:
        field, row = "plan", await reading.first(_BY_SLUG, slug=choice.slug)
    elif choice.plan_id is not None:
        field, row = "plan_id", await reading.first(_ONE, id=choice.plan_id)
    else:
        raise Invalid("Name a plan by price_id, plan or plan_id.", code="no_plan_named")
    if row is None:
        raise Invalid.field(field, "No plan on offer matches.", code="unknown_plan")
    return row


async def buyable(reading: Reading, choice: Choice) -> Any:
    """The plan that was named, which has a price at the payment provider. Raises Invalid for any other."""
    row = await chosen(reading, choice)
    if row.stripe_price_id is None:
        raise Invalid.field("plan", "This plan cannot be bought.", code="not_for_sale")
    return row


async def plan_to_try(reading: Reading, slug: str | None) -> Any:
    """The plan that was named, or the only one that can be tried. Raises Invalid for another one and for a choice."""
    if slug:
        return await chosen(reading, Choice(slug=slug))
    rows = await reading.all(_ON_TRIAL)
    if len(rows) != 1:
        raise Invalid.field("plan", "Name the plan to try.", code="no_plan_named")
    return rows[0]


async def every_plan(reading: Reading) -> Sequence[Any]:
    """All plans, on offer or not, for the operator."""
    return await reading.all(_ALL)
