"""What a restaurant buys, changes and cancels: asked of the payment provider, and mirrored from its answer.

The subscription's row is locked while the provider is asked, so that two people's changes do not cross. When the answer
is lost, or this transaction, the provider's events and the nightly comparison bring what was done there.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from servicekit.db import Reading, SessionReader
from servicekit.errors import Conflict
from services.billing.clients import PriceQuote, Stripe
from services.billing.commands.mirror import apply
from services.billing.commands.subscriptions import end_trial
from services.billing.domain.plan import is_dearer
from services.billing.domain.subscription import CANCELED, RUNNING
from services.billing.models import Plan, Subscription
from services.billing.queries import plans
from services.billing.queries.catalogue import catalogue_of
from services.billing.queries.plans import Choice

SHORTEST_TRIAL_AT_PROVIDER = timedelta(days=2)
"""The provider takes no trial that ends earlier than this from now."""


async def customer(session: AsyncSession, stripe: Stripe, subscription: Subscription) -> str:
    """The restaurant's customer at the provider, which is made when it is needed first."""
    if subscription.stripe_customer_id is None:
        restaurant_id = subscription.restaurant_id
        name = await session.scalar(
            sa.select(refdata.restaurant_ref.c.name).where(refdata.restaurant_ref.c.id == restaurant_id)
        )
        email = await session.scalar(
            sa.select(refdata.staff_ref.c.email)
            .where(
                refdata.staff_ref.c.restaurant_id == restaurant_id,
                refdata.staff_ref.c.role.in_(["SUPER_ADMIN", "OWNER"]),
                refdata.staff_ref.c.is_active,
            )
            .order_by(refdata.staff_ref.c.role.desc(), refdata.staff_ref.c.user_id)
            .limit(1)
        )
        subscription.stripe_customer_id = await stripe.create_customer(
            restaurant_id, name=name or str(restaurant_id), email=email or ""
        )
        await session.flush()
    return subscription.stripe_customer_id


async def checkout(
    session: AsyncSession,
    stripe: Stripe,
    subscription: Subscription,
    price_id: str,
    *,
    success_url: str,
    cancel_url: str,
    now: datetime,
) -> str:
    """The page that sells a plan. Raises Conflict where a subscription runs; what is left of a trial is kept."""
    if subscription.stripe_subscription_id is not None and subscription.status in RUNNING:
        raise Conflict("The restaurant has a subscription; change it instead.", code="already_subscribed")
    trial_end = subscription.trial_end if subscription.status in RUNNING else None
    if trial_end is not None and trial_end < now + SHORTEST_TRIAL_AT_PROVIDER:
        trial_end = None
    return await stripe.create_checkout(
        subscription.restaurant_id,
        await customer(session, stripe, subscription),
        price_id,
        success_url=success_url,
        cancel_url=cancel_url,
        trial_end=trial_end,
    )


async def change_plan(
    session: AsyncSession,
    stripe: Stripe,
    subscription: Subscription,
    choice: Choice,
    *,
    seen_version: int | None,
    now: datetime,
    grace: timedelta,
) -> None:
    """Moves a running subscription to another plan. Raises Conflict for the plan that it has and a stale version."""
    if seen_version is not None and seen_version != subscription.version:
        raise Conflict(
            "The subscription has changed meanwhile.",
            code="stale_version",
            extra={"version": subscription.version},
        )
    running_at, customer_id = running(subscription)
    plan = await plans.buyable(SessionReader(session), choice)
    if plan.stripe_price_id == subscription.stripe_price_id:
        raise Conflict("The restaurant has this plan.", code="same_plan")
    present = await session.get(Plan, subscription.plan_id) if subscription.plan_id is not None else None
    await stripe.change_price(
        subscription.restaurant_id,
        running_at,
        plan.stripe_price_id,
        pay_now=present is None or is_dearer(plan.price, plan.period, present.price, present.period),
    )
    await apply(session, subscription, await stripe.snapshot(customer_id), now, grace)


async def preview_change(reading: Reading, stripe: Stripe, row: Any, choice: Choice) -> tuple[PriceQuote, bool]:
    """What a change of a subscription that was read with its plan would cost, and whether that is paid at once."""
    running_at, customer_id = running(row)
    plan = await plans.buyable(reading, choice)
    pay_now = row.plan_id is None or is_dearer(plan.price, plan.period, row.plan_price, row.plan_period)
    return await stripe.preview(customer_id, running_at, plan.stripe_price_id, pay_now=pay_now), pay_now


async def cancel(
    session: AsyncSession, stripe: Stripe, subscription: Subscription, now: datetime, grace: timedelta
) -> None:
    """Has a subscription end with its period, and a trial that was not paid at once; repeated, it changes nothing."""
    if subscription.stripe_subscription_id is None:
        if subscription.status not in RUNNING:
            raise Conflict("There is no subscription to cancel.", code="not_subscribed")
        await end_trial(session, subscription, await catalogue_of(session), now, grace)
        return
    await _set_end(session, stripe, subscription, now, grace, cancel=True)


async def resume(
    session: AsyncSession, stripe: Stripe, subscription: Subscription, now: datetime, grace: timedelta
) -> None:
    """Takes a cancellation back; repeated, it changes nothing. Raises Conflict once the subscription has ended."""
    await _set_end(session, stripe, subscription, now, grace, cancel=False)


async def _set_end(
    session: AsyncSession,
    stripe: Stripe,
    subscription: Subscription,
    now: datetime,
    grace: timedelta,
    *,
    cancel: bool,
) -> None:
    running_at, customer_id = running(subscription)
    await stripe.cancel_at_period_end(subscription.restaurant_id, running_at, cancel=cancel)
    await apply(session, subscription, await stripe.snapshot(customer_id), now, grace)


def running(subscription: Any) -> tuple[str, str]:
    """The ids of the subscription and the customer at the provider. Raises Conflict where none runs."""
    if subscription is not None and subscription.status in RUNNING and subscription.stripe_subscription_id is not None:
        return subscription.stripe_subscription_id, subscription.stripe_customer_id
    if subscription is not None and subscription.status == CANCELED:
        raise Conflict("The subscription has ended; buy a new one.", code="subscription_ended")
    raise Conflict("There is no paid subscription.", code="not_subscribed")
