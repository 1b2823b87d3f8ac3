"""One database of time zones: the pinned package's, on every machine and in every query.

Governments change their clocks at short notice, so that two databases of different age disagree about the offset of the
same place. The machine's own is therefore not read, and PostgreSQL, which has one of its own, is never told a zone's
name: it is given the instants at which the offset changes.
"""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import tzdata

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

DATABASE_VERSION: str = tzdata.IANA_VERSION
"""The release of the database, as in 2026f."""


def use_one_database() -> None:
    """Has Python find every zone in the package alone, whatever the machine has."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()


def local_instant(day: date, at: time, zone: zoneinfo.ZoneInfo) -> datetime:
    """A wall-clock time as an instant: the first of two where clocks go back, the jump where it is skipped."""
    wall = datetime.combine(day, at, zone)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    # Skipped: read with the offset after the jump it lies before it, read with the one before it lies after it.
    return _jump(wall.replace(fold=1).astimezone(UTC), instant, zone)


def beginning_of(day: date, zone: zoneinfo.ZoneInfo, starts_at: time = time.min) -> datetime:
    """The instant at which a day begins in a zone, in UTC. Raises OverflowError at the ends of the calendar."""
    return local_instant(day, starts_at, zone)


def day_of(instant: datetime, zone: zoneinfo.ZoneInfo, starts_at: time = time.min) -> date:
    """The day of an instant in a zone: what happens before a day begins counts to the day before."""
    day = instant.astimezone(zone).date()
    # By instants: where clocks go back, they show the time at which the day begins twice.
    return day if beginning_of(day, zone, starts_at) <= instant else day - _DAY


def offset_parameters(zone: zoneinfo.ZoneInfo, since: datetime, until: datetime) -> dict[str, Any]:
    """What `local_time` is told of a zone: right for every instant between two.

    Beyond them the first and the last offset are taken to go on.
    """
    changes = [
        (instant, offset)
        for year in range(since.astimezone(UTC).year, until.astimezone(UTC).year + 1)
        for instant, offset in _changes(zone.key, year)
        if since < instant <= until
    ]
    return {
        "changes": [instant for instant, _ in changes],
        "offsets": [_offset(zone, since), *(offset for _, offset in changes)],
    }


def local_time(instant: str) -> str:
    """SQL for what a clock shows at an instant; `instant` is SQL too, and the parameters are `offset_parameters`."""
    which = f"1 + width_bucket({instant}, CAST(:changes AS timestamptz[]))"
    return f"(({instant}) AT TIME ZONE 'UTC' + (CAST(:offsets AS interval[]))[{which}])"


@lru_cache(maxsize=1024)
def _changes(key: str, year: int) -> tuple[tuple[datetime, timedelta], ...]:
    """The instants of a year at which a zone's offset becomes another, and that offset."""
    return tuple(_changes_between(zoneinfo.ZoneInfo(key), datetime(year, 1, 1, tzinfo=UTC)))


def _changes_between(zone: zoneinfo.ZoneInfo, start: datetime) -> Iterator[tuple[datetime, timedelta]]:
    # No zone changes twice within a day.
    before, year = start - _SECOND, start.year
    while before.year <= year:
        after = before + _DAY
        if _offset(zone, before) != _offset(zone, after):
            jump = _jump(before, after, zone)
            if jump.year == year:
                yield jump, _offset(zone, jump)
        before = after


def _jump(before: datetime, after: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """The first instant with the later of two offsets, to the second."""
    before, after, old = before.replace(microsecond=0), after.replace(microsecond=0), _offset(zone, before)
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return after


def _offset(zone: zoneinfo.ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()
