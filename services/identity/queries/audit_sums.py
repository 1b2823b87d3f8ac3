"""The audit trail in numbers, and the people in it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from services.identity.models import AuditEntry, User
from services.identity.queries.audit import conditions_of

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_INSTANTS = ARRAY(sa.DateTime(timezone=True))
_PEOPLE = Query(
    sa.select(User.id, User.first_name, User.last_name, User.email, User.role).where(
        User.restaurant_id == _RESTAURANT, User.id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid)))
    )
)


@lru_cache(maxsize=256)
def _by_action(filters: frozenset[str]) -> Query:
    return Query(
        sa.select(
            AuditEntry.action,
            sa.func.count().label("entries"),
            sa.func.min(AuditEntry.occurred_at).label("first"),
            sa.func.max(AuditEntry.occurred_at).label("last"),
        )
        .where(*conditions_of(filters))
        .group_by(AuditEntry.action)
        .order_by(sa.desc("entries"), AuditEntry.action)
    )


@lru_cache(maxsize=256)
def _by_user(filters: frozenset[str]) -> Query:
    return Query(
        sa.select(AuditEntry.user_id, sa.func.count().label("entries"), sa.func.max(AuditEntry.actor).label("actor"))
        .where(*conditions_of(filters), AuditEntry.user_id.is_not(None))
        .group_by(AuditEntry.user_id)
        .order_by(sa.desc("entries"), AuditEntry.user_id)
        .limit(10)
    )


@lru_cache(maxsize=256)
def _by_day(filters: frozenset[str]) -> Query:
    place = sa.func.width_bucket(AuditEntry.occurred_at, bindparam("beginnings", type_=_INSTANTS)).label("place")
    return Query(
        sa.select(place, sa.func.count().label("entries"))
        .where(*conditions_of(filters), AuditEntry.occurred_at >= bindparam("trend_since", type_=_INSTANTS.item_type))
        .group_by(place)
    )


async def sums(
    reading: Reading, filters: Mapping[str, Any], beginnings: Sequence[datetime]
) -> tuple[Sequence[Any], Sequence[Any], dict[int, int]]:
    """How much was done: by action, by the ten who did most, and by day; days are counted from 1 by their beginnings.

    The last of the beginnings is the end of the last day.
    """
    names, parameters = frozenset(filters), dict(filters)
    actions, users, days = await reading.batch(
        (_by_action(names), parameters),
        (_by_user(names), parameters),
        (_by_day(names), {**parameters, "beginnings": list(beginnings), "trend_since": beginnings[0]}),
    )
    return actions, users, {row.place: row.entries for row in days}


async def by_action(reading: Reading, filters: Mapping[str, Any]) -> Sequence[Any]:
    """How much was done by action, with its first and its last time."""
    return await reading.all(_by_action(frozenset(filters)), **filters)


async def people(reading: Reading, restaurant_id: UUID, ids: Collection[UUID]) -> dict[UUID, Any]:
    """The people of a restaurant among some ids."""
    rows = await reading.all(_PEOPLE, restaurant_id=restaurant_id, ids=list(ids)) if ids else ()
    return {row.id: row for row in rows}


async def one_person(reading: Reading, restaurant_id: UUID, user_id: UUID) -> Any:
    """Somebody of a restaurant. Raises NotFound."""
    found = await people(reading, restaurant_id, [user_id])
    if user_id not in found:
        raise NotFound("No User matches the given query.")
    return found[user_id]
