"""A restaurant's settings."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from services.identity.models import Restaurant

_AS_TEXT = ("geofence_polygon", "operating_hours", "email_notifications", "push_notifications", "ai_features")

_SETTINGS = Query(
    sa.select(
        Restaurant.id,
        Restaurant.name,
        Restaurant.address,
        Restaurant.phone,
        Restaurant.email,
        Restaurant.latitude,
        Restaurant.longitude,
        Restaurant.radius,
        Restaurant.geofence_enabled,
        Restaurant.timezone,
        Restaurant.currency,
        Restaurant.language,
        Restaurant.automatic_clock_out,
        Restaurant.break_duration,
        Restaurant.settings_version,
        Restaurant.pin_login_in_geofence,
        Restaurant.pos_provider,
        Restaurant.pos_merchant_id,
        Restaurant.pos_is_connected,
        Restaurant.pos_sync_status,
        Restaurant.pos_last_sync_time,
        Restaurant.pos_transactions_synced,
        Restaurant.ai_enabled,
        Restaurant.ai_provider,
        Restaurant.created_at,
        Restaurant.updated_at,
        # Free-form JSON is passed on unread.
        *(sa.cast(Restaurant.__table__.c[name], sa.Text).label(name) for name in _AS_TEXT),
    ).where(Restaurant.id == bindparam("restaurant_id", type_=sa.Uuid))
)

_FENCE = Query(
    sa.select(
        Restaurant.latitude,
        Restaurant.longitude,
        Restaurant.radius,
        Restaurant.geofence_enabled,
        Restaurant.geofence_polygon,
    ).where(Restaurant.id == bindparam("restaurant_id", type_=sa.Uuid))
)

_POS = Query(
    sa.select(Restaurant.pos_provider, Restaurant.pos_merchant_id, Restaurant.pos_api_key_encrypted).where(
        Restaurant.id == bindparam("restaurant_id", type_=sa.Uuid)
    )
)

_TIME_ZONE = Query(sa.select(Restaurant.timezone).where(Restaurant.id == bindparam("restaurant_id", type_=sa.Uuid)))


async def settings(reading: Reading, restaurant_id: UUID) -> Any:
    """All settings of a restaurant, free-form ones as JSON text. Raises NotFound."""
    return _found(await reading.first(_SETTINGS, restaurant_id=restaurant_id))


async def fence(reading: Reading, restaurant_id: UUID) -> Any:
    """Coordinates and fence of a restaurant. Raises NotFound."""
    return _found(await reading.first(_FENCE, restaurant_id=restaurant_id))


async def time_zone(reading: Reading, restaurant_id: UUID) -> str:
    """The zone in which a restaurant's days are meant. Raises NotFound."""
    zone: str = _found(await reading.first(_TIME_ZONE, restaurant_id=restaurant_id)).timezone
    return zone


async def pos_credentials(reading: Reading, restaurant_id: UUID) -> Any:
    """The till system that a restaurant's settings name, with its encrypted key. Raises NotFound."""
    return _found(await reading.first(_POS, restaurant_id=restaurant_id))


def _found(row: Any | None) -> Any:
    if row is None:
        raise NotFound("No Restaurant matches the given query.")
    return row
