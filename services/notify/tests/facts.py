"""Facts of other services, with plausible values."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from google.protobuf.timestamp_pb2 import Timestamp

from mizan.scheduling.events.v1 import events_pb2 as scheduling


def stamp(moment: datetime) -> Timestamp:
    """An instant as messages carry it."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def shift(restaurant_id: UUID, *people: UUID, begins: datetime | None = None, **facts: Any) -> scheduling.ShiftFacts:
    """A shift of eight hours that begins tomorrow, in a published week."""
    begins = begins or datetime.now(UTC) + timedelta(days=1)
    given = {"id": str(uuid4()), "status": "SCHEDULED", "role": "WAITER", "is_published": True, "version": 1}
    return scheduling.ShiftFacts(
        restaurant_id=str(restaurant_id),
        shift_date=f"{begins:%Y-%m-%d}",
        starts_at=stamp(begins),
        ends_at=stamp(begins + timedelta(hours=8)),
        staff_ids=[str(one) for one in people],
        **{**given, **facts},
    )


def published_week(restaurant_id: UUID, person: UUID, number: int = 1, **shifts: Any) -> Any:
    """What a published week brings to a person: one shift, unless shifts are given."""
    given = shifts or {"added": [shift(restaurant_id, person)]}
    monday = datetime.now(UTC).date()
    return scheduling.StaffSchedulePublished(
        schedule_id=str(uuid4()),
        restaurant_id=str(restaurant_id),
        staff_id=str(person),
        week_start=f"{monday - timedelta(days=monday.weekday()):%Y-%m-%d}",
        number=number,
        total_hours=8.0,
        **given,
    )
