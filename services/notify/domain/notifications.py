"""How notifications are shown."""

from datetime import datetime, timedelta
from typing import Final

_UNITS: Final = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


def time_ago(moment: datetime, now: datetime) -> str:
    """How long ago something was, in its largest whole unit."""
    passed = now - moment
    for unit, name in _UNITS:
        count = passed // unit
        if count > 0:
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "Just now"
