"""Applying identity's events: each carries the whole row, and a row is replaced by a newer version only."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.events.v1 import events_pb2 as identity
from refdata.tables import restaurant_ref, staff_ref
from servicekit.events import Envelope
from servicekit.inbox import Subscription

RestaurantEvent = identity.RestaurantCreated | identity.RestaurantUpdated
StaffEvent = identity.StaffJoined | identity.StaffUpdated | identity.StaffDeactivated


def subscription(service: str) -> Subscription:
    """The consumer that keeps a service's copies; its name is `<service>-refdata`."""
    return Subscription(
        name=f"{service}-refdata",
        handlers={
            identity.RestaurantCreated: keep_restaurant,
            identity.RestaurantUpdated: keep_restaurant,
            identity.StaffJoined: keep_staff,
            identity.StaffUpdated: keep_staff,
            identity.StaffDeactivated: keep_staff,
        },
    )


async def keep_restaurant(session: AsyncSession, event: RestaurantEvent, _envelope: Envelope) -> None:
    """Keeps a restaurant as the event shows it, unless a newer state is known."""
    facts = event.restaurant
    await session.execute(
        _KEEP_RESTAURANT,
        {
            "id": UUID(facts.id),
            "name": facts.name,
            "restaurant_type": facts.restaurant_type,
            "timezone": facts.timezone,
            "currency": facts.currency,
            "language": facts.language,
            "latitude": Decimal(facts.latitude) if facts.HasField("latitude") else None,
            "longitude": Decimal(facts.longitude) if facts.HasField("longitude") else None,
            "radius": Decimal(facts.radius),
            "geofence_enabled": facts.geofence_enabled,
            "geofence_polygon": _json(facts.geofence_polygon_json, []),
            "operating_hours": _json(facts.operating_hours_json, {}),
            "automatic_clock_out": facts.automatic_clock_out,
            "break_duration": facts.break_duration,
            "max_weekly_hours": Decimal(facts.max_weekly_hours),
            "min_rest_hours": Decimal(facts.min_rest_hours),
            "version": facts.version,
        },
    )


async def keep_staff(session: AsyncSession, event: StaffEvent, _envelope: Envelope) -> None:
    """Keeps a person as the event shows them, unless a newer state is known."""
    facts = event.staff
    await session.execute(
        _KEEP_STAFF,
        {
            "restaurant_id": UUID(facts.restaurant_id),
            "user_id": UUID(facts.user_id),
            "first_name": facts.first_name,
            "last_name": facts.last_name,
            "email": facts.email,
            "phone": facts.phone if facts.HasField("phone") else None,
            "role": facts.role,
            "is_active": facts.is_active,
            "language": facts.language,
            "department": facts.department if facts.HasField("department") else None,
            "position": facts.position if facts.HasField("position") else None,
            "skills": list(facts.skills),
            "version": facts.version,
        },
    )


def _keep(table: sa.Table) -> Insert:
    """Inserts a row, or replaces the one with its key if that is older."""
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(
        index_elements=key,
        set_={column.name: statement.excluded[column.name] for column in table.columns if column.name not in key},
        where=statement.excluded.version > table.c.version,
    )


_KEEP_RESTAURANT = _keep(restaurant_ref)
_KEEP_STAFF = _keep(staff_ref)


def _json(text: str, empty: Any) -> Any:
    return orjson.loads(text) if text else empty
