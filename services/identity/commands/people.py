"""Making, changing, deactivating and re-equipping the people of a restaurant, by somebody who may."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.events.v1 import events_pb2 as facts
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from services.identity import events, mails
from services.identity.commands import accounts, failures, sessions
from services.identity.commands.accounts import Hashes
from services.identity.domain import roles
from services.identity.domain.contact import is_generated_email
from services.identity.models import Restaurant, User
from services.identity.queries.roles import Definitions, definitions
from services.identity.vault import Vault

PIN_TAKEN = "This PIN is already in use in your restaurant. Please choose another one."
ABOVE_YOU = "You cannot change somebody who stands above you."
NOT_YOURS_TO_GIVE = "You cannot give a role that holds more than your own."
_IDENTIFYING = frozenset({"email", "phone"})
_OWN_FIELDS = frozenset({"first_name", "last_name", "phone"})
_OWN_PROFILE_FIELDS = frozenset({"emergency_contact_name", "emergency_contact_phone"})


async def locked_member(session: AsyncSession, principal: Principal, user_id: UUID) -> User:
    """A person of the caller's restaurant, held against others until the transaction ends. Raises NotFound."""
    user = await accounts.locked_user(session, user_id)
    if user.restaurant_id != principal.tenant:
        raise NotFound("No User matches the given query.")
    return user


async def flush(session: AsyncSession) -> None:
    """Writes pending changes of people. Raises Invalid for an address or PIN that is somebody else's."""
    try:
        await session.flush()
    except IntegrityError as error:
        violated = error.orig.diag.constraint_name if isinstance(error.orig, UniqueViolation) else None
        if violated == "users_email_key":
            raise Invalid.field("email", accounts.EMAIL_TAKEN, code="email_taken") from error
        if violated == "users_pin_key":
            raise Invalid.field("pin_code", PIN_TAKEN, code="pin_taken") from error
        raise


def valid_role(text: str) -> str:
    """The role code that a text means. Raises Invalid."""
    role = roles.normalise(text)
    if not roles.is_role(role):
        raise Invalid.field("role", f'"{text}" is not a valid choice.', code="role_not_valid")
    return role


def ensure_may_grant(principal: Principal, role: str, defined: Definitions) -> None:
    """Raises Forbidden for a role that stands above the caller or holds a permission that they lack."""
    if not roles.may_grant(principal.role, principal.permissions, role, defined.permissions(role)):
        raise Forbidden(NOT_YOURS_TO_GIVE, code="role_not_grantable")


def ensure_may_manage(principal: Principal, role: str) -> None:
    """Raises Forbidden for somebody who stands above the caller."""
    if not roles.may_manage(principal.role, role):
        raise Forbidden(ABOVE_YOU, code="above_you")


