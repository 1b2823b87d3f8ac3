"""When a person's document runs out, and when to say so."""

import re
from datetime import date
from typing import Final

REMINDER_DAYS: Final = (30, 7, 1)
"""How many days before the expiry reminders go out, the earliest first."""


def due_reminder(today: date, expires_on: date, last: int | None) -> int | None:
    """The reminder that is due, as its days before the expiry; None when none is, or it went out already.

    A day on which nothing ran is made up for, by the latest of the reminders that were missed.
    """
    left = (expires_on - today).days
    if left < 0:
        return None
    due = min((days for days in REMINDER_DAYS if left <= days), default=None)
    return due if due is not None and (last is None or due < last) else None


_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
_MAX_STEM: Final = 150


def save_name(title: str, file_key: str) -> str:
    """A name to save a stored file under: a title without what file systems refuse, and the ending of its type."""
    ending = file_key.rpartition(".")[2].lower()
    stem = _UNSAFE.sub("_", title).strip(" .")
    if stem.lower().endswith(f".{ending}"):
        stem = stem[: -len(ending) - 1].rstrip(" .")
    return f"{stem[:_MAX_STEM] or 'file'}.{ending}"
