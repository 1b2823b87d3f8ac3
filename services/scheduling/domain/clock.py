"""Times and lengths as clients send and read them."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from labour import Period
from servicekit.errors import Invalid
from servicekit.zones import local_instant

DEFAULT_BREAK_MINUTES: Final = 30
LONGEST_SHIFT: Final = timedelta(hours=24)
LONGEST_MINUTES: Final = 31 * 24 * 60
# A day on which no zone moves its clocks.
_ANY_DAY: Final = date(2026, 1, 15)


def minutes_of(value: Any, field: str) -> int | None:
    """A length in minutes from HH:MM, HH:MM:SS or a number of minutes. Raises Invalid for anything else."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool):
            raise ValueError("a truth value is no length")
        if isinstance(value, int | float):
            minutes = round(value)
        else:
            parts = [int(part) for part in str(value).split(":")]
            if len(parts) == 1:
                minutes = parts[0]
            else:
                hours, rest, *seconds = parts
                if len(seconds) > 1 or not 0 <= rest < 60:
                    raise ValueError("not HH:MM:SS")
                minutes = hours * 60 + rest
    except (ValueError, OverflowError) as error:
        raise Invalid.field(field, "Duration has wrong format. Use HH:MM:SS or a number of minutes.") from error
    if not 0 <= minutes <= LONGEST_MINUTES:
        raise Invalid.field(field, "This duration is out of range.")
    return minutes


@lru_cache(maxsize=1024)
def length_text(minutes: int) -> str:
    """Minutes as HH:MM:SS."""
    return f"{minutes // 60:02}:{minutes % 60:02}:00"


def duration_text(minutes: int | None) -> str | None:
    """Minutes as HH:MM:SS, and nothing as nothing."""
    return None if minutes is None else length_text(minutes)


def shift_of(day: date, start: str, end: str, zone: ZoneInfo) -> Period:
    """When a shift is, from a day and two texts: times of day, or instants in ISO 8601.

    A time of day that is not after the start is that of the next day. Raises Invalid for texts that are neither, for an
    end before the start, and for more than a day.
    """
    begins, start_is_time = _moment(day, start, zone, "start_time")
    ends, end_is_time = _moment(begins.astimezone(zone).date(), end, zone, "end_time")
    if end_is_time and ends <= begins and (not start_is_time or _clock(end) != _clock(start)):
        ends, _ = _moment(begins.astimezone(zone).date() + timedelta(days=1), end, zone, "end_time")
    if ends <= begins:
        raise Invalid.field("end_time", "End time must be after start time.", code="invalid_times")
    if ends - begins > LONGEST_SHIFT:
        raise Invalid.field("end_time", "A shift lasts at most a day.", code="invalid_times")
    return Period(begins, ends)


def time_of_day(text: str, zone: ZoneInfo, field: str) -> time:
    """What the clock on the wall says at a time of day or at an instant in ISO 8601. Raises Invalid."""
    return _moment(_ANY_DAY, text, zone, field)[0].astimezone(zone).time()


def wall_clock(text: str, zone: ZoneInfo, field: str) -> datetime:
    """What calendar and clock on the wall say at an instant in ISO 8601. Raises Invalid, for a bare time of day too."""
    moment, is_time = _moment(_ANY_DAY, text, zone, field)
    if is_time:
        raise Invalid.field(field, "Use an instant in ISO 8601.", code="invalid_times")
    return moment.astimezone(zone).replace(tzinfo=None)


def _moment(day: date, text: str, zone: ZoneInfo, field: str) -> tuple[datetime, bool]:
    try:
        if "-" not in text[1:8]:
            return local_instant(day, _clock(text), zone), True
        moment = datetime.fromisoformat(text.strip().replace(" ", "T", 1))
        if moment.tzinfo is None:
            return local_instant(moment.date(), moment.time(), zone), False
        return moment.astimezone(zone), False
    except (ValueError, OverflowError) as error:
        raise Invalid.field(field, "Use HH:MM, HH:MM:SS or an instant in ISO 8601.", code="invalid_times") from error


def _clock(text: str) -> time:
    parsed = time.fromisoformat(text.strip())
    if parsed.tzinfo is not None:
        raise ValueError("a time of day has no offset")
    return parsed
