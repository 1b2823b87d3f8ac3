"""The states of a delivery, and what follows from what a provider answered.

A delivery is claimed (SENDING) in a transaction of its own before the provider is asked, and settled in another one
afterwards. One that is found claimed by a run that is over was perhaps sent: it becomes UNCERTAIN and is never sent
again; the provider's status reports settle it where there are any.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.notify.domain.channels import AGENT

PENDING: Final = "PENDING"
SENDING: Final = "SENDING"
UNCERTAIN: Final = "UNCERTAIN"
SENT: Final = "SENT"
DELIVERED: Final = "DELIVERED"
READ: Final = "READ"
FAILED: Final = "FAILED"
SKIPPED: Final = "SKIPPED"
CANCELLED: Final = "CANCELLED"
STATES: Final = (PENDING, SENDING, UNCERTAIN, SENT, DELIVERED, READ, FAILED, SKIPPED, CANCELLED)

TAKEN: Final = (SENT, DELIVERED, READ)
"""The provider has it."""
OPEN: Final = (PENDING, SENDING)

_PROGRESS: Final = {PENDING: 0, SENDING: 0, UNCERTAIN: 1, SENT: 2, FAILED: 3, DELIVERED: 4, READ: 5}

MAX_ATTEMPTS: Final = 8
_MAX_ATTEMPTS_OF: Final = {AGENT: 20}
"""A server that is away for hours hears of what happened when it is back: nobody waits for it."""
FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it."""

    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will not take it, however often it is asked."""

    error: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """The provider certainly did not take it now, and may later."""

    error: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say whether the provider took it: the answer did not arrive."""

    error: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """There is nothing to ask the provider for, such as for somebody without a phone."""

    reason: str


Outcome = Sent | Refused | Postponed | Unknown | Skipped


def max_attempts(channel: str) -> int:
    """How often a provider is asked."""
    return _MAX_ATTEMPTS_OF.get(channel, MAX_ATTEMPTS)


def pause_after(attempt: int, asked: timedelta | None = None) -> timedelta:
    """How long to wait after the given failed attempt, counted from 1, and at least as long as the provider asked."""
    doublings = min(max(attempt, 1) - 1, 20)
    grown = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << doublings))
    return max(grown, min(asked, LONGEST_PAUSE)) if asked is not None else grown


def version_of(state: str) -> int:
    """How far a delivery with this state is; a later report means a greater number."""
    return _PROGRESS.get(state, 0)


def after_report(state: str, reported: str) -> str:
    """The state after a provider's report. Reports come in any order: one that says less than is known changes nothing.

    A delivery that was never asked for stays as it is, and a failure that is reported after the arrival is ignored.
    """
    if state not in _PROGRESS or reported not in _PROGRESS:
        return state
    return reported if _PROGRESS[reported] > _PROGRESS[state] else state
