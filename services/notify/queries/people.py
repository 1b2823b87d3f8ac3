"""Whom something is told: people of the copy that refdata keeps, with what they chose."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from refdata import staff_ref
from servicekit.db import Query, Reading
from services.notify.domain.preferences import SWITCHES
from services.notify.domain.routing import Wishes
from services.notify.models import Preferences

MANAGERS: Final = ("OWNER", "SUPER_ADMIN", "ADMIN", "MANAGER")
OWNERS: Final = ("OWNER", "SUPER_ADMIN", "ADMIN")

_TENANT = bindparam("restaurant_id", type_=sa.Uuid)
_COLUMNS = (
    staff_ref.c.user_id,
    refdata.FULL_NAME.label("name"),
    staff_ref.c.first_name,
    staff_ref.c.language,
    staff_ref.c.role,
    *(Preferences.__table__.c[name] for name in SWITCHES),
    Preferences.quiet_hours_start,
    Preferences.quiet_hours_end,
    Preferences.timezone,
    Preferences.channel_exceptions,
)
_WITH_WISHES = staff_ref.outerjoin(
    Preferences,
    sa.and_(
        Preferences.restaurant_id == staff_ref.c.restaurant_id,
        Preferences.user_id == staff_ref.c.user_id,
    ),
)
_ACTIVE = sa.and_(staff_ref.c.restaurant_id == _TENANT, staff_ref.c.is_active)

_PEOPLE = Query(
    sa.select(*_COLUMNS)
    .select_from(_WITH_WISHES)
    .where(_ACTIVE, staff_ref.c.user_id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid))))
    .order_by(staff_ref.c.user_id)
)
_IN_ROLES = Query(
    sa.select(staff_ref.c.user_id)
    .where(_ACTIVE, staff_ref.c.role == sa.any_(bindparam("roles", type_=ARRAY(sa.Text))))
    .order_by(staff_ref.c.user_id)
)
_NAME = Query(
    sa.select(refdata.FULL_NAME).where(
        staff_ref.c.restaurant_id == _TENANT, staff_ref.c.user_id == bindparam("user_id", type_=sa.Uuid)
    )
)


async def people(reading: Reading, restaurant_id: UUID, ids: Collection[UUID]) -> Sequence[Any]:
    """The active people with these ids, with what they chose."""
    if not ids:
        return []
    return await reading.all(_PEOPLE, restaurant_id=restaurant_id, ids=list(ids))


async def in_roles(reading: Reading, restaurant_id: UUID, roles: Collection[str]) -> list[UUID]:
    """The active people who hold one of the roles."""
    return [row.user_id for row in await reading.all(_IN_ROLES, restaurant_id=restaurant_id, roles=list(roles))]


async def name_of(reading: Reading, restaurant_id: UUID, user_id: UUID) -> str:
    """A person's name; empty for nobody."""
    return str(await reading.scalar(_NAME, restaurant_id=restaurant_id, user_id=user_id) or "")


def wishes_of(row: Any) -> Wishes:
    """What somebody chose; the standard where they are not registered yet."""
    if row.notifications_enabled is None:
        return Wishes()
    return Wishes(
        {name: getattr(row, name) for name in SWITCHES},
        row.channel_exceptions,
        row.quiet_hours_start,
        row.quiet_hours_end,
    )
