"""What billing publishes, and how each fact is made from its rows."""

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.billing.events.v1 import events_pb2 as facts
from servicekit import events
from services.billing.models import Plan, Subscription


def plan_changed(session: AsyncSession, plan: Plan) -> None:
    """The operator added or changed a plan."""
    message = facts.PlanChanged(
        id=plan.id,
        slug=plan.slug,
        name=plan.name,
        price=f"{plan.price:.2f}",
        currency=plan.currency,
        interval=plan.period,
        is_active=plan.is_active,
        version=plan.version,
    )
    events.emit(session, message, restaurant_id=None, aggregate_id=plan.slug, version=plan.version)


def subscription_created(session: AsyncSession, subscription: Subscription) -> None:
    """A restaurant is registered, without a plan."""
    about = facts.SubscriptionFacts(
        id=subscription.id,
        restaurant_id=str(subscription.restaurant_id),
        status=subscription.status,
        version=subscription.version,
    )
    events.emit(
        session,
        facts.SubscriptionCreated(subscription=about),
        restaurant_id=subscription.restaurant_id,
        aggregate_id=subscription.restaurant_id,
        version=subscription.version,
    )
