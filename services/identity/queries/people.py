"""People of one restaurant as other records show them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from services.identity.models import Restaurant, StaffProfile, User
from services.identity.queries.accounts import PROFILE_COLUMNS, USER_COLUMNS

PERSON_COLUMNS: list[Any] = [*USER_COLUMNS, *PROFILE_COLUMNS, Restaurant.name.label("restaurant_name")]
"""What `convert.user_slim` reads."""

PERSON_TABLES: Any = sa.join(User, StaffProfile, StaffProfile.user_id == User.id, isouter=True).join(
    Restaurant, Restaurant.id == User.restaurant_id, isouter=True
)
"""Where the person columns come from."""

BY_IDS = Query(
    sa.select(*PERSON_COLUMNS)
    .select_from(PERSON_TABLES)
    .where(
        User.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        User.id == any_(bindparam("ids", type_=ARRAY(sa.Uuid))),
    )
)

MEMBER = Query(
    sa.select(
        User.id,
        User.first_name,
        User.last_name,
        User.email,
        User.role,
        User.phone,
        User.phone_digits,
        User.is_active,
        User.preferred_language,
    ).where(User.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), User.id == bindparam("id", type_=sa.Uuid))
)


async def by_ids(reading: Reading, restaurant_id: UUID, ids: Iterable[UUID | None]) -> dict[UUID, Any]:
    """The people of a restaurant with these ids, active or not."""
    wanted = sorted({identifier for identifier in ids if identifier is not None})
    if not wanted:
        return {}
    return {row.id: row for row in await reading.all(BY_IDS, restaurant_id=restaurant_id, ids=wanted)}


async def member(reading: Reading, restaurant_id: UUID, user_id: UUID) -> Any:
    """One person of a restaurant, active or not. Raises NotFound."""
    row = await reading.first(MEMBER, restaurant_id=restaurant_id, id=user_id)
    if row is None:
        raise NotFound("No User matches the given query.")
    return row


def name_of(row: Any) -> str:
    """How a person is called: by name, or by address where no name is known."""
    return f"{row.first_name} {row.last_name}".strip() or str(row.email)
