"""What features are called, and which are none because they work for everybody."""

import re
from typing import Final

ALWAYS: Final = frozenset(
    {
        "timeclock.punch",
        "order.take",
        "order.close",
        "kitchen.work",
        "payment.take",
        "payment.refund",
        "data.read",
        "data.export",
    }
)
"""What keeps a restaurant running, and its data its own; no plan contains it and nothing switches it off."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
LONGEST: Final = 50


def is_name(text: str) -> bool:
    """Whether a feature or a limit may be called so."""
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None
