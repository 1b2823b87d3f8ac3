"""Accounts: by address for logging in, and whole for answers."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import JSONB

from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from services.identity.models import Restaurant, StaffProfile, User

RESTAURANT_COLUMNS = [
    column.label(f"r_{column.key}")
    for column in Restaurant.__table__.columns
    if column.key not in {"pos_api_key_encrypted", "pos_sync_status", "pos_last_sync_time", "pos_transactions_synced"}
    and not column.key.startswith("ai_")
    and not isinstance(column.type, JSONB)
] + [
    sa.cast(Restaurant.__table__.c[name], sa.Text).label(f"r_{name}")
    for name in ("geofence_polygon", "operating_hours", "email_notifications", "push_notifications", "general_settings")
]
"""A restaurant's public columns; its free-form ones as JSON text, which is passed on unread."""

PROFILE_COLUMNS = [
    StaffProfile.user_id.label("p_user_id"),
    StaffProfile.hourly_rate.label("p_hourly_rate"),
    StaffProfile.salary_type.label("p_salary_type"),
    StaffProfile.join_date.label("p_join_date"),
    sa.cast(StaffProfile.promotion_history, sa.Text).label("p_promotion_history"),
    StaffProfile.emergency_contact_name.label("p_emergency_contact_name"),
    StaffProfile.emergency_contact_phone.label("p_emergency_contact_phone"),
    StaffProfile.notes.label("p_notes"),
    StaffProfile.department.label("p_department"),
]

USER_COLUMNS = [
    User.id,
    User.restaurant_id,
    User.email,
    User.first_name,
    User.last_name,
    User.role,
    User.phone,
    User.is_verified,
    User.is_active,
    User.created_at,
    User.updated_at,
    User.preferred_language,
]

_ACCOUNT = Query(
    sa.select(*USER_COLUMNS, *PROFILE_COLUMNS, *RESTAURANT_COLUMNS)
    .select_from(User)
    .outerjoin(StaffProfile, StaffProfile.user_id == User.id)
    .outerjoin(Restaurant, Restaurant.id == User.restaurant_id)
    .where(User.id == bindparam("user_id", type_=sa.Uuid))
)

_RESTAURANT = Query(sa.select(*RESTAURANT_COLUMNS).where(Restaurant.id == bindparam("restaurant_id", type_=sa.Uuid)))

_CREDENTIALS = [
    User.id,
    User.restaurant_id,
    User.role,
    User.is_active,
    User.is_superuser,
    User.is_verified,
    User.password_hash,
    User.pin_hash,
    User.first_name,
    User.last_name,
    User.email,
]
_BY_EMAIL = Query(sa.select(*_CREDENTIALS).where(sa.func.lower(User.email) == bindparam("email", type_=sa.Text)))
_BY_PIN = Query(
    sa.select(*_CREDENTIALS).where(
        User.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        User.pin_digest == bindparam("digest", type_=sa.LargeBinary),
        User.is_active,
    )
)


async def account(reading: Reading, user_id: UUID) -> Any:
    """A person with profile and restaurant, in one row. Raises NotFound."""
    row = await reading.first(_ACCOUNT, user_id=user_id)
    if row is None:
        raise NotFound("No User matches the given query.")
    return row


async def restaurant(reading: Reading, restaurant_id: UUID) -> Any:
    """A restaurant's public columns. Raises NotFound."""
    row = await reading.first(_RESTAURANT, restaurant_id=restaurant_id)
    if row is None:
        raise NotFound("No Restaurant matches the given query.")
    return row


async def credentials_by_email(reading: Reading, email: str) -> Any | None:
    """What a login with an address is checked against, or None."""
    return await reading.first(_BY_EMAIL, email=email.strip().lower())


async def credentials_by_pin(reading: Reading, restaurant_id: UUID, digest: bytes) -> Any | None:
    """What a PIN login inside one restaurant is checked against, or None."""
    return await reading.first(_BY_PIN, restaurant_id=restaurant_id, digest=digest)
