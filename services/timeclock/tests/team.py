"""A restaurant with a place, people and shifts, as events tell of them, and people who punch."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from google.protobuf.timestamp_pb2 import Timestamp

from mizan.identity.events.v1 import events_pb2 as identity
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from mizan.timeclock.v1 import clock_pb2
from refdata.testing import restaurant_event, staff_event
from servicekit.identity import Principal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.timeclock.tests.conftest import manager, waiter

# The Koutoubia.
LATITUDE, LONGITUDE = 31.624, -7.9936
METRE = 1 / 111_195
"""A metre to the north, in degrees."""


def stamp(instant: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(instant)
    return message


@dataclass
class Team:
    """A restaurant of a test's own."""

    service: RunningService
    bus: Bus
    api: Api
    id: UUID = field(default_factory=uuid4)

    @property
    def boss(self) -> Principal:
        return manager(self.id)

    async def open(self, **known: Any) -> "Team":
        given = {
            "latitude": str(LATITUDE),
            "longitude": str(LONGITUDE),
            "radius": "60.00",
            "geofence_enabled": True,
            "break_duration": 30,
            "timezone": "Africa/Casablanca",
        }
        told = restaurant_event(self.id, "Dar Atlas", 1, **{**given, **known})
        await handled(self.service, "timeclock-refdata", await self.bus.publish(told, restaurant_id=self.id))
        return self

    async def employ(self, name: str = "Amina", **known: Any) -> Principal:
        user_id = uuid4()
        joined = staff_event(self.id, user_id, name, 1, identity.StaffJoined, **known)
        await handled(self.service, "timeclock-refdata", await self.bus.publish(joined, restaurant_id=self.id))
        return waiter(self.id, user_id)

    async def publish_shift(
        self,
        *people: Principal,
        starts: datetime,
        hours: float = 8,
        version: int = 1,
        shift_id: UUID | None = None,
        is_published: bool = True,
        status: str = "SCHEDULED",
    ) -> UUID:
        identifier = shift_id or uuid4()
        about = scheduling.ShiftFacts(
            id=str(identifier),
            restaurant_id=str(self.id),
            schedule_id=str(uuid4()),
            shift_date=starts.date().isoformat(),
            starts_at=stamp(starts),
            ends_at=stamp(starts + timedelta(hours=hours)),
            role="WAITER",
            status=status,
            staff_ids=[person.subject for person in people],
            is_published=is_published,
            version=version,
        )
        told = scheduling.ShiftUpdated(shift=about)
        await handled(self.service, "timeclock-shifts", await self.bus.publish(told, restaurant_id=self.id))
        return identifier

    async def come(self, person: Principal, metres: float = 0, **sent: Any) -> clock_pb2.WebClockInResponse:
        request = clock_pb2.WebClockInRequest(
            latitude=LATITUDE + metres * METRE, longitude=LONGITUDE, accuracy=8, **sent
        )
        return await self.api.ClockService.WebClockIn(request, principal=person)

    async def go(self, person: Principal, **sent: Any) -> clock_pb2.WebClockOutResponse:
        return await self.api.ClockService.WebClockOut(clock_pb2.WebClockOutRequest(**sent), principal=person)

    async def pause(self, person: Principal, **sent: Any) -> clock_pb2.BreakResponse:
        return await self.api.ClockService.StartBreak(clock_pb2.StartBreakRequest(**sent), principal=person)

    async def resume(self, person: Principal, **sent: Any) -> clock_pb2.BreakResponse:
        return await self.api.ClockService.EndBreak(clock_pb2.EndBreakRequest(**sent), principal=person)


def moment(message: Timestamp) -> datetime:
    instant: datetime = message.ToDatetime(tzinfo=UTC)
    return instant
