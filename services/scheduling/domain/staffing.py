"""Who is needed when: from a template, from what a manager asks for, or from the sales to be expected."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from services.scheduling.domain.clock import DEFAULT_BREAK_MINUTES
from services.scheduling.rostering.forecast import LEVELS, Forecast, Kind, Staffing
from services.scheduling.rostering.model import DAY, WEEK, IntervalDemand

QUARTER: Final = 15
USUAL_OPENING: Final = (11 * 60, 23 * 60)
"""When a restaurant is taken to be open that has not said when it is."""

MANAGERS: Final = frozenset({"SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER"})
"""Roles that are planned where a shift names them, and never by what is sold."""

_ALIKE: Final = (("WAITER", "WAITRESS", "SERVER"), ("HOST", "HOSTESS"), ("CHEF", "COOK"))
_GROUPS: Final = {role: group for group in _ALIKE for role in group}
_DEPARTMENTS: Final = {
    "kitchen": frozenset({"CHEF", "COOK", "SOUS_CHEF", "PASTRY_CHEF", "KITCHEN_HELP", "KITCHEN_STAFF", "DISHWASHER"}),
    "service": frozenset(
        {
            "WAITER",
            "WAITRESS",
            "SERVER",
            "BARTENDER",
            "BARISTA",
            "SOMMELIER",
            "HOST",
            "HOSTESS",
            "RUNNER",
            "BUSSER",
            "CASHIER",
        }
    ),
}
_KINDS: Final = {
    "FINE_DINING": Kind.FINE_DINING,
    "CASUAL_DINING": Kind.CASUAL,
    "FAST_FOOD": Kind.FAST_FOOD,
    "CAFE": Kind.CAFE,
    "BAR": Kind.BAR,
}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# What part of their hours people are planned for by a profile: the rest is leave, sickness and what no curve shows.
_PLANNED_SHARE: Final = 0.7
# Fewer hours than these say nothing about how much one person gets done.
_TELLING_HOURS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Slot:
    """How many people of a role a shift wants; `day` counts from the Monday, `start` in minutes from its midnight."""

    role: str
    day: int
    start: int
    minutes: int
    staff: int
    break_minutes: int = 0

    @property
    def place(self) -> tuple[str, int, int, int]:
        """What tells it from other slots."""
        return (canonical(self.role), self.day, self.start, self.minutes)


def canonical(role: str) -> str:
    """One name for roles that do the same work, such as waiter and waitress."""
    return _GROUPS[role][0] if role in _GROUPS else role


def alike(role: str) -> frozenset[str]:
    """The roles whose shifts somebody of this role can work."""
    return frozenset(_GROUPS.get(role, (role,)))


def in_department(role: str, department: str) -> bool:
    """Whether a role belongs to the kitchen or to the service; every role does to anything else."""
    roles = _DEPARTMENTS.get(department.strip().lower())
    return roles is None or role in roles


def break_of(minutes: int) -> int:
    """The unpaid break of a shift for which none is stated."""
    return DEFAULT_BREAK_MINUTES if minutes > 2 * DEFAULT_BREAK_MINUTES else 0


def scaled(staff: int, level: str | None) -> int:
    """A number of people at a level of demand: never none where some were wanted."""
    return max(1, int(staff * LEVELS[level or "MEDIUM"] + 0.5)) if staff > 0 else 0


def kind_of(restaurant_type: str) -> Kind:
    """Whose profile a restaurant without history goes by."""
    return _KINDS.get(restaurant_type, Kind.CASUAL)


def opening_hours(stated: Any) -> dict[int, list[tuple[int, int]]]:
    """Opening hours by day of the week in minutes, from the restaurant's settings; closing may lie past midnight."""
    named = {str(name).lower(): hours for name, hours in stated.items()} if isinstance(stated, Mapping) else {}
    found: dict[int, list[tuple[int, int]]] = {}
    for weekday, name in enumerate(_DAYS):
        hours = named.get(name)
        if not named:
            found[weekday] = [USUAL_OPENING]
        elif isinstance(hours, Mapping) and not hours.get("isClosed"):
            opens, closes = _minutes(hours.get("open")), _minutes(hours.get("close"))
            if opens is not None and closes is not None and opens != closes:
                found[weekday] = [(opens, closes if closes > opens else closes + DAY)]
    return found


def _minutes(text: Any) -> int | None:
    parts = str(text or "").split(":")
    if len(parts) < 2 or not all(part.isdigit() for part in parts[:2]):
        return None
    minutes = int(parts[0]) * 60 + int(parts[1])
    return minutes if minutes <= DAY else None


def staffing(
    expected: Forecast,
    team: Iterable[str],
    weekly_limit: timedelta,
    *,
    sold: float = 0.0,
    planned: Mapping[str, float] | None = None,
) -> list[Staffing]:
    """How many sales one person of each role is expected to serve.

    What the restaurant itself planned tells it: `sold` in the same days as the hours `planned` by role. Without
    that, the team is taken to be large enough for an average week.
    """
    roles = Counter(canonical(role) for role in team if role not in MANAGERS)
    weeks = max(1.0, len(expected.sales) / WEEK)
    total = float(expected.sales.sum())
    open_hours = float(expected.open.sum()) * QUARTER / 60
    found = []
    for role, people in sorted(roles.items()):
        capacity = people * weekly_limit.total_seconds() / 3600 * _PLANNED_SHARE * weeks
        hours = (planned or {}).get(role, 0.0)
        if sold > 0 and hours >= _TELLING_HOURS:
            per_person = sold / hours
        else:
            # Rounding up to whole people adds half a person to each hour.
            per_person = total / max(capacity * 0.3, capacity - open_hours / 2) if capacity else 0.0
        if per_person > 0:
            found.append(Staffing(role, per_person, least=int(capacity >= open_hours), most=people))
    return found


def without_planned(
    wanted: Sequence[IntervalDemand], planned: Iterable[tuple[str, int, int]]
) -> tuple[IntervalDemand, ...]:
    """Demand less who is planned already: people of a role from one minute of the week to another."""
    there: Counter[tuple[str, int]] = Counter()
    for role, start, end in planned:
        for minute in range(-(-start // QUARTER) * QUARTER, end - QUARTER + 1, QUARTER):
            there[canonical(role), minute] += 1
    left = []
    for need in wanted:
        quarters = range(need.start, need.start + need.minutes, QUARTER)
        left.append(replace(need, need=max(0, need.need - min(there[need.role, minute] for minute in quarters))))
    return tuple(left)
