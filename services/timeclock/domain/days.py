"""When business days and weeks may begin; `servicekit.zones` says which day an instant belongs to."""

from datetime import date, time, timedelta

LATEST_START = time(12)


def week_begins(day: date, week_starts_on: int) -> date:
    """The first day of the week of a day; 0 is Monday."""
    return day - timedelta(days=(day.weekday() - week_starts_on) % 7)
