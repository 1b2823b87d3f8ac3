"""Turning an invitation into an account."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.events.v1 import events_pb2 as facts
from servicekit.errors import Invalid
from services.identity import events
from services.identity.commands import accounts, people
from services.identity.commands.accounts import Hashes
from services.identity.domain.contact import generated_email
from services.identity.models import Invitation, Restaurant, StaffProfile, User
from services.identity.vault import Vault


async def locked(session: AsyncSession, invitation_id: UUID) -> Invitation | None:
    """The invitation, held against others who accept it at the same time."""
    return await session.get(Invitation, invitation_id, with_for_update=True)


async def accept(
    session: AsyncSession,
    vault: Vault,
    invitation: Invitation,
    hashes: Hashes,
    now: datetime,
    *,
    first_name: str,
    last_name: str,
    email: str | None = None,
) -> tuple[User, Restaurant]:
    """The account that the invitation promised, with its phone and department; other invitations of the person close.

    `email` counts only where the invitation names none; without either, an address is made from the number. Raises
    Invalid for an address or a PIN that is somebody else's.
    """
    given = None if invitation.email else email
    address = invitation.email or given or generated_email(invitation.phone_digits or "")
    await accounts.ensure_email_free(session, address)
    digest = accounts.pin_digest(vault, invitation.restaurant_id, hashes.pin_plain) if hashes.pin_plain else None
    if digest is not None and await people.pin_is_taken(session, digest, invitation.restaurant_id):
        raise Invalid.field("pin_code", people.PIN_TAKEN, code="pin_taken")
    user = accounts.new_user(
        vault,
        invitation.restaurant_id,
        email=address,
        role=invitation.role,
        hashes=hashes,
        now=now,
        first_name=first_name,
        last_name=last_name,
        phone=invitation.phone,
        # The link came to the invited address; one that was typed on the way proves nothing.
        is_verified=given is None,
    )
    session.add(user)
    await people.flush(session)
    if invitation.department:
        session.add(
            StaffProfile(
                user_id=user.id,
                restaurant_id=invitation.restaurant_id,
                department=invitation.department,
                position=None,
                join_date=None,
            )
        )
    invitation.status = "ACCEPTED"
    invitation.accepted_at = invitation.updated_at = now
    invitation.accepted_by = user.id
    await session.flush()
    await _close_others(session, invitation, address, now)
    restaurant = await session.get_one(Restaurant, invitation.restaurant_id)
    events.staff_changed(
        session,
        facts.StaffJoined,
        events.staff_facts(user, language=restaurant.language, department=invitation.department, position=None),
    )
    events.invitation_accepted(session, invitation, user)
    return user, restaurant


async def _close_others(session: AsyncSession, accepted: Invitation, email: str, now: datetime) -> None:
    same_person = sa.func.lower(Invitation.email) == email.lower()
    if accepted.phone_digits:
        alone = sa.and_(Invitation.email.is_(None), Invitation.phone_digits == accepted.phone_digits)
        same_person = sa.or_(same_person, alone)
    await session.execute(
        sa.update(Invitation)
        .where(
            Invitation.restaurant_id == accepted.restaurant_id,
            Invitation.status == "PENDING",
            Invitation.id != accepted.id,
            same_person,
        )
        .values(status="EXPIRED", updated_at=now)
        .execution_options(synchronize_session=False)
    )
