"""What a restaurant made of the roles."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.identity.domain.permissions import effective_permissions
from services.identity.models import Role, User

DEFINED = Query(
    sa.select(Role.code, Role.name, Role.description, Role.permissions)
    .where(Role.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), Role.is_active)
    .order_by(Role.code)
)
"""The roles that a restaurant made or redefined."""

MEMBERS = Query(
    sa.select(User.role, sa.func.count().label("people"))
    .where(User.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), User.is_active)
    .group_by(User.role)
)
"""How many active people have each role."""


class Definitions:
    """Every role of one restaurant: the standard ones as it left them, and its own."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows: Mapping[str, Any] = {row.code: row for row in rows}

    def permissions(self, role: str) -> frozenset[str]:
        """What a role holds in this restaurant."""
        row = self.rows.get(role)
        return effective_permissions(role, row.permissions if row is not None else None)


async def definitions(reading: Reading, restaurant_id: UUID) -> Definitions:
    """The roles of a restaurant."""
    return Definitions(await reading.all(DEFINED, restaurant_id=restaurant_id))
