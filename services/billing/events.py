"""What billing publishes, and how each fact is made from its rows."""

from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.billing.events.v1 import events_pb2 as facts
from servicekit import events
from services.billing.domain.money import from_minor
from services.billing.models import Entitlement, Invoice, Plan, Reconciliation, Subscription


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
    _emit(session, subscription, facts.SubscriptionCreated(subscription=_subscription(subscription, None, None)))


def subscription_updated(
    session: AsyncSession,
    subscription: Subscription,
    plan: str | None,
    grace_until: datetime | None,
    *,
    previous_status: str,
    previous_plan: str | None,
) -> None:
    """A subscription became another one."""
    message = facts.SubscriptionUpdated(
        subscription=_subscription(subscription, plan, grace_until),
        previous_status=previous_status,
        previous_plan=previous_plan,
    )
    _emit(session, subscription, message)


def subscription_canceled(session: AsyncSession, subscription: Subscription, plan: str | None) -> None:
    """A subscription or an unpaid trial is over."""
    _emit(session, subscription, facts.SubscriptionCanceled(subscription=_subscription(subscription, plan, None)))


def trial_ending(session: AsyncSession, subscription: Subscription, plan: str | None) -> None:
    """A trial ends soon."""
    message = facts.SubscriptionTrialEnding(subscription=_subscription(subscription, plan, None))
    if subscription.trial_end is not None:
        message.trial_end.FromDatetime(subscription.trial_end)
    _emit(session, subscription, message)


def _emit(session: AsyncSession, subscription: Subscription, message: Message) -> None:
    events.emit(
        session,
        message,
        restaurant_id=subscription.restaurant_id,
        aggregate_id=subscription.restaurant_id,
        version=subscription.version,
    )


def _subscription(
    subscription: Subscription, plan: str | None, grace_until: datetime | None
) -> facts.SubscriptionFacts:
    message = facts.SubscriptionFacts(
        id=subscription.id,
        restaurant_id=str(subscription.restaurant_id),
        status=subscription.status,
        plan=plan,
        version=subscription.version,
        cancel_at_period_end=subscription.cancel_at_period_end,
    )
    if subscription.current_period_end is not None:
        message.current_period_end.FromDatetime(subscription.current_period_end)
    if grace_until is not None:
        message.grace_until.FromDatetime(grace_until)
    return message


_Invoice = (
    type[facts.InvoiceIssued] | type[facts.InvoicePaid] | type[facts.InvoicePaymentFailed] | type[facts.InvoiceVoided]
)


def invoice(session: AsyncSession, kind: _Invoice, row: Invoice) -> None:
    """An invoice was issued, paid, not paid or voided."""
    about = facts.InvoiceFacts(
        id=str(row.id),
        restaurant_id=str(row.restaurant_id),
        number=row.number,
        status=row.status,
        total=str(from_minor(row.total, row.currency)),
        amount_remaining=str(from_minor(row.amount_remaining, row.currency)),
        currency=row.currency,
        attempt_count=row.attempt_count,
        hosted_url=row.hosted_url,
        version=row.version,
    )
    if row.next_attempt_at is not None:
        about.next_attempt_at.FromDatetime(row.next_attempt_at)
    events.emit(session, kind(invoice=about), restaurant_id=row.restaurant_id, aggregate_id=row.id, version=row.version)


def entitlement_changed(session: AsyncSession, row: Entitlement) -> None:
    """A restaurant may use something else than before."""
    message = facts.EntitlementChanged(
        restaurant_id=str(row.restaurant_id),
        unlimited=row.unlimited,
        features=row.features,
        limits=[facts.EntitledLimit(name=name, value=value) for name, value in sorted(row.limits.items())],
        plan=row.plan,
        reason=row.reason,
        version=row.version,
    )
    events.emit(session, message, restaurant_id=row.restaurant_id, aggregate_id=row.restaurant_id, version=row.version)


def reconciliation_completed(session: AsyncSession, row: Reconciliation) -> None:
    """Everything was compared with the payment provider."""
    message = facts.ReconciliationCompleted(
        id=str(row.id), checked=row.checked, repaired=row.repaired, failed=row.failed
    )
    events.emit(session, message, restaurant_id=None, aggregate_id=row.id)
