"""Who should do a task: candidates by what is known of them, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from services.scheduling.domain.bidding import can_work

PRESENCE, ROLE, LOAD, EXPERIENCE = 0.4, 0.25, 0.25, 0.1
"""What each measure counts for."""

PRIORITIES: Final = {"LOW": 25, "MEDIUM": 50, "HIGH": 75, "URGENT": 100}
LEVELS: Final = ((0, "Available", 1.0), (3, "Light", 0.8), (6, "Moderate", 0.6), (10, "Heavy", 0.4))
OVERLOADED: Final = ("Overloaded", 0.2)
PRACTISED: Final = 5
"""Whoever did something so often lately knows how."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could do a task, as far as it matters."""

    user_id: UUID
    name: str
    role: str
    open_tasks: int = 0
    done_alike: int = 0
    """Tasks of the same kind that they completed lately."""
    is_on_shift: bool = False
    """They work the task's own shift."""
    works_then: bool | None = None
    """They work when the task is to be done; None when nobody knows when that is."""
    is_away: bool = False
    """They have leave then."""
    is_reluctant: bool = False
    """They said that they cannot work then."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A candidate with a score between 0 and 1, and what it is made of in words."""

    candidate: Candidate
    score: float
    reason: str


def load_level(open_tasks: int) -> tuple[str, float]:
    """What people call a load, and how much room it leaves."""
    return next(((name, room) for most, name, room in LEVELS if open_tasks <= most), OVERLOADED)


def recommend(candidates: Iterable[Candidate], shift_role: str | None) -> list[Recommendation]:
    """Those who can do a task of a shift's role, the best first; who is away or not at work then cannot."""
    able = (one for one in candidates if not one.is_away and one.works_then is not False)
    found = [_judged(candidate, shift_role) for candidate in able]
    return sorted(
        found, key=lambda one: (-one.score, one.candidate.open_tasks, one.candidate.name, one.candidate.user_id)
    )


def urgency(priority: str, due: date | None, today: date) -> int:
    """How early a task is given to somebody, the most urgent first."""
    if due is None:
        nearness = 0
    elif due < today:
        nearness = 100
    elif due <= today + timedelta(days=1):
        nearness = 80
    else:
        nearness = 60 if due <= today + timedelta(days=3) else 20
    return PRIORITIES[priority] + nearness


def _judged(candidate: Candidate, shift_role: str | None) -> Recommendation:
    presence, where = _presence(candidate)
    fit, what = _role(candidate.role, shift_role)
    level, room = load_level(candidate.open_tasks)
    practice = min(candidate.done_alike, PRACTISED) / PRACTISED
    score = PRESENCE * presence + ROLE * fit + LOAD * room + EXPERIENCE * practice
    reasons = [*where, *what, f"{_number(candidate.open_tasks, 'open task')} ({level.lower()})"]
    if candidate.done_alike:
        reasons.append(f"did {_number(candidate.done_alike, 'task')} like it in 30 days")
    text = "; ".join(reasons)
    return Recommendation(candidate, round(score, 2), text[0].upper() + text[1:])


def _presence(candidate: Candidate) -> tuple[float, list[str]]:
    if candidate.is_on_shift:
        presence, words = 1.0, ["is on this shift"]
    elif candidate.works_then:
        presence, words = 0.7, ["works then"]
    else:
        presence, words = 0.5, []
    if candidate.is_reluctant:
        return presence / 2, [*words, "said not to be available then"]
    return presence, words


def _role(role: str, shift_role: str | None) -> tuple[float, list[str]]:
    if not shift_role:
        return 0.5, []
    return (
        (1.0, [f"role {role} fits"]) if can_work(role, shift_role) else (0.2, [f"role {role} instead of {shift_role}"])
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
