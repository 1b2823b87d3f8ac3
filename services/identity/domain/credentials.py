"""Rules about passwords, PINs and failed attempts."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MAX_FAILURES: Final = 5
LOCK: Final = timedelta(minutes=30)
FAILURE_WINDOW: Final = timedelta(minutes=30)
PIN: Final = re.compile(r"[0-9]{4,6}")
SPECIAL_CHARACTERS: Final = frozenset('!@#$%^&*(),.?":{}|<>')


def password_problem(password: str) -> str | None:
    """What is wrong with a new password of an administrative account, or None."""
    if len(password) < 8:
        return "Password must be at least 8 characters long."
    if not any(character.isupper() for character in password):
        return "Password must contain at least one uppercase letter."
    if not any(character.islower() for character in password):
        return "Password must contain at least one lowercase letter."
    if not any(character.isdigit() for character in password):
        return "Password must contain at least one digit."
    if not any(character in SPECIAL_CHARACTERS for character in password):
        return 'Password must contain at least one special character (!@#$%^&*(),.?":{}|<>).'
    return None


def is_pin(text: str) -> bool:
    """Whether a text is a PIN: 4 to 6 digits."""
    return PIN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failures counted against an account, a device, an address or a restaurant."""

    failures: int = 0
    window_started_at: datetime | None = None
    locked_until: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        """Whether attempts are refused without looking at them."""
        return self.locked_until is not None and now < self.locked_until

    def after_failure(self, now: datetime, limit: int = MAX_FAILURES) -> "Attempts":
        """One more failure; the count starts anew after a lock or a quiet window, and the limit locks."""
        lock_is_over = self.locked_until is not None and now >= self.locked_until
        quiet = self.window_started_at is not None and now - self.window_started_at > FAILURE_WINDOW
        if lock_is_over or quiet or self.window_started_at is None:
            failures, started = 1, now
        else:
            failures, started = self.failures + 1, self.window_started_at
        return Attempts(failures, started, now + LOCK if failures >= limit else None)


REFRESH_GRACE: Final = timedelta(seconds=10)


def refresh_verdict(presented: int, current: int, rotated_at: datetime, now: datetime) -> str:
    """What a refresh token of one generation deserves when its session stands at another.

    "rotate" for the present one, "repeat" for the one before while its answer may still be under way, "reuse" for any
    other: somebody has a copy.
    """
    if presented == current:
        return "rotate"
    if presented == current - 1 and now - rotated_at <= REFRESH_GRACE:
        return "repeat"
    return "reuse"


MIN_STAFF_PASSWORD_LENGTH: Final = 4


def reset_problem(password: str, *, administrative: bool) -> str | None:
    """What is wrong with a password that a manager sets for somebody, or None; staff may have short ones."""
    if not password:
        return "Password is required"
    if len(password) < MIN_STAFF_PASSWORD_LENGTH:
        return f"Password must be at least {MIN_STAFF_PASSWORD_LENGTH} characters"
    return password_problem(password) if administrative else None
