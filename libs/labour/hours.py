"""Arithmetic on working time. Every instant is aware; hours are those that pass, whatever the clocks show."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
ZERO = timedelta(0)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Time from `start` up to, and without, `end`. Raises ValueError unless both are aware and in order."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a period needs aware instants")
        # Compared in UTC: two instants of one zone compare by their wall clocks, which run twice through one hour.
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end <= self.start:
            raise ValueError("a period ends after it starts")

    @property
    def length(self) -> timedelta:
        """The time that passes."""
        return self.end - self.start

    def overlaps(self, other: "Period") -> bool:
        """Whether some instant lies in both; periods that only touch do not overlap."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Period") -> bool:
        """Whether every instant of the other lies in this one."""
        return self.start <= other.start and other.end <= self.end


def intersection(one: Period, other: Period) -> Period | None:
    """What two periods have in common, or None."""
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Period(start, end) if start < end else None


def total(periods: Iterable[Period]) -> timedelta:
    """The time covered by the periods; what several cover counts once."""
    covered = ZERO
    until: datetime | None = None
    for period in sorted(periods):
        start = period.start if until is None or period.start > until else until
        if period.end > start:
            covered += period.end - start
            until = period.end
    return covered


def by_day(period: Period, zone: ZoneInfo) -> Iterator[tuple[date, Period]]:
    """The period cut at the midnights of a zone."""
    start = period.start
    while start < period.end:
        day = start.astimezone(zone).date()
        midnight = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        end = min(period.end, midnight)
        yield day, Period(start, end)
        start = end


def net_hours(period: Period, unpaid_break: timedelta) -> timedelta:
    """The working time of a shift; a break is never longer than the shift."""
    return max(period.length - max(unpaid_break, ZERO), ZERO)


def rest_between(one: Period, other: Period) -> timedelta:
    """The time between the earlier and the later period; zero when they touch or overlap."""
    first, second = sorted((one, other))
    return max(second.start - first.end, ZERO)


def hours(length: timedelta) -> Decimal:
    """A length in hours with two decimals."""
    return (Decimal(length // timedelta(seconds=1)) / 3600).quantize(Decimal("0.01"))
