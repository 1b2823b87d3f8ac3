"""Rows to messages."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from entitlements import ALWAYS
from mizan.billing.v1 import entitlement_pb2, invoice_pb2, plan_pb2, subscription_pb2
from services.billing.clients import PriceQuote
from services.billing.domain.entitlement import OPEN, Standing, grace_until
from services.billing.domain.money import from_minor
from services.billing.domain.subscription import INCOMPLETE


def plan_message(row: Any, prefix: str = "") -> plan_pb2.Plan:
    """The plan in a row's columns, whose names may stand after a prefix."""

    def column(name: str) -> Any:
        return getattr(row, prefix + name)

    return plan_pb2.Plan(
        id=column("id"),
        name=column("name"),
        slug=column("slug"),
        price=str(column("price")),
        currency=column("currency"),
        interval=column("period"),
        features=column("features"),
        is_active=column("is_active"),
        stripe_price_id=column("stripe_price_id"),
        trial_days=column("trial_days"),
        entitled_features=column("entitled_features"),
        limits=_limits(column("limits")),
    )


def subscription_message(row: Any | None, grace: timedelta) -> subscription_pb2.Subscription:
    """A subscription with its plan; one of a restaurant that has none yet is incomplete."""
    if row is None:
        return subscription_pb2.Subscription(status=INCOMPLETE)
    message = subscription_pb2.Subscription(
        id=row.id, status=row.status, cancel_at_period_end=row.cancel_at_period_end, version=row.version
    )
    _stamp(message.current_period_start, row.current_period_start)
    _stamp(message.current_period_end, row.current_period_end)
    _stamp(message.trial_end, row.trial_end)
    _stamp(message.past_due_since, row.past_due_since)
    _stamp(message.grace_until, grace_until(Standing(row.status, past_due_since=row.past_due_since), grace))
    if row.plan_id is not None:
        message.plan.CopyFrom(plan_message(row, "plan_"))
    return message


def invoice_message(row: Any) -> invoice_pb2.Invoice:
    """An invoice, its amounts as people write them."""
    message = invoice_pb2.Invoice(
        id=str(row.id),
        number=row.number,
        status=row.status,
        currency=row.currency,
        total=str(from_minor(row.total, row.currency)),
        amount_paid=str(from_minor(row.amount_paid, row.currency)),
        amount_remaining=str(from_minor(row.amount_remaining, row.currency)),
        attempt_count=row.attempt_count,
        hosted_url=row.hosted_url,
        pdf_url=row.pdf_url,
    )
    for name in ("created_at", "due_at", "paid_at", "period_start", "period_end", "next_attempt_at"):
        _stamp(getattr(message, name), getattr(row, name))
    return message


def preview_message(quote: PriceQuote, *, due_now: bool) -> subscription_pb2.ChangePreview:
    """What a change would cost."""
    return subscription_pb2.ChangePreview(
        amount=str(from_minor(quote.amount, quote.currency)),
        currency=quote.currency,
        due_now=due_now,
        lines=[
            subscription_pb2.PreviewLine(
                description=description, amount=str(from_minor(amount, quote.currency)), proration=proration
            )
            for description, amount, proration in quote.lines
        ],
    )


def entitlements_message(row: Any | None) -> entitlement_pb2.Entitlements:
    """What a restaurant may use; everything while nothing is known of it."""
    if row is None:
        return entitlement_pb2.Entitlements(unlimited=True, reason=OPEN, always=sorted(ALWAYS))
    message = entitlement_pb2.Entitlements(
        unlimited=row.unlimited,
        features=row.features,
        limits=_limits(row.limits),
        plan=row.plan,
        reason=row.reason,
        always=sorted(ALWAYS),
        version=row.version,
    )
    _stamp(message.valid_until, row.valid_until)
    return message


def _limits(limits: Mapping[str, int]) -> list[plan_pb2.Limit]:
    return [plan_pb2.Limit(name=name, value=value) for name, value in sorted(limits.items())]


def _stamp(field: Any, moment: datetime | None) -> None:
    # An instant that is absent leaves its field unset.
    if moment is not None:
        field.FromDatetime(moment)
