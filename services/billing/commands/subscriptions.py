"""Keeping what restaurants subscribe to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict
from services.billing import events
from services.billing.commands.entitlements import derive
from services.billing.domain.subscription import (
    CANCELED,
    INCOMPLETE,
    TRIAL_NOTICE,
    TRIALING,
    should_tell_of_trial_end,
    trial_is_due,
)
from services.billing.models import Plan, Subscription
from services.billing.queries.catalogue import Catalogue, catalogue_of

BATCH = 100

LOCK_WAIT_SECONDS = 3

_LIMIT_WAIT = sa.text(f"SELECT set_config('lock_timeout', '{LOCK_WAIT_SECONDS}s', true)")
_INSERT = insert(Subscription).on_conflict_do_nothing().returning(Subscription)


async def register_restaurant(session: AsyncSession, restaurant_id: UUID, now: datetime, grace: timedelta) -> None:
    """Gives a restaurant its subscription, which is incomplete until a plan is bought; a second time does nothing."""
    subscription = (await session.scalars(_INSERT, [{"restaurant_id": restaurant_id}])).one_or_none()
    if subscription is not None:
        events.subscription_created(session, subscription)
        await derive(session, subscription, await catalogue_of(session), now, grace)


async def locked(session: AsyncSession, restaurant_id: UUID, now: datetime, grace: timedelta) -> Subscription:
    """A restaurant's subscription, nobody else's to change until the transaction ends.

    Waits for the short work of events and the clock; raises Conflict when somebody else's change takes longer. One that
    is not registered yet is registered.
    """
    mine = sa.select(Subscription).where(Subscription.restaurant_id == restaurant_id).with_for_update()
    await session.execute(_LIMIT_WAIT)
    try:
        subscription = await session.scalar(mine)
        if subscription is None:
            await register_restaurant(session, restaurant_id, now, grace)
            await session.flush()
            subscription = (await session.scalars(mine)).one()
    except OperationalError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
        raise Conflict(
            "Somebody else is changing the subscription right now. Please try again.", code="concurrent_change"
        ) from error
    return subscription


async def start_trial(
    session: AsyncSession, subscription: Subscription, plan: Plan, now: datetime, grace: timedelta
) -> None:
    """Lets a restaurant use a plan until its trial ends. Raises Conflict for a second trial and beside a purchase."""
    if subscription.trial_used or subscription.status != INCOMPLETE:
        raise Conflict("The restaurant has had its trial.", code="trial_used")
    if not plan.trial_days:
        raise Conflict("This plan cannot be tried.", code="no_trial")
    subscription.plan_id = plan.id
    subscription.status = TRIALING
    subscription.current_period_start = now
    subscription.trial_end = subscription.current_period_end = now + timedelta(days=plan.trial_days)
    subscription.trial_used = True
    subscription.version += 1
    await session.flush()
    events.subscription_updated(session, subscription, plan.slug, None, previous_status=INCOMPLETE, previous_plan=None)
    await derive(session, subscription, await catalogue_of(session), now, grace)


async def end_trial(
    session: AsyncSession, subscription: Subscription, catalogue: Catalogue, now: datetime, grace: timedelta
) -> None:
    """Ends a trial that nobody paid for."""
    subscription.status = CANCELED
    subscription.canceled_at = now
    subscription.current_period_end = min(now, subscription.current_period_end or now)
    subscription.version += 1
    await session.flush()
    events.subscription_canceled(session, subscription, catalogue.slug(subscription.plan_id))
    await derive(session, subscription, catalogue, now, grace)


async def settle_trials(session: AsyncSession, now: datetime, grace: timedelta) -> int:
    """Ends trials whose time is over and tells of those that are about to end; how many at this step."""
    trials: Sequence[Subscription] = (
        await session.scalars(
            sa.select(Subscription)
            .where(
                Subscription.status == TRIALING,
                Subscription.stripe_subscription_id.is_(None),
                sa.or_(
                    Subscription.trial_end <= now,
                    sa.and_(~Subscription.trial_notice_sent, Subscription.trial_end <= now + TRIAL_NOTICE),
                ),
            )
            .order_by(Subscription.trial_end)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
    ).all()
    catalogue = await catalogue_of(session)
    for trial in trials:
        if trial_is_due(trial.status, trial.stripe_subscription_id, trial.trial_end, now):
            await end_trial(session, trial, catalogue, now, grace)
        elif should_tell_of_trial_end(trial.trial_end, now):
            trial.trial_notice_sent = True
            events.trial_ending(session, trial, catalogue.slug(trial.plan_id))
    await session.flush()
    return len(trials)
