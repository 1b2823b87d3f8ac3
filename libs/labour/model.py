"""What a rule pack is made of."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a rule is written down."""

    source: str
    article: str

    def __str__(self) -> str:
        return f"{self.source}, {self.article}"


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """One limit and where it comes from."""

    value: T
    citation: Citation


@dataclass(frozen=True, slots=True)
class OvertimeTier:
    """What an hour beyond the normal week is paid, as a multiple of the normal hour."""

    by_day: Decimal
    by_night: Decimal
    by_day_on_rest_day: Decimal
    by_night_on_rest_day: Decimal


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of a pack. A limit that the place does not set is None."""

    effective_from: date
    effective_until: date | None
    """The first day on which the version is no longer in force; None while it is."""
    daily_limit: Rule[timedelta] | None
    """The longest working time within a day, breaks not counted."""
    normal_week: Rule[timedelta]
    """Hours of a week beyond these are overtime."""
    rest_between_days: Rule[timedelta] | None
    """The shortest time between the end of one working day and the start of the next."""
    weekly_rest: Rule[timedelta]
    """The shortest uninterrupted rest within each week."""
    break_after: Rule[timedelta] | None
    """Working longer than this without a break is not allowed."""
    night: Rule[tuple[time, time]]
    """From when until when work is night work; the end lies on the next day when it is not after the start."""
    overtime: Rule[OvertimeTier] | None
    yearly_overtime_limit: Rule[timedelta] | None
    minimum_age: Rule[int]

    def in_force(self, day: date) -> bool:
        """Whether this version holds on a day."""
        return self.effective_from <= day and (self.effective_until is None or day < self.effective_until)


@dataclass(frozen=True, slots=True)
class RulePack:
    """The rules of one place, in all versions; the newest stands last."""

    place: str
    """ISO 3166-1 alpha-2 code of the country, or ZZ for no particular one."""
    name: str
    versions: tuple[Rules, ...]

    def on(self, day: date) -> Rules:
        """The version in force on a day; before the first one, the first."""
        return next((rules for rules in reversed(self.versions) if rules.in_force(day)), self.versions[0])


@dataclass(frozen=True, slots=True)
class Policy:
    """What one restaurant goes by on one day: the rules of its place, and its own limits where it sets them."""

    rules: Rules
    weekly_limit: timedelta
    rest_between_days: timedelta
    daily_limit: timedelta | None
    sources: tuple[tuple[str, str], ...]
    """For each of weekly_limit, rest_between_days and daily_limit, who says so."""

    def source_of(self, limit: str) -> str:
        """Who says so: a citation, or the restaurant's own settings."""
        return dict(self.sources).get(limit, "")
