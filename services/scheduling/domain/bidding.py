"""Who may ask for a shift that nobody is on, and until when."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from services.scheduling.domain.planning import role_code
from services.scheduling.domain.staffing import alike

OPEN_STATES: Final = ("SCHEDULED", "CONFIRMED")

NOT_OPEN: Final = "This shift is not open for bidding."
TOO_LATE: Final = "The deadline for bids has passed."
OTHER_ROLE: Final = "This shift needs somebody of another role."


def why_not_open(
    people: Collection[object], status: str, starts_at: datetime, deadline: datetime | None, now: datetime
) -> str | None:
    """What keeps people from bidding for a shift; None when nothing does."""
    if people or status not in OPEN_STATES or starts_at <= now:
        return NOT_OPEN
    if deadline is not None and deadline <= now:
        return TOO_LATE
    return None


def can_work(role: str, shift_role: str) -> bool:
    """Whether somebody of a role does the work of a shift's, as the optimizer sees it too."""
    return role_code(shift_role) in alike(role_code(role))
