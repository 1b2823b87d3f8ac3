"""Cutting a period into pieces of which the sums are known, and into the little that has to be read entry by entry.

Sums are kept by days and months of UTC; a restaurant's days begin elsewhere. So each end of a period is rounded to the
nearest midnight of UTC, and what lies between is added or taken off again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

FOREVER: Final = date.max
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Summed:
    """The sums by day, or by month, that start on one of these dates."""

    grain: str
    first: date
    before: date


@dataclass(frozen=True, slots=True)
class Single:
    """Entries of a time, to be counted once or to be taken off."""

    start: datetime
    end: datetime
    sign: int


def pieces(start: datetime, end: datetime | None) -> tuple[list[Summed], list[Single]]:
    """What adds up to everything that took place from `start` until before `end`, or ever since."""
    first = _nearest(start)
    last = FOREVER if end is None else _nearest(end)
    if end is not None and first > last:
        return [], [Single(start, end, 1)]
    single = [_between(start, _midnight(first), 1)]
    if end is not None:
        single.append(_between(_midnight(last), end, 1))
    return list(_sums(first, last)), [one for one in single if one.start < one.end]


def _sums(first: date, last: date) -> Iterator[Summed]:
    """Whole months where there are any, and the days before and after them."""
    whole_from = first if first.day == 1 else (first.replace(day=1) + 32 * _DAY).replace(day=1)
    whole_until = last if last == FOREVER else last.replace(day=1)
    if whole_from >= whole_until:
        parts = [Summed("DAY", first, last)]
    else:
        parts = [
            Summed("DAY", first, whole_from),
            Summed("MONTH", whole_from, whole_until),
            Summed("DAY", whole_until, last),
        ]
    yield from (part for part in parts if part.first < part.before)


def _between(start: datetime, end: datetime, sign: int) -> Single:
    return Single(start, end, sign) if start <= end else Single(end, start, -sign)


def _nearest(instant: datetime) -> date:
    return (instant.astimezone(UTC) + _DAY / 2).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
