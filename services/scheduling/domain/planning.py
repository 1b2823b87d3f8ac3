"""Rules of planning: colours, roles, usual hours, states, and what a publication changes for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from hashlib import md5
from typing import Any, Final
from uuid import UUID

PALETTE: Final = (
    "#3B82F6",
    "#10B981",
    "#F59E0B",
    "#EF4444",
    "#8B5CF6",
    "#06B6D4",
    "#EC4899",
    "#84CC16",
    "#F97316",
    "#14B8A6",
)
DEFAULT_ROLE: Final = "SERVER"
USUAL_HOURS: Final[Mapping[str, tuple[time, time]]] = {
    "CHEF": (time(10), time(18)),
    "WAITER": (time(11), time(19)),
    "CASHIER": (time(11), time(19)),
    "CLEANER": (time(6), time(14)),
}
OTHER_HOURS: Final = (time(9), time(17))
FULL_WEEK: Final = timedelta(hours=48)
OVER: Final = frozenset({"COMPLETED", "CANCELLED", "NO_SHOW"})


def color_of(person: UUID) -> str:
    """The colour in which somebody's shifts are shown: the same one always."""
    digest = md5(str(person).encode(), usedforsecurity=False).hexdigest()
    return PALETTE[int(digest[:8], 16) % len(PALETTE)]


def role_code(text: str | None) -> str:
    """A role as it is kept: without spaces around it, in capitals, with underscores."""
    return "_".join((text or "").strip().replace("-", " ").split()).upper()


def usual_hours(role: str) -> tuple[time, time]:
    """When a role works where a template does not say so."""
    return USUAL_HOURS.get(role, OTHER_HOURS)


def availability_score(planned: timedelta, days: int) -> float:
    """How free somebody is who is planned for so long in so many days: 100 for nothing, 0 for a full week of work."""
    full = FULL_WEEK * max(1.0, days / 7)
    return round(max(0.0, 1 - planned / full) * 100, 2)


@dataclass
class Changes:
    """What a publication brings one person, by shift."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def changes_for_people(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Changes]:
    """For everybody for whom two states of a week differ: which shifts are new, other than they were, or gone.

    A state maps a shift's id to `{"people": [ids], "facts": ...}`; facts that are equal are no change.
    """
    found: dict[str, Changes] = {}
    for shift_id in {*before, *after}:
        old, new = before.get(shift_id), after.get(shift_id)
        had: Sequence[str] = old["people"] if old else ()
        have: Sequence[str] = new["people"] if new else ()
        for person in {*had, *have}:
            if person not in had:
                found.setdefault(person, Changes()).added.append(shift_id)
            elif person not in have:
                found.setdefault(person, Changes()).removed.append(shift_id)
            elif old and new and old["facts"] != new["facts"]:
                found.setdefault(person, Changes()).changed.append(shift_id)
    return found
