"""The copies show the newest state whatever the order of events, to their own restaurant only."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy import bindparam

import refdata
from mizan.identity.events.v1 import events_pb2 as identity
from refdata.testing import restaurant_event, staff_event
from servicekit import events
from servicekit.db import Database, Query, Scope
from servicekit.errors import NotFound
from servicekit.events import Envelope
from servicekit.inbox import Event, Inbox

_ids = bindparam("ids", type_=sa.ARRAY(sa.Uuid))
_asked = sa.func.unnest(_ids).table_valued(sa.column("id", sa.Uuid), name="asked").render_derived()
_NAMES = Query(
    sa.select(_asked.c.id, refdata.FULL_NAME.label("name"))
    .select_from(_asked)
    .outerjoin(refdata.staff_ref, refdata.is_staff(bindparam("restaurant_id", type_=sa.Uuid), _asked.c.id))
)


async def apply(database: Database, message: Message, restaurant_id: UUID, event_id: UUID | None = None) -> bool:
    """As the subscriber would, in the event's own scope."""
    kind = events.type_of(type(message))
    envelope = Envelope(
        id=event_id or uuid4(),
        type=kind.name,
        subject=kind.subject,
        restaurant_id=restaurant_id,
        aggregate_id="",
        version=0,
        occurred_at=datetime.now(UTC),
    )
    return await Inbox(refdata.subscription("sample"), database).apply(Event(message, envelope))


async def test_every_order_of_events_ends_in_the_newest_state(database: Database) -> None:
    for order in permutations([1, 2, 3]):
        restaurant_id, user_id = uuid4(), uuid4()
        reading = database.read(Scope(restaurant_id))
        for version in order:
            await apply(database, restaurant_event(restaurant_id, f"Dar v{version}", version), restaurant_id)
            await apply(database, staff_event(restaurant_id, user_id, f"Amina{version}", version), restaurant_id)
        restaurant = await refdata.restaurant(reading, restaurant_id)
        assert restaurant is not None
        assert (restaurant.name, restaurant.version) == ("Dar v3", 3)
        person = await refdata.member(reading, restaurant_id, user_id)
        assert (person.first_name, person.version) == ("Amina3", 3)


async def test_a_repeated_delivery_changes_nothing(database: Database) -> None:
    restaurant_id, user_id, event_id = uuid4(), uuid4(), uuid4()
    event = staff_event(restaurant_id, user_id, "Amina", 1, identity.StaffJoined, skills=["Wine", "HACCP"])
    assert await apply(database, event, restaurant_id, event_id)
    assert not await apply(database, event, restaurant_id, event_id)
    # The same state under another id, as after a replay at its source.
    assert await apply(database, event, restaurant_id)
    person = await refdata.member(database.read(Scope(restaurant_id)), restaurant_id, user_id)
    assert (person.first_name, person.version) == ("Amina", 1)
    assert person.skills == ["Wine", "HACCP"]


async def test_an_older_version_is_ignored_even_when_it_says_that_somebody_left(database: Database) -> None:
    restaurant_id, user_id = uuid4(), uuid4()
    await apply(database, staff_event(restaurant_id, user_id, "Amina", 5), restaurant_id)
    left = staff_event(restaurant_id, user_id, "Amina", 4, identity.StaffDeactivated, is_active=False)
    await apply(database, left, restaurant_id)
    assert (await refdata.member(database.read(Scope(restaurant_id)), restaurant_id, user_id)).is_active


async def test_what_is_unset_stays_unset_and_comes_and_goes(database: Database) -> None:
    restaurant_id = uuid4()
    reading = database.read(Scope(restaurant_id))
    await apply(database, restaurant_event(restaurant_id, "Dar", 1), restaurant_id)
    restaurant = await refdata.restaurant(reading, restaurant_id)
    assert restaurant is not None
    assert (restaurant.latitude, restaurant.longitude) == (None, None)
    assert restaurant.radius == Decimal("60.00")
    assert restaurant.operating_hours["Monday"]["close"] == "23:00"
    placed = restaurant_event(restaurant_id, "Dar", 2, latitude="33.573110", longitude="-7.589843")
    await apply(database, placed, restaurant_id)
    restaurant = await refdata.restaurant(reading, restaurant_id)
    assert restaurant is not None
    assert restaurant.latitude == Decimal("33.573110")


async def test_the_time_zone_is_the_default_until_the_restaurant_is_known(database: Database) -> None:
    restaurant_id = uuid4()
    reading = database.read(Scope(restaurant_id))
    assert (await refdata.time_zone(reading, restaurant_id)).key == "Africa/Casablanca"
    await apply(database, restaurant_event(restaurant_id, "Dar", 1, timezone="Europe/Paris"), restaurant_id)
    assert (await refdata.time_zone(reading, restaurant_id)).key == "Europe/Paris"


async def test_another_restaurant_sees_neither(database: Database) -> None:
    restaurant_id, user_id, stranger = uuid4(), uuid4(), uuid4()
    await apply(database, restaurant_event(restaurant_id, "Dar", 1), restaurant_id)
    await apply(database, staff_event(restaurant_id, user_id, "Amina", 1), restaurant_id)
    reading = database.read(Scope(stranger))
    assert await refdata.restaurant(reading, restaurant_id) is None
    for asked in (restaurant_id, stranger):
        with pytest.raises(NotFound, match="No User matches"):
            await refdata.member(reading, asked, user_id)


async def test_somebody_who_moves_is_known_to_both_restaurants(database: Database) -> None:
    former, present, user_id = uuid4(), uuid4(), uuid4()
    await apply(database, staff_event(former, user_id, "Amina", 1), former)
    left = staff_event(former, user_id, "Amina", 2, identity.StaffDeactivated, is_active=False)
    await apply(database, left, former)
    await apply(database, staff_event(present, user_id, "Amina", 3, identity.StaffJoined), present)
    assert not (await refdata.member(database.read(Scope(former)), former, user_id)).is_active
    assert (await refdata.member(database.read(Scope(present)), present, user_id)).is_active


async def test_a_joined_name_is_empty_for_somebody_unknown(database: Database) -> None:
    restaurant_id, user_id, unknown = uuid4(), uuid4(), uuid4()
    await apply(database, staff_event(restaurant_id, user_id, "Amina", 1), restaurant_id)
    rows = await database.read(Scope(restaurant_id)).all(_NAMES, ids=[user_id, unknown], restaurant_id=restaurant_id)
    assert {row.id: row.name for row in rows} == {user_id: "Amina Idrissi", unknown: ""}
