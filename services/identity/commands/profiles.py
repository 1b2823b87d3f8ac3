"""Recording what a restaurant knows of its people."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from services.identity.commands import accounts
from services.identity.domain import roles
from services.identity.domain.profiles import LIST_FIELDS, list_problem, not_ones_own
from services.identity.filing import discard
from services.identity.models import StaffProfile, User

RECORDS = "staff.records"
PUBLISHED = frozenset({"department", "position", "skills"})
"""What other services know of a profile."""


async def locked_person(session: AsyncSession, principal: Principal, user_id: UUID) -> User:
    """Somebody whose records the caller may change, held against others. Raises NotFound or Forbidden."""
    user = await accounts.locked_user(session, user_id)
    if user.restaurant_id != principal.tenant:
        raise NotFound("No User matches the given query.")
    if user_id == principal.user_id:
        return user
    if not principal.may(RECORDS):
        raise NotFound("No StaffProfile matches the given query.")
    if not roles.may_manage(principal.role, user.role):
        raise Forbidden
    return user


async def ensure_nothing_recorded(session: AsyncSession, user: User) -> None:
    """Raises Invalid when a person has a profile already."""
    if await session.get(StaffProfile, user.id) is not None:
        raise Invalid.field("user", "This person has a profile already.", code="already_exists")


async def change(session: AsyncSession, principal: Principal, user: User, values: Mapping[str, Any]) -> dict[str, Any]:
    """Records values about a person and returns what they replaced.

    Raises Invalid for a value that cannot be recorded and Forbidden for one that the caller may not change.
    """
    for name in LIST_FIELDS & values.keys():
        if problem := list_problem(values[name], len(orjson.dumps(values[name]))):
            raise Invalid.field(name, problem)
    before = await session.get(StaffProfile, user.id, with_for_update=True)
    old = {name: getattr(before, name, None) for name in values}
    changed = {name: value for name, value in values.items() if before is None or old[name] != value}
    if not principal.may(RECORDS) and (refused := not_ones_own(_as_sent(changed))):
        raise Forbidden(f"You may not change: {', '.join(refused)}.", code="records_only")
    await accounts.change_profile(session, user, changed)
    if "image_file" in changed:
        await discard(session, principal.tenant, old["image_file"])
    if PUBLISHED & changed.keys():
        await accounts.publish_change(session, user)
    return {name: old[name] for name in changed}


def _as_sent(names: Mapping[str, Any]) -> set[str]:
    """The names under which requests carry some columns."""
    return {{"image_file": "profile_image", "join_date": "hire_date"}.get(name, name) for name in names}


async def forget(session: AsyncSession, principal: Principal, user: User) -> None:
    """Removes what is recorded about a person. Raises NotFound when nothing is."""
    profile = await session.get(StaffProfile, user.id, with_for_update=True)
    if profile is None:
        raise NotFound("No StaffProfile matches the given query.")
    await session.delete(profile)
    await discard(session, principal.tenant, profile.image_file)
    await session.flush()
    await accounts.publish_change(session, user)
