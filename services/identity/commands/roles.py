"""Making and redefining a restaurant's roles."""

from collections.abc import Collection
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from services.identity import events
from services.identity.domain import roles
from services.identity.domain.permissions import CATALOGUE, PASSWORD_ONLY, standard_permissions
from services.identity.models import Role, User
from services.identity.queries.roles import Definitions, definitions

MAX_OWN_ROLES = 100
_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def create(
    session: AsyncSession,
    principal: Principal,
    code: str,
    *,
    name: str | None,
    description: str | None,
    permissions: Collection[str],
) -> Role:
    """A role of the restaurant's own. Raises AlreadyExists, Invalid or Forbidden."""
    await _lock(session, principal)
    code = roles.normalise(code)
    if not roles.is_role(code):
        raise Invalid.field("code", "A role code has letters and underscores only.", code="role_not_valid")
    defined = await definitions(SessionReader(session), principal.tenant)
    if roles.is_standard(code) or code in defined.rows:
        raise AlreadyExists(f"The role {code} exists already.", fields={"code": "This role exists already."})
    if len(defined.rows) >= MAX_OWN_ROLES:
        raise Invalid(f"A restaurant has at most {MAX_OWN_ROLES} roles of its own.", code="too_many_roles")
    ensure_may_redefine(principal, code)
    ensure_valid(principal, code, permissions, frozenset())
    role = _new(principal, code, name=name, description=description, permissions=permissions)
    session.add(role)
    # Somebody may have had the title before it meant anything of its own.
    events.role_changed(session, principal.tenant, code)
    return role


async def update(
    session: AsyncSession,
    principal: Principal,
    code: str,
    *,
    name: str | None = None,
    description: str | None = None,
    permissions: Collection[str] | None = None,
) -> Role:
    """Changes a role of the restaurant's own, or redefines a standard one. Raises NotFound, Invalid or Forbidden."""
    await _lock(session, principal)
    defined = await definitions(SessionReader(session), principal.tenant)
    _ensure_exists(code, defined)
    ensure_may_redefine(principal, code)
    before = defined.permissions(code)
    after = before if permissions is None else frozenset(permissions)
    ensure_valid(principal, code, after, before)
    role = await session.scalar(sa.select(Role).where(Role.restaurant_id == principal.tenant, Role.code == code))
    if role is None:
        role = _new(principal, code, name=name, description=description, permissions=after)
        session.add(role)
    role.permissions = sorted(after)
    role.is_active = True
    if name is not None:
        role.name = name
    if description is not None:
        role.description = description
    if after != before:
        events.role_changed(session, principal.tenant, code)
    return role


async def delete(session: AsyncSession, principal: Principal, code: str) -> None:
    """Drops an own role, or what was made of a standard one. Raises NotFound, Conflict or Forbidden."""
    await _lock(session, principal)
    defined = await definitions(SessionReader(session), principal.tenant)
    if code not in defined.rows:
        raise NotFound("No Role matches the given query.")
    ensure_may_redefine(principal, code)
    if roles.is_standard(code):
        ensure_valid(principal, code, standard_permissions(code), defined.permissions(code))
    elif await session.scalar(
        sa.select(sa.exists().where(User.restaurant_id == principal.tenant, User.role == code, User.is_active))
    ):
        raise Conflict("People have this role. Give them another one first.", code="role_in_use")
    await session.execute(sa.delete(Role).where(Role.restaurant_id == principal.tenant, Role.code == code))
    events.role_changed(session, principal.tenant, code)


def ensure_may_redefine(principal: Principal, code: str) -> None:
    """Raises Forbidden for a role that is not below the caller's own."""
    if not roles.may_redefine(principal.role, code):
        raise Forbidden("You can change only roles that stand below your own.", code="role_above_you")


def ensure_valid(principal: Principal, code: str, permissions: Collection[str], before: frozenset[str]) -> None:
    """Raises Invalid for permissions that do not exist or need a password, and Forbidden for added ones that the caller
    lacks."""
    after = frozenset(permissions)
    if unknown := sorted(after - CATALOGUE.keys()):
        raise Invalid.field("permissions", f'"{unknown[0]}" is not a valid choice.', code="permission_unknown")
    added = after - before
    if not roles.is_administrative(code) and (guarded := sorted(added & PASSWORD_ONLY)):
        raise Invalid.field(
            "permissions", f"Roles that log in by PIN cannot hold {guarded[0]}.", code="permission_needs_password"
        )
    if lacking := sorted(added - principal.permissions):
        raise Forbidden(f"You cannot give {lacking[0]}, which you do not hold.", code="permission_not_held")


def _new(
    principal: Principal, code: str, *, name: str | None, description: str | None, permissions: Collection[str]
) -> Role:
    return Role(
        id=uuid4(),
        restaurant_id=principal.tenant,
        code=code,
        name=name or roles.label(code),
        description=description,
        permissions=sorted(set(permissions)),
        is_active=True,
    )


def _ensure_exists(code: str, defined: Definitions) -> None:
    if not roles.is_standard(code) and code not in defined.rows:
        raise NotFound("No Role matches the given query.")


async def _lock(session: AsyncSession, principal: Principal) -> None:
    """Roles of one restaurant change one after the other, so that what was checked still holds."""
    await session.execute(_ONE_AT_A_TIME, {"name": f"roles {principal.tenant}"})
