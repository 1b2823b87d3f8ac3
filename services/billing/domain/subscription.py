"""The states of a subscription, which are those of the payment provider, and what they mean."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

INCOMPLETE: Final = "incomplete"
TRIALING: Final = "trialing"
ACTIVE: Final = "active"
PAST_DUE: Final = "past_due"
UNPAID: Final = "unpaid"
CANCELED: Final = "canceled"
STATUSES: Final = (INCOMPLETE, "incomplete_expired", TRIALING, ACTIVE, PAST_DUE, CANCELED, UNPAID)
RUNNING: Final = frozenset({TRIALING, ACTIVE, PAST_DUE, UNPAID})
"""What can be changed and canceled; a checkout would buy a second one beside it."""
TRIAL_NOTICE: Final = timedelta(days=3)
"""How long before its end a trial is spoken of."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A subscription as the payment provider has it at one moment."""

    stripe_subscription_id: str
    status: str
    price_id: str | None
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    trial_end: datetime | None
    canceled_at: datetime | None
    created: datetime


@dataclass(frozen=True, slots=True)
class InvoiceMirror:
    """An invoice as the payment provider has it at one moment; amounts in the currency's smallest unit."""

    stripe_invoice_id: str
    number: str | None
    status: str
    currency: str
    total: int
    amount_paid: int
    amount_remaining: int
    attempt_count: int
    created: datetime
    due_at: datetime | None
    paid_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    next_attempt_at: datetime | None
    hosted_url: str | None
    pdf_url: str | None
    subscription_id: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the payment provider has of one customer, read in one go."""

    subscriptions: tuple[Mirror, ...]
    invoices: tuple[InvoiceMirror, ...]

    @property
    def current(self) -> Mirror | None:
        """The subscription that counts: a running one before any other, then the newest."""
        return max(
            self.subscriptions,
            key=lambda one: (one.status in RUNNING, one.created, one.stripe_subscription_id),
            default=None,
        )

    @property
    def overdue_since(self) -> datetime | None:
        """Since when a payment is owed; None unless the subscription that counts is behind with one."""
        current = self.current
        if current is None or current.status not in {PAST_DUE, UNPAID}:
            return None
        owed = [
            invoice.created
            for invoice in self.invoices
            if invoice.status in {"open", "uncollectible"}
            and invoice.subscription_id == current.stripe_subscription_id
            and invoice.attempt_count
        ]
        return min(owed, default=current.current_period_start)


def trial_is_due(status: str, stripe_subscription_id: str | None, trial_end: datetime | None, now: datetime) -> bool:
    """Whether a trial that nobody paid for is over."""
    return status == TRIALING and stripe_subscription_id is None and trial_end is not None and trial_end <= now


def should_tell_of_trial_end(trial_end: datetime | None, now: datetime) -> bool:
    """Whether a running trial is so near its end that it should be told."""
    return trial_end is not None and now < trial_end <= now + TRIAL_NOTICE
