"""Where people last were."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.paging import Page
from services.identity.models import StaffProfile, User

_OWN = Query(
    sa.select(StaffProfile.last_latitude, StaffProfile.last_longitude, StaffProfile.last_located_at).where(
        StaffProfile.user_id == bindparam("user_id", type_=sa.Uuid)
    )
)

_OF_RESTAURANT = (User.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), User.is_active)

_COUNT = Query(sa.select(sa.func.count()).select_from(User).where(*_OF_RESTAURANT))

_STAFF = Query(
    sa.select(
        User.id,
        User.email,
        User.first_name,
        User.last_name,
        StaffProfile.contract_end_date,
        StaffProfile.health_card_expiry,
        StaffProfile.hourly_rate,
        StaffProfile.emergency_contact_name,
        StaffProfile.emergency_contact_phone,
        StaffProfile.notes,
        StaffProfile.last_latitude,
        StaffProfile.last_longitude,
        StaffProfile.last_located_at,
        StaffProfile.geofence_alerts_enabled,
    )
    .select_from(User)
    .outerjoin(StaffProfile, StaffProfile.user_id == User.id)
    .where(*_OF_RESTAURANT)
    .order_by(User.first_name, User.last_name, User.id)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)


async def own_location(reading: Reading, user_id: UUID) -> Any | None:
    """A person's own last position, or None when nothing is recorded of them."""
    return await reading.first(_OWN, user_id=user_id)


async def staff_locations(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many people work there, and one page of them by name. Raises NotFound for a page beyond the end."""
    count, rows = await reader.batch(
        (_COUNT, {"restaurant_id": restaurant_id}),
        (_STAFF, {"restaurant_id": restaurant_id, "limit": page.limit, "offset": page.offset}),
    )
    page.check(count[0][0])
    return count[0][0], rows
