"""What may be done with a timesheet, and by whom."""

from datetime import date, timedelta
from typing import Final

DRAFT: Final = "DRAFT"
SUBMITTED: Final = "SUBMITTED"
APPROVED: Final = "APPROVED"
PAID: Final = "PAID"
REJECTED: Final = "REJECTED"

LOCKED: Final = frozenset({APPROVED, PAID})
EDITABLE: Final = frozenset({DRAFT, REJECTED})
LONGEST: Final = timedelta(days=62)

STEPS: Final = {"submit": (DRAFT, SUBMITTED), "approve": (SUBMITTED, APPROVED), "reject": (SUBMITTED, REJECTED)} | {
    "mark_paid": (APPROVED, PAID)
}
"""From which status each step leads to which."""


def problem_with_period(first: date, last: date) -> str | None:
    """What is wrong with a period, or None."""
    if last <= first:
        return "Must be after the start date."
    if last - first > LONGEST:
        return f"At most {LONGEST.days} days after the start date."
    return None


def refusal_of_step(step: str, status: str) -> str | None:
    """Why a step cannot be taken from a status, or None."""
    needed, _ = STEPS[step]
    if status == needed:
        return None
    done = {"submit": "submitted", "approve": "approved", "reject": "rejected", "mark_paid": "marked as paid"}[step]
    return f"Only timesheets with status {needed} can be {done}; this one is {status}."
