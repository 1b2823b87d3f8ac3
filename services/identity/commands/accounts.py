"""Signing up, proving an address, and changing one's own account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.events.v1 import events_pb2 as facts
from servicekit.errors import Invalid, NotFound
from services.identity import events
from services.identity.domain.contact import phone_digits
from services.identity.models import OneTimeToken, Restaurant, StaffProfile, User
from services.identity.vault import Vault

VERIFICATION_LIFETIME = timedelta(days=3)
RESET_LIFETIME = timedelta(hours=1)
VERIFY_EMAIL = "VERIFY_EMAIL"
RESET_PASSWORD = "RESET_PASSWORD"  # noqa: S105 - the name of a purpose, no secret
EMAIL_TAKEN = "A user with this email address already exists."


@dataclass(frozen=True, slots=True)
class Hashes:
    """Secrets of a new account, hashed before its transaction began."""

    password: str | None = None
    pin: str | None = None
    pin_plain: str | None = None


async def register(
    session: AsyncSession,
    vault: Vault,
    restaurant: Mapping[str, Any],
    owner: Mapping[str, Any],
    hashes: Hashes,
    now: datetime,
) -> tuple[Restaurant, User]:
    """A new restaurant and its first user, who holds every right in it. Raises Invalid for an address that is taken."""
    if await _email_is_taken(session, Restaurant, restaurant["email"]):
        raise Invalid.field("email", "restaurant with this email already exists.", code="email_taken")
    if await _email_is_taken(session, User, owner["email"]):
        raise Invalid.field("email", EMAIL_TAKEN, code="email_taken")
    created = Restaurant(
        id=uuid4(), settings_version=int(now.timestamp()), created_at=now, updated_at=now, **restaurant
    )
    session.add(created)
    await session.flush()
    await session.refresh(created)
    user = new_user(vault, created.id, role="SUPER_ADMIN", hashes=hashes, now=now, **owner)
    session.add(user)
    await session.flush()
    events.restaurant_created(session, created)
    events.staff_changed(
        session,
        facts.StaffJoined,
        events.staff_facts(user, language=created.language, department=None, position=None),
    )
    return created, user


def new_user(
    vault: Vault,
    restaurant_id: UUID,
    *,
    email: str,
    role: str,
    hashes: Hashes,
    now: datetime,
    first_name: str = "",
    last_name: str = "",
    phone: str | None = None,
    is_verified: bool = False,
) -> User:
    """An account that is not in the database yet."""
    return User(
        id=uuid4(),
        restaurant_id=restaurant_id,
        email=email.strip(),
        first_name=first_name.strip(),
        last_name=last_name.strip(),
        role=role,
        phone=phone,
        phone_digits=phone_digits(phone),
        is_verified=is_verified,
        is_active=True,
        is_superuser=False,
        version=1,
        password_hash=hashes.password,
        pin_hash=hashes.pin,
        pin_digest=pin_digest(vault, restaurant_id, hashes.pin_plain) if hashes.pin_plain else None,
        created_at=now,
        updated_at=now,
    )


def pin_digest(vault: Vault, restaurant_id: UUID, pin: str) -> bytes:
    """What finds a person by PIN inside their restaurant."""
    return vault.digest("pin", f"{restaurant_id}:{pin}")


async def _email_is_taken(session: AsyncSession, model: type[Restaurant] | type[User], email: str) -> bool:
    statement = sa.select(sa.exists().where(sa.func.lower(model.email) == email.strip().lower()))
    return bool(await session.scalar(statement))


async def ensure_email_free(session: AsyncSession, email: str, *, but_for: UUID | None = None) -> None:
    """Raises Invalid when an address belongs to somebody else already."""
    statement = sa.select(User.id).where(sa.func.lower(User.email) == email.strip().lower())
    owner = await session.scalar(statement)
    if owner is not None and owner != but_for:
        raise Invalid.field("email", EMAIL_TAKEN, code="email_taken")


async def issue_one_time_token(session: AsyncSession, user_id: UUID, purpose: str, now: datetime) -> OneTimeToken:
    """A fresh token of one purpose; earlier ones of the person stop working."""
    await session.execute(
        sa.delete(OneTimeToken).where(OneTimeToken.user_id == user_id, OneTimeToken.purpose == purpose)
    )
    lifetime = VERIFICATION_LIFETIME if purpose == VERIFY_EMAIL else RESET_LIFETIME
    token = OneTimeToken(id=uuid4(), purpose=purpose, user_id=user_id, created_at=now, expires_at=now + lifetime)
    session.add(token)
    return token


async def use_one_time_token(session: AsyncSession, vault: Vault, token: str, purpose: str, now: datetime) -> User:
    """The person whom a mailed token proves; the token is used up. Raises Invalid for any other token."""
    named = vault.read_reference(purpose, token)
    row = None
    if named is not None:
        row = (
            await session.execute(
                sa.delete(OneTimeToken)
                .where(OneTimeToken.id == named[0], OneTimeToken.purpose == purpose)
                .returning(OneTimeToken.user_id, OneTimeToken.expires_at)
            )
        ).first()
    what = "verification" if purpose == VERIFY_EMAIL else "reset"
    if row is None:
        raise Invalid(f"Invalid or expired {what} token", code="token_invalid")
    if row.expires_at <= now:
        raise Invalid(f"{what.capitalize()} token has expired. Please ask for a new one.", code="token_expired")
    user = await session.get(User, row.user_id, with_for_update=True)
    if user is None or not user.is_active:
        raise Invalid(f"Invalid or expired {what} token", code="token_invalid")
    return user


async def locked_user(session: AsyncSession, user_id: UUID) -> User:
    """A person for changing, held against others until the transaction ends. Raises NotFound."""
    user = await session.get(User, user_id, with_for_update=True)
    if user is None:
        raise NotFound("No User matches the given query.")
    return user


async def change_account(session: AsyncSession, user: User, changes: Mapping[str, Any]) -> None:
    """Applies changes of names, address, phone or language. Raises Invalid for an address that is taken."""
    if "email" in changes and changes["email"].lower() != user.email.lower():
        await ensure_email_free(session, changes["email"], but_for=user.id)
        user.is_verified = False
    for name, value in changes.items():
        setattr(user, name, value)
    if "phone" in changes:
        user.phone_digits = phone_digits(changes["phone"])


async def change_profile(session: AsyncSession, user: User, changes: Mapping[str, Any]) -> StaffProfile:
    """Applies changes to somebody's profile, which begins to exist with the first one."""
    profile = await session.get(StaffProfile, user.id, with_for_update=True)
    if profile is None:
        if user.restaurant_id is None:
            raise Invalid("No restaurant associated", code="no_restaurant")
        profile = StaffProfile(user_id=user.id, restaurant_id=user.restaurant_id, department=None, position=None)
        session.add(profile)
    for name, value in changes.items():
        setattr(profile, name, value)
    return profile


async def publish_change(session: AsyncSession, user: User) -> None:
    """Tells everybody what a person looks like after a change, and counts the version up."""
    user.version += 1
    await session.flush()
    if user.restaurant_id is None:
        return
    row = (
        await session.execute(
            sa.select(Restaurant.language, StaffProfile.department, StaffProfile.position, StaffProfile.skills)
            .select_from(Restaurant)
            .outerjoin(StaffProfile, StaffProfile.user_id == user.id)
            .where(Restaurant.id == user.restaurant_id)
        )
    ).one()
    events.staff_changed(
        session,
        facts.StaffUpdated if user.is_active else facts.StaffDeactivated,
        events.staff_facts(
            user, language=row.language, department=row.department, position=row.position, skills=row.skills
        ),
    )
