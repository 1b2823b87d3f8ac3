"""Sessions and the principals behind them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.identity.models import ApiKey, Restaurant, Role, Session, User

_INSTANT = sa.DateTime(timezone=True)

_RESOLVE = Query(
    sa.select(
        User.id,
        User.restaurant_id,
        User.role,
        User.first_name,
        User.last_name,
        User.email,
        User.is_active,
        sa.func.coalesce(User.preferred_language, Restaurant.language, "en").label("language"),
        Restaurant.timezone,
        Role.permissions,
    )
    .select_from(Session)
    .join(User, User.id == Session.user_id)
    .outerjoin(Restaurant, Restaurant.id == User.restaurant_id)
    .outerjoin(Role, sa.and_(Role.restaurant_id == User.restaurant_id, Role.code == User.role, Role.is_active))
    .where(
        Session.id == bindparam("session_id", type_=sa.Uuid),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("now", type_=_INSTANT),
    )
)

_SUPERUSER = Query(
    sa.select(User.id, User.email, Session.id.label("session_id"))
    .join(User, User.id == Session.user_id)
    .where(
        Session.id == bindparam("session_id", type_=sa.Uuid),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("now", type_=_INSTANT),
        User.is_active,
        User.is_superuser,
    )
)

_OPEN = Query(
    sa.select(
        Session.id,
        Session.origin,
        Session.ip_address,
        Session.user_agent,
        Session.created_at,
        Session.rotated_at,
        Session.expires_at,
    )
    .where(
        Session.user_id == bindparam("user_id", type_=sa.Uuid),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("now", type_=_INSTANT),
    )
    .order_by(Session.created_at.desc())
    .limit(200)
)

_EXISTS = Query(sa.select(Session.id).where(Session.id == bindparam("session_id", type_=sa.Uuid)))

_API_KEY = Query(
    sa.select(
        ApiKey.id,
        ApiKey.restaurant_id,
        ApiKey.kind,
        ApiKey.name,
        ApiKey.scopes,
        Restaurant.language,
        Restaurant.timezone,
    )
    .join(Restaurant, Restaurant.id == ApiKey.restaurant_id)
    .where(
        ApiKey.digest == bindparam("digest", type_=sa.LargeBinary),
        ApiKey.revoked_at.is_(None),
        sa.or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > bindparam("now", type_=_INSTANT)),
    )
)


async def principal_of_session(reading: Reading, session_id: UUID, now: datetime) -> Any | None:
    """Who an open session belongs to, with what the restaurant made of their role; None when it is over."""
    return await reading.first(_RESOLVE, session_id=session_id, now=now)


async def superuser_of_session(reading: Reading, session_id: UUID, now: datetime) -> Any | None:
    """The active superuser of an open session with their address; None when it is over or somebody else's."""
    return await reading.first(_SUPERUSER, session_id=session_id, now=now)


async def open_sessions(reading: Reading, user_id: UUID, now: datetime) -> Sequence[Any]:
    """A person's sessions that are not over, newest first."""
    return await reading.all(_OPEN, user_id=user_id, now=now)


async def session_exists(reading: Reading, session_id: UUID) -> bool:
    """Whether a session was ever opened under this id."""
    return await reading.first(_EXISTS, session_id=session_id) is not None


async def api_key(reading: Reading, digest: bytes, now: datetime) -> Any | None:
    """The key with this digest, unless it is expired or revoked."""
    return await reading.first(_API_KEY, digest=digest, now=now)
