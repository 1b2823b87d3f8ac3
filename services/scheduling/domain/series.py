"""Shifts that come back on several days."""

from datetime import date, timedelta
from itertools import islice
from typing import Final

from servicekit.errors import Invalid
from services.scheduling.domain.recurrence import days, rule_of

WORDS: Final = {
    "DAILY": "FREQ=DAILY",
    "WEEKLY": "FREQ=WEEKLY",
    "BIWEEKLY": "FREQ=WEEKLY;INTERVAL=2",
    "MONTHLY": "FREQ=MONTHLY",
}
MOST: Final = 100
REACH: Final = timedelta(weeks=12)
"""How far a series goes that names no end."""


def days_of(pattern: str, first: date, until: date | None) -> list[date]:
    """The days of a series that begins on a day, the first included: by a usual word or a rule of RFC 5545.

    Raises Invalid for what is neither, for an end before the beginning, and for too many days.
    """
    rule = WORDS.get(pattern.strip().upper()) or rule_of(pattern, "recurrence_pattern")
    last = until or first + REACH
    if last < first:
        raise Invalid.field("recurrence_end_date", "Must not be before the first day.")
    found = list(islice(sorted({first, *days(rule, first, first, last)}), MOST + 1))
    if len(found) > MOST:
        raise Invalid.field("recurrence_end_date", f"At most {MOST} shifts at once.")
    return found
