"""Paired devices, and the restaurants that take PIN logins from inside their fence."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.paging import Page
from services.identity.models import Device, Restaurant, User

_PAIRED = Query(
    sa.select(Device.id, Device.restaurant_id).where(
        Device.token_digest == bindparam("digest", type_=sa.LargeBinary), Device.revoked_at.is_(None)
    )
)

# A fence reaches 100 m or to the corners of a plot; a hundredth of a degree of latitude is 1.1 km.
_NEARBY_DEGREES = 0.01
_AROUND = Query(
    sa.select(
        Restaurant.id,
        Restaurant.latitude,
        Restaurant.longitude,
        Restaurant.radius,
        Restaurant.geofence_polygon,
    ).where(
        Restaurant.pin_login_in_geofence,
        Restaurant.geofence_enabled,
        Restaurant.latitude.between(bindparam("south", type_=sa.Double), bindparam("north", type_=sa.Double)),
        Restaurant.longitude.between(bindparam("west", type_=sa.Double), bindparam("east", type_=sa.Double)),
    )
)


async def paired_device(reading: Reading, digest: bytes) -> Any | None:
    """The device with this token digest, unless it was unpaired."""
    return await reading.first(_PAIRED, digest=digest)


async def restaurants_around(reading: Reading, latitude: float, longitude: float) -> Sequence[Any]:
    """Restaurants near a point that take PIN logins from inside their fence."""
    return await reading.all(
        _AROUND,
        south=latitude - _NEARBY_DEGREES,
        north=latitude + _NEARBY_DEGREES,
        west=longitude - _NEARBY_DEGREES,
        east=longitude + _NEARBY_DEGREES,
    )


_COUNT = Query(
    sa.select(sa.func.count())
    .select_from(Device)
    .where(Device.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), Device.revoked_at.is_(None))
)
_LIST = Query(
    sa.select(
        Device.id,
        Device.name,
        Device.paired_by,
        Device.created_at,
        Device.last_seen_at,
        User.first_name,
        User.last_name,
        User.email,
    )
    .select_from(Device)
    .outerjoin(User, User.id == Device.paired_by)
    .where(Device.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), Device.revoked_at.is_(None))
    .order_by(Device.created_at.desc(), Device.id)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)


async def paired_devices(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many devices a restaurant has, and one page of them. Raises NotFound for a page beyond the end."""
    count, rows = await reader.batch(
        (_COUNT, {"restaurant_id": restaurant_id}),
        (_LIST, {"restaurant_id": restaurant_id, "limit": page.limit, "offset": page.offset}),
    )
    page.check(count[0][0])
    return count[0][0], rows
