"""Periods as people ask for them: by days of the restaurant, or by instants."""

from datetime import UTC, date, datetime, timedelta, tzinfo


def period_start(text: str, zone: tzinfo) -> datetime:
    """The first instant of a day, or the instant itself. Raises ValueError for what is neither."""
    day = _day(text)
    return _midnight(day, zone) if day is not None else _instant(text, zone)


def period_end(text: str, zone: tzinfo) -> datetime:
    """The instant before which a period ends that includes a day, or an instant. Raises ValueError for neither."""
    day = _day(text)
    try:
        if day is not None:
            return _midnight(day + timedelta(days=1), zone)
        return _instant(text, zone) + timedelta(microseconds=1)
    except OverflowError as error:
        raise ValueError(f"{text} is beyond the calendar") from error


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date, zone: tzinfo) -> datetime:
    return _utc(datetime(day.year, day.month, day.day, tzinfo=zone))


def _instant(text: str, zone: tzinfo) -> datetime:
    """An ISO 8601 instant; one without an offset is meant in the zone."""
    instant = datetime.fromisoformat(text)
    return _utc(instant if instant.tzinfo is not None else instant.replace(tzinfo=zone))


def _utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{instant} is beyond the calendar") from error
