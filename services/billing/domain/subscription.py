"""The states of a subscription, which are those of the payment provider."""

from typing import Final

INCOMPLETE: Final = "incomplete"
STATUSES: Final = (INCOMPLETE, "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid")
