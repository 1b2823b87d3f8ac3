"""Rows to messages."""

from typing import Any

from mizan.billing.v1 import plan_pb2, subscription_pb2
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
    )


def subscription_message(row: Any | None) -> subscription_pb2.Subscription:
    """A subscription with its plan; one of a restaurant that has none yet is incomplete."""
    if row is None:
        return subscription_pb2.Subscription(status=INCOMPLETE)
    message = subscription_pb2.Subscription(id=row.id, status=row.status, cancel_at_period_end=row.cancel_at_period_end)
    if row.current_period_start is not None:
        message.current_period_start.FromDatetime(row.current_period_start)
    if row.current_period_end is not None:
        message.current_period_end.FromDatetime(row.current_period_end)
    if row.plan_id is not None:
        message.plan.CopyFrom(plan_message(row, "plan_"))
    return message
