"""Deriving what restaurants may use, and publishing it when it is something new."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from entitlements.names import ALWAYS, is_name
from services.billing import events
from services.billing.domain.entitlement import Entitlements, Grant, Standing, entitlements_of
from services.billing.models import Entitlement, EntitlementGrant, Subscription
from services.billing.queries.catalogue import Catalogue, catalogue_of

BATCH = 200


async def derive(
    session: AsyncSession, subscription: Subscription, catalogue: Catalogue, now: datetime, grace: timedelta
) -> bool:
    """Makes a restaurant's entitlements what its subscription and its grants say; False when that was so before."""
    return await derive_many(session, [subscription], catalogue, now, grace) > 0


async def derive_many(
    session: AsyncSession,
    subscriptions: Collection[Subscription],
    catalogue: Catalogue,
    now: datetime,
    grace: timedelta,
) -> int:
    """The same for several restaurants with two questions; how many changed."""
    ids = [subscription.restaurant_id for subscription in subscriptions]
    known = {
        row.restaurant_id: row
        for row in await session.scalars(sa.select(Entitlement).where(Entitlement.restaurant_id.in_(ids)))
    }
    grants: dict[UUID, list[Grant]] = {}
    for row in await session.scalars(sa.select(EntitlementGrant).where(EntitlementGrant.restaurant_id.in_(ids))):
        grants.setdefault(row.restaurant_id, []).append(Grant(row.name, row.limit_value, row.until))
    changed = 0
    for subscription in subscriptions:
        wanted = entitlements_of(
            catalogue.plan_of(subscription.plan_id),
            catalogue.base,
            _standing(subscription),
            grants.get(subscription.restaurant_id, []),
            grace=grace,
            now=now,
        )
        changed += _keep(session, subscription.restaurant_id, known.get(subscription.restaurant_id), wanted)
    await session.flush()
    return changed


def _standing(subscription: Subscription) -> Standing:
    return Standing(
        subscription.status,
        subscription.trial_end,
        subscription.past_due_since,
        at_provider=subscription.stripe_subscription_id is not None,
    )


def _keep(session: AsyncSession, restaurant_id: UUID, row: Entitlement | None, wanted: Entitlements) -> bool:
    values = {
        "unlimited": wanted.unlimited,
        "features": sorted(wanted.features),
        "limits": dict(wanted.limits),
        "plan": wanted.plan,
        "reason": wanted.reason,
    }
    if row is None:
        row = Entitlement(restaurant_id=restaurant_id, version=1, valid_until=wanted.valid_until, **values)
        session.add(row)
    else:
        row.valid_until = wanted.valid_until
        if all(getattr(row, name) == value for name, value in values.items()):
            return False
        for name, value in values.items():
            setattr(row, name, value)
        row.version += 1
    events.entitlement_changed(session, row)
    return True


async def refresh(session: AsyncSession, after: UUID, now: datetime, grace: timedelta) -> UUID | None:
    """Derives the entitlements of the next restaurants after an id; the last one's id, or None at the end.

    A subscription whose price belongs to another plan by now, or to one at last, is given that plan.
    """
    subscriptions = (
        await session.scalars(
            sa.select(Subscription)
            .where(Subscription.restaurant_id > after)
            .order_by(Subscription.restaurant_id)
            .limit(BATCH)
            .with_for_update()
        )
    ).all()
    if not subscriptions:
        return None
    catalogue = await catalogue_of(session)
    for subscription in subscriptions:
        plan_id = catalogue.by_price.get(subscription.stripe_price_id or "")
        if plan_id is not None and plan_id != subscription.plan_id:
            subscription.plan_id = plan_id
            subscription.version += 1
    await derive_many(session, subscriptions, catalogue, now, grace)
    return subscriptions[-1].restaurant_id


async def settle(session: AsyncSession, now: datetime, grace: timedelta) -> int:
    """Derives the entitlements that change by the clock now; how many there were at this step."""
    due = sa.select(Entitlement.restaurant_id).where(Entitlement.valid_until <= now)
    subscriptions = (
        await session.scalars(
            sa.select(Subscription)
            .where(Subscription.restaurant_id.in_(due))
            .order_by(Subscription.restaurant_id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
    ).all()
    await derive_many(session, subscriptions, await catalogue_of(session), now, grace)
    return len(subscriptions)


async def grant(
    session: AsyncSession,
    restaurant_id: UUID,
    name: str,
    *,
    limit: int | None,
    until: datetime | None,
    note: str,
    now: datetime,
    grace: timedelta,
) -> bool:
    """Gives a restaurant a feature or a higher limit beside its plan; False for an unknown restaurant.

    Raises ValueError for what is no feature.
    """
    if not is_name(name) or name in ALWAYS:
        raise ValueError(f"{name!r} is no feature that can be given")
    given = insert(EntitlementGrant).values(
        restaurant_id=restaurant_id, name=name, limit_value=limit, until=until, note=note
    )
    await session.execute(
        given.on_conflict_do_update(
            index_elements=["restaurant_id", "name"],
            set_={"limit_value": limit, "until": until, "note": note},
        )
    )
    return await _derive_one(session, restaurant_id, now, grace)


async def revoke(
    session: AsyncSession, restaurant_id: UUID, names: Iterable[str], now: datetime, grace: timedelta
) -> bool:
    """Takes what was given back; False for an unknown restaurant."""
    await session.execute(
        sa.delete(EntitlementGrant).where(
            EntitlementGrant.restaurant_id == restaurant_id, EntitlementGrant.name.in_(list(names))
        )
    )
    return await _derive_one(session, restaurant_id, now, grace)


async def _derive_one(session: AsyncSession, restaurant_id: UUID, now: datetime, grace: timedelta) -> bool:
    subscription = await session.scalar(
        sa.select(Subscription).where(Subscription.restaurant_id == restaurant_id).with_for_update()
    )
    if subscription is None:
        return False
    await derive(session, subscription, await catalogue_of(session), now, grace)
    return True
