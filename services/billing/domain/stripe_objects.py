"""Reading Stripe's objects, of the pinned version and of older ones that events may still be written in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from services.billing.domain.subscription import STATUSES, UNPAID, InvoiceMirror, Mirror

Object = Mapping[str, Any]

RELEVANT: Final = ("customer.subscription.", "invoice.", "checkout.session.")
"""Events that something changed in what is mirrored here; what exactly is asked of Stripe."""


def is_relevant(event_type: str) -> bool:
    """Whether an event may have changed a subscription or an invoice."""
    return event_type.startswith(RELEVANT)


def customer_of(event: Object) -> str:
    """The customer that an event is about; empty when it is about none."""
    found = _reference(_part(_part(event, "data"), "object").get("customer"))
    return found or ""


def is_foreign(event: Object, *, livemode: bool) -> bool:
    """Whether an event belongs to a connected account or to the other of the test and live worlds."""
    return bool(event.get("account")) or event.get("livemode") is not livemode


def mirror_of(subscription: Object) -> Mirror:
    """A subscription. Raises KeyError or TypeError for what is none."""
    items = _part(subscription, "items").get("data") or [{}]
    item = items[0]
    price = item.get("price") or item.get("plan") or subscription.get("plan") or {}
    status = subscription["status"]
    return Mirror(
        stripe_subscription_id=subscription["id"],
        # Stripe pauses what was tried without a card: nobody pays, as with an unpaid one.
        status=status if status in STATUSES else UNPAID,
        price_id=_reference(price),
        current_period_start=_moment(item.get("current_period_start") or subscription.get("current_period_start")),
        current_period_end=_moment(item.get("current_period_end") or subscription.get("current_period_end")),
        cancel_at_period_end=bool(subscription.get("cancel_at_period_end")),
        trial_end=_moment(subscription.get("trial_end")),
        canceled_at=_moment(subscription.get("canceled_at")),
        created=_instant(subscription["created"]),
    )


def item_of(subscription: Object) -> str:
    """The id of the line that holds the plan. Raises LookupError for a subscription without lines."""
    return str(_part(subscription, "items")["data"][0]["id"])


def invoice_of(invoice: Object) -> InvoiceMirror:
    """An invoice. Raises KeyError or TypeError for what is none."""
    details = _part(_part(invoice, "parent"), "subscription_details")
    status = invoice["status"]
    return InvoiceMirror(
        stripe_invoice_id=invoice["id"],
        number=invoice.get("number"),
        status=status,
        currency=invoice["currency"].upper(),
        total=invoice["total"],
        amount_paid=invoice["amount_paid"],
        amount_remaining=invoice["amount_remaining"],
        attempt_count=invoice.get("attempt_count") or 0,
        created=_instant(invoice["created"]),
        due_at=_moment(invoice.get("due_date")),
        paid_at=_moment(_part(invoice, "status_transitions").get("paid_at")),
        period_start=_moment(invoice.get("period_start")),
        period_end=_moment(invoice.get("period_end")),
        next_attempt_at=_moment(invoice.get("next_payment_attempt")),
        hosted_url=invoice.get("hosted_invoice_url"),
        pdf_url=invoice.get("invoice_pdf"),
        subscription_id=_reference(details.get("subscription") or invoice.get("subscription")),
    )


def _part(value: Object, name: str) -> Object:
    part = value.get(name)
    return part if isinstance(part, Mapping) else {}


def _reference(value: Any) -> str | None:
    """The id of what is named or embedded."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and found else None


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else _instant(seconds)
