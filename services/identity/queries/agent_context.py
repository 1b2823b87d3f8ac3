"""Finding whom an agent's request is about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reading
from servicekit.errors import Invalid, NotFound
from services.identity.domain.agent_context import Clues, choose
from services.identity.models import Restaurant, Role, Session, User

UNRESOLVED = "Unable to resolve restaurant context"
MOST_CANDIDATES = 200

_CANDIDATES = Query(
    sa.select(
        User.id,
        User.restaurant_id,
        User.email,
        User.phone,
        User.phone_digits,
        User.first_name,
        User.last_name,
        User.role,
        User.preferred_language,
        Role.permissions,
    )
    .select_from(User)
    .outerjoin(Role, sa.and_(Role.restaurant_id == User.restaurant_id, Role.code == User.role, Role.is_active))
    .where(
        User.is_active,
        User.restaurant_id.is_not(None),
        sa.or_(
            User.id == any_(bindparam("ids", type_=ARRAY(sa.Uuid))),
            sa.func.lower(User.email) == any_(bindparam("emails", type_=ARRAY(sa.Text))),
            User.phone_digits == any_(bindparam("phones", type_=ARRAY(sa.Text))),
        ),
    )
    .limit(MOST_CANDIDATES)
)
_RESTAURANTS = Query(
    sa.select(Restaurant.id, Restaurant.name, Restaurant.currency, Restaurant.timezone, Restaurant.language).where(
        Restaurant.id == any_(bindparam("ids", type_=ARRAY(sa.Uuid)))
    )
)
_SESSION_USER = Query(
    sa.select(Session.user_id).where(
        Session.id == bindparam("session_id", type_=sa.Uuid),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("now", type_=sa.DateTime(timezone=True)),
    )
)


@dataclass(frozen=True, slots=True)
class AgentContext:
    """The restaurant of an agent's request, and the active person it is about, where there is one."""

    restaurant: Any
    person: Any | None


async def user_of_session(reading: Reading, session_id: UUID, now: datetime) -> UUID | None:
    """Whose session it is, or None when it is over."""
    user_id: UUID | None = await reading.scalar(_SESSION_USER, session_id=session_id, now=now)
    return user_id


async def resolve(
    reading: Reading, clues: Clues, *, within: UUID | None = None, token_user: UUID | None = None
) -> AgentContext:
    """Whom a request is about; `reading` sees every restaurant.

    Raises Invalid when nothing names a restaurant and NotFound when a key of one restaurant is used for another.
    """
    named = [*clues.restaurant_ids, *([clues.session[0]] if clues.session else [])]
    if within is not None and named and named[0] != within:
        raise NotFound("No Restaurant matches the given query.")
    user_ids = [*clues.user_ids, *([clues.session[1]] if clues.session else []), *([token_user] if token_user else [])]
    people = await reading.all(_CANDIDATES, ids=user_ids, emails=list(clues.emails), phones=list(clues.phones))
    wanted = {*named, *(person.restaurant_id for person in people), *([within] if within else [])}
    restaurants = {row.id: row for row in await reading.all(_RESTAURANTS, ids=list(wanted))}
    restaurant_id, person = choose(clues, people, restaurants.keys(), within, token_user)
    if restaurant_id not in restaurants:
        raise Invalid(UNRESOLVED, code="context_unresolved")
    return AgentContext(restaurants[restaurant_id], person)