def own_profile(principal: Principal, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What of a change people may apply to their own profile: all of it where they manage staff, else the harmless."""
    everything = principal.may("staff.manage")
    return {name: value for name, value in changes.items() if everything or name in _OWN_PROFILE_FIELDS}


def is_self(principal: Principal, user: User) -> bool:
    """Whether the caller and the person are the same."""
    return principal.subject == str(user.id)


async def create(
    session: AsyncSession, vault: Vault, principal: Principal, values: Mapping[str, Any], now: datetime
) -> User:
    """A new account without password or PIN. Raises Forbidden for a role that is not the caller's to give."""
    role = valid_role(values["role"])
    ensure_may_grant(principal, role, await definitions(SessionReader(session), principal.tenant))
    user = accounts.new_user(
        vault,
        principal.tenant,
        email=values["email"],
        role=role,
        hashes=Hashes(),
        now=now,
        first_name=values.get("first_name", ""),
        last_name=values.get("last_name", ""),
        phone=values.get("phone"),
    )
    user.is_active = values.get("is_active", True)
    user.preferred_language = values.get("preferred_language")
    session.add(user)
    await flush(session)
    restaurant = await session.get_one(Restaurant, principal.tenant)
    joined = events.staff_facts(user, language=restaurant.language, department=None, position=None)
    events.staff_changed(session, facts.StaffJoined, joined)
    return user


async def change(
    session: AsyncSession,
    principal: Principal,
    user: User,
    account: Mapping[str, Any],
    profile: Mapping[str, Any],
    now: datetime,
) -> None:
    """Applies changes that a request asks for; values that a person has already are no changes.

    Raises Forbidden for what the caller may not change of this person, and Invalid for a value that is taken or wrong.
    """
    wanted = {**account, "phone": account["phone"] or None} if "phone" in account else account
    changes = {name: value for name, value in wanted.items() if getattr(user, name) != value}
    if "role" in changes:
        changes["role"] = valid_role(changes["role"])
    if principal.may("staff.manage"):
        ensure_may_manage(principal, user.role)
    else:
        _ensure_harmless(principal, user, changes, profile)
    if changes.keys() & _IDENTIFYING and not is_self(principal, user):
        await ensure_may_impersonate(session, principal, user)
    role, is_active = changes.pop("role", user.role), changes.pop("is_active", user.is_active)
    await accounts.change_account(session, user, changes)
    if profile:
        await accounts.change_profile(session, user, profile)
    if role != user.role:
        await change_role(session, principal, user, role, now)
    if is_active != user.is_active:
        await (reactivate if is_active else deactivate)(session, principal, user, now)
    await flush(session)


def _ensure_harmless(principal: Principal, user: User, account: Mapping[str, Any], profile: Mapping[str, Any]) -> None:
    """Raises Forbidden unless people change of themselves what concerns nobody else."""
    if not is_self(principal, user) or account.keys() - _OWN_FIELDS or profile.keys() - _OWN_PROFILE_FIELDS:
        raise Forbidden


async def change_role(session: AsyncSession, principal: Principal, user: User, role: str, now: datetime) -> None:
    """Gives a person another role and ends their sessions. Raises Forbidden.

    Somebody who begins to log in by password needs one that was made for that: what staff have may be four digits.
    """
    if role == user.role:
        return
    if is_self(principal, user):
        raise Forbidden("You cannot change your own role.", code="own_role")
    ensure_may_manage(principal, user.role)
    ensure_may_grant(principal, role, await definitions(SessionReader(session), principal.tenant))
    previous, user.role = user.role, role
    if roles.is_administrative(role) and not roles.is_administrative(previous):
        user.password_hash = None
        if not is_generated_email(user.email):
            token = await accounts.issue_one_time_token(session, user.id, accounts.RESET_PASSWORD, now)
            await mails.queue_one_time_link(session, token)
    events.role_changed(session, principal.tenant, role, user_id=user.id, previous=previous)
    await sessions.revoke_all(session, user, "role_changed", now)


async def deactivate(session: AsyncSession, principal: Principal, user: User, now: datetime) -> None:
    """Ends a person's sessions and frees their PIN; once more changes nothing. Raises Forbidden."""
    if is_self(principal, user):
        raise Forbidden("You cannot deactivate your own account.", code="own_account")
    ensure_may_manage(principal, user.role)
    if not user.is_active:
        return
    user.is_active = False
    # There are ten thousand PINs of four digits; nobody who left keeps one from the others.
    user.pin_hash = user.pin_digest = None
    await sessions.revoke_all(session, user, "deactivated", now)


async def reactivate(session: AsyncSession, principal: Principal, user: User, _now: datetime) -> None:
    """Lets a person log in again. Raises Forbidden, also for managers."""
    if not roles.may_reactivate(principal.role):
        raise Forbidden("Only admins can reactivate users", code="admins_only")
    ensure_may_manage(principal, user.role)
    ensure_may_grant(principal, user.role, await definitions(SessionReader(session), principal.tenant))
    user.is_active = True


async def ensure_may_impersonate(session: AsyncSession, principal: Principal, user: User) -> None:
    """Raises Forbidden where logging in as the person, or being taken for them, would gain the caller a permission."""
    held = (await definitions(SessionReader(session), principal.tenant)).permissions(user.role)
    if not roles.may_impersonate(principal.role, principal.permissions, user.role, held):
        raise Forbidden(ABOVE_YOU, code="above_you")


async def set_credentials(
    session: AsyncSession, vault: Vault, principal: Principal, user: User, role: str, hashes: Hashes, now: datetime
) -> None:
    """Sets a person's password or PIN, ends their sessions and lifts their lock.

    `role` is the one for which the secrets were judged. Raises Forbidden, and Invalid for a PIN that is taken.
    """
    if is_self(principal, user):
        raise Forbidden("Change your own password in your profile.", code="own_account")
    await ensure_may_impersonate(session, principal, user)
    if roles.is_administrative(role) != roles.is_administrative(user.role):
        raise Conflict("The person's role changed meanwhile. Please try again.", code="concurrent_change")
    if hashes.password is not None:
        user.password_hash = hashes.password
    if hashes.pin is not None and hashes.pin_plain is not None:
        user.pin_hash = hashes.pin
        user.pin_digest = accounts.pin_digest(vault, principal.tenant, hashes.pin_plain)
    await flush(session)
    await sessions.revoke_all(session, user, "credentials_reset", now)
    await failures.forget_failures(session, [failures.account_scope(vault, user.email)])


async def pin_is_taken(session: AsyncSession, digest: bytes, restaurant_id: UUID) -> bool:
    """Whether somebody in the restaurant has the PIN with this digest."""
    taken = sa.select(sa.exists().where(User.restaurant_id == restaurant_id, User.pin_digest == digest))
    return bool(await session.scalar(taken))
