"""Business days: they begin when the restaurant says so, in its own zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LATEST_START = time(12)


def business_date(instant: datetime, zone: ZoneInfo, day_starts_at: time) -> date:
    """The business day of an instant: what happens before the day begins counts to the day before."""
    local = instant.astimezone(zone)
    return local.date() - timedelta(days=1) if local.time() < day_starts_at else local.date()


def day_begins(day: date, zone: ZoneInfo, day_starts_at: time) -> datetime:
    """The first instant of a business day. Raises OverflowError at the ends of the calendar."""
    return datetime.combine(day, day_starts_at, zone).astimezone(UTC)


def week_begins(day: date, week_starts_on: int) -> date:
    """The first day of the week of a day; 0 is Monday."""
    return day - timedelta(days=(day.weekday() - week_starts_on) % 7)
