"""What the services' tests share: events about restaurants and people, and the check that a service keeps them."""

from typing import Any
from uuid import UUID, uuid4

from google.protobuf.message import Message

import refdata
from mizan.identity.events.v1 import events_pb2 as identity
from servicekit.db import Scope
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import RunningService


def restaurant_event(
    restaurant_id: UUID, name: str, version: int, kind: Any = identity.RestaurantUpdated, **facts: Any
) -> Message:
    """A restaurant that was created or changed; `facts` go over plausible ones."""
    given = {
        "timezone": "Africa/Casablanca",
        "currency": "MAD",
        "language": "fr",
        "radius": "60.00",
        "max_weekly_hours": "44.00",
        "min_rest_hours": "11.00",
        "restaurant_type": "CASUAL_DINING",
        "operating_hours_json": '{"Monday": {"open": "08:00", "close": "23:00", "isClosed": false}}',
        "geofence_polygon_json": "[]",
    }
    message: Message = kind(
        restaurant=identity.RestaurantFacts(id=str(restaurant_id), name=name, version=version, **{**given, **facts})
    )
    return message


def staff_event(
    restaurant_id: UUID, user_id: UUID, first_name: str, version: int, kind: Any = identity.StaffUpdated, **facts: Any
) -> Message:
    """A person who joined, changed or left; `facts` go over plausible ones."""
    given = {
        "last_name": "Idrissi",
        "email": f"{first_name.lower()}@example.com",
        "role": "WAITER",
        "is_active": True,
        "language": "fr",
    }
    message: Message = kind(
        staff=identity.StaffFacts(
            user_id=str(user_id),
            restaurant_id=str(restaurant_id),
            first_name=first_name,
            version=version,
            **{**given, **facts},
        )
    )
    return message


async def check_that_it_keeps_refdata(service: RunningService, bus: Bus) -> None:
    """Publishes identity's events to NATS and fails unless the service ends with the newest state of each."""
    restaurant_id, user_id = uuid4(), uuid4()
    consumer = f"{service.service.name}-refdata"
    for version, name in ((2, "Dar Atlas"), (3, "Dar Atlas Gauthier"), (1, "Dar")):
        kind = identity.RestaurantCreated if version == 1 else identity.RestaurantUpdated
        message = restaurant_event(restaurant_id, name, version, kind)
        await handled(service, consumer, await bus.publish(message, restaurant_id=restaurant_id, version=version))
    joined = staff_event(restaurant_id, user_id, "Amina", 1, identity.StaffJoined)
    left = staff_event(restaurant_id, user_id, "Amina", 3, identity.StaffDeactivated, is_active=False)
    renamed = staff_event(restaurant_id, user_id, "Yasmine", 2)
    for message in (joined, left, renamed):
        await handled(service, consumer, await bus.publish(message, restaurant_id=restaurant_id))

    reading = service.database.read(Scope(restaurant_id))
    restaurant = service.run(refdata.restaurant(reading, restaurant_id))
    assert restaurant is not None
    assert (restaurant.name, restaurant.version, restaurant.currency) == ("Dar Atlas Gauthier", 3, "MAD")
    person = service.run(refdata.member(reading, restaurant_id, user_id))
    assert (person.first_name, person.version, person.is_active) == ("Amina", 3, False)
