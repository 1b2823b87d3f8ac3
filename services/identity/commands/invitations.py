"""Inviting people, changing what was offered, sending it again."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from psycopg.errors import UniqueViolation
from sqlalchemy import any_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import Reading, SessionReader
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from servicekit.identity import Principal
from services.identity import events, mails
from services.identity.commands.people import NOT_YOURS_TO_GIVE, ensure_may_grant, ensure_may_manage, valid_role
from services.identity.domain import roles
from services.identity.domain.invitations import EMAIL, LIFETIME, WHATSAPP, Offer, repeated, standing
from services.identity.models import Invitation, InvitationDelivery, Restaurant, User
from services.identity.queries.roles import definitions

REFERENCE = "invitation"
"""The purpose under which the vault signs an invitation's token."""


class Problem(StrEnum):
    """Why somebody was not invited."""

    USER_EXISTS = "User with this email already exists."
    PHONE_EXISTS = "A person with this phone number already works here."
    EMAIL_PENDING = "A pending invitation already exists for this email."
    PHONE_PENDING = "A pending invitation already exists for this phone number."
    ROLE_REFUSED = NOT_YOURS_TO_GIVE
    REPEATED = "This person stands in the list twice."


async def invite(
    session: AsyncSession,
    principal: Principal,
    offers: Sequence[Offer],
    channels: Sequence[str],
    now: datetime,
    *,
    lifetime: timedelta = LIFETIME,
    extra_data: Mapping[str, Any] | None = None,
    batch_id: str | None = None,
) -> list[Invitation | Problem]:
    """Invites people over every channel that reaches them; for each offer its invitation, or why there is none.

    It takes the same number of statements for one offer as for many.
    """
    tenant = principal.tenant
    await _expire_stale(session, tenant, offers, now)
    problems = await _problems(session, principal, offers)
    made = [
        problem
        or Invitation(
            id=uuid4(),
            restaurant_id=tenant,
            email=offer.email,
            phone=offer.phone,
            phone_digits=offer.digits,
            role=offer.role,
            first_name=offer.first_name or None,
            last_name=offer.last_name or None,
            department=offer.department,
            status="PENDING",
            token_generation=1,
            extra_data=dict(extra_data or {}),
            invited_by=principal.user_id,
            bulk_batch_id=batch_id,
            sent_at=now,
            expires_at=now + lifetime,
            updated_at=now,
        )
        for offer, problem in zip(offers, problems, strict=True)
    ]
    inserted = await _insert(session, [one for one in made if isinstance(one, Invitation)])
    result: list[Invitation | Problem] = []
    for one in made:
        if isinstance(one, Invitation) and one.id not in inserted:
            one = Problem.EMAIL_PENDING if one.email else Problem.PHONE_PENDING
        result.append(one)
    sent = [one for one in result if isinstance(one, Invitation)]
    if sent:
        await _send(session, sent, channels, now)
    return result


async def _expire_stale(session: AsyncSession, tenant: UUID, offers: Sequence[Offer], now: datetime) -> None:
    """Closes invitations of the same people whose time is over, since they would be in the way of new ones."""
    await session.execute(
        sa.update(Invitation)
        .where(
            Invitation.restaurant_id == tenant,
            Invitation.status == "PENDING",
            Invitation.expires_at <= now,
            _reaches(Invitation, offers),
        )
        .values(status="EXPIRED", updated_at=now)
        .execution_options(synchronize_session=False)
    )


def _reaches(model: type[Invitation] | type[User], offers: Sequence[Offer]) -> sa.ColumnElement[bool]:
    emails = sorted({offer.email.lower() for offer in offers if offer.email})
    digits = sorted({offer.digits for offer in offers if offer.digits})
    return sa.or_(
        sa.func.lower(model.email) == any_(sa.cast(emails, sa.ARRAY(sa.Text))),
        model.phone_digits == any_(sa.cast(digits, sa.ARRAY(sa.Text))),
    )


async def _problems(session: AsyncSession, principal: Principal, offers: Sequence[Offer]) -> list[Problem | None]:
    tenant = principal.tenant
    defined = await definitions(SessionReader(session), tenant)
    grantable = {
        role: roles.may_grant(principal.role, principal.permissions, role, defined.permissions(role))
        for role in {offer.role for offer in offers}
    }
    people = await _contacts(session, User, offers, User.restaurant_id == tenant)
    pending = await _contacts(
        session, Invitation, offers, Invitation.restaurant_id == tenant, Invitation.status == "PENDING"
    )
    return [
        _problem(offer, twice, grantable[offer.role], people, pending)
        for offer, twice in zip(offers, repeated(offers), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Contacts:
    emails: frozenset[str]
    digits: frozenset[str]
    """Of everybody."""
    digits_alone: frozenset[str]
    """Of those without an address."""


async def _contacts(
    session: AsyncSession,
    model: type[Invitation] | type[User],
    offers: Sequence[Offer],
    *conditions: sa.ColumnElement[bool],
) -> _Contacts:
    rows = (
        await session.execute(
            sa.select(sa.func.lower(model.email).label("email"), model.phone_digits).where(
                *conditions, _reaches(model, offers)
            )
        )
    ).all()
    return _Contacts(
        frozenset(row.email for row in rows if row.email),
        frozenset(row.phone_digits for row in rows if row.phone_digits),
        frozenset(row.phone_digits for row in rows if row.phone_digits and not row.email),
    )


def _problem(offer: Offer, twice: bool, grantable: bool, people: _Contacts, pending: _Contacts) -> Problem | None:
    if not grantable:
        return Problem.ROLE_REFUSED
    if twice:
        return Problem.REPEATED
    if offer.email:
        if offer.email.lower() in people.emails:
            return Problem.USER_EXISTS
        return Problem.EMAIL_PENDING if offer.email.lower() in pending.emails else None
    if offer.digits in people.digits:
        return Problem.PHONE_EXISTS
    return Problem.PHONE_PENDING if offer.digits in pending.digits_alone else None


async def _insert(session: AsyncSession, invitations: Sequence[Invitation]) -> frozenset[UUID]:
    """Writes the invitations but for those that somebody else made meanwhile; the ids of those written."""
    if not invitations:
        return frozenset()
    table = Invitation.metadata.tables[Invitation.__tablename__]
    names = [column.key for column in table.columns if column.key not in ("accepted_by", "accepted_at")]
    rows = [{name: getattr(one, name) for name in names} for one in invitations]
    statement = insert(table).on_conflict_do_nothing().returning(table.c.id)
    return frozenset((await session.scalars(statement, rows)).all())


async def _send(
    session: AsyncSession, invitations: Sequence[Invitation], channels: Sequence[str], now: datetime
) -> None:
    """Notes the deliveries of a restaurant's invitations, queues the mails, and tells the platform."""
    restaurant = await session.get_one(Restaurant, invitations[0].restaurant_id)
    deliveries = [
        InvitationDelivery(
            id=uuid4(),
            restaurant_id=one.restaurant_id,
            invitation_id=one.id,
            channel=channel,
            recipient=one.email if channel == EMAIL else one.phone_digits,
            status="PENDING",
            attempts=0,
            sent_at=now,
        )
        for one in invitations
        for channel in _offer_of(one).over(channels)
    ]
    session.add_all(deliveries)
    await session.flush()
    await mails.queue_invitations(session, [delivery.id for delivery in deliveries if delivery.channel == EMAIL])
    whatsapp = {delivery.invitation_id for delivery in deliveries if delivery.channel == WHATSAPP}
    for one in invitations:
        events.staff_invited(session, one, restaurant, by_whatsapp=one.id in whatsapp)


def _offer_of(invitation: Invitation) -> Offer:
    return Offer(invitation.role, email=invitation.email, phone=invitation.phone, digits=invitation.phone_digits)


async def locked(session: AsyncSession, principal: Principal, invitation_id: UUID) -> Invitation:
    """An invitation of the caller's restaurant for changing. Raises NotFound."""
    invitation = await session.get(Invitation, invitation_id, with_for_update=True)
    if invitation is None or invitation.restaurant_id != principal.tenant:
        raise NotFound("No UserInvitation matches the given query.")
    return invitation


async def change(
    session: AsyncSession, principal: Principal, invitation: Invitation, changes: Mapping[str, Any], now: datetime
) -> None:
    """Changes a pending invitation. Raises Conflict when it is pending no more, Forbidden, and Invalid.

    Whoever may not give the role, before and after, may not redirect the invitation either.
    """
    if standing(invitation.status, invitation.expires_at, now) != "PENDING":
        raise Conflict("Only pending invitations can be changed.", code="invitation_not_pending")
    defined = await definitions(SessionReader(session), principal.tenant)
    ensure_may_grant(principal, invitation.role, defined)
    if "role" in changes:
        changes = {**changes, "role": valid_role(changes["role"])}
        ensure_may_grant(principal, changes["role"], defined)
    if "email" in changes and changes["email"] != invitation.email:
        if await _email_works_here(session, principal.tenant, changes["email"]):
            raise Invalid.field("email", Problem.USER_EXISTS.value, code="user_exists")
        # Links that went to the old address must not open what is the new one's.
        invitation.token_generation += 1
    for name, value in changes.items():
        setattr(invitation, name, value)
    invitation.updated_at = now
    try:
        await session.flush()
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        raise Invalid.field("email", Problem.EMAIL_PENDING.value, code="invitation_pending") from error


async def cancel(session: AsyncSession, principal: Principal, invitation_id: UUID) -> Invitation:
    """Deletes an invitation. Raises NotFound, Forbidden for a role above the caller, Conflict for an accepted one."""
    invitation = await locked(session, principal, invitation_id)
    ensure_may_manage(principal, invitation.role)
    if invitation.status == "ACCEPTED":
        raise Conflict("Invitation already accepted", code="invitation_accepted")
    await session.delete(invitation)
    return invitation


async def resend(session: AsyncSession, principal: Principal, invitation_id: UUID, now: datetime) -> list[str]:
    """Sends an invitation again over every channel that reaches the person; the channels.

    One that expired is good for another week. Raises NotFound, Forbidden and Invalid.
    """
    invitation = await locked(session, principal, invitation_id)
    if invitation.status in ("ACCEPTED", "REJECTED"):
        raise Invalid(f"Invitation already {invitation.status.lower()}", code="invitation_closed")
    ensure_may_grant(principal, invitation.role, await definitions(SessionReader(session), principal.tenant))
    if invitation.email and await _email_works_here(session, invitation.restaurant_id, invitation.email):
        raise Invalid(Problem.USER_EXISTS.value, code="user_exists")
    if standing(invitation.status, invitation.expires_at, now) == "EXPIRED":
        invitation.status = "PENDING"
        invitation.expires_at = now + LIFETIME
    invitation.updated_at = now
    try:
        await session.flush()
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        problem = Problem.EMAIL_PENDING if invitation.email else Problem.PHONE_PENDING
        raise Invalid(problem.value, code="invitation_pending") from error
    channels = _offer_of(invitation).over((EMAIL, WHATSAPP))
    await _send(session, [invitation], channels, now)
    return channels


async def _email_works_here(session: AsyncSession, tenant: UUID, email: str) -> bool:
    here = sa.exists().where(User.restaurant_id == tenant, sa.func.lower(User.email) == email.lower())
    return bool(await session.scalar(sa.select(here)))


def refusal(problem: Problem) -> Refusal:
    """What a single invitation is refused with."""
    if problem is Problem.ROLE_REFUSED:
        return Forbidden(problem.value, code="role_not_grantable")
    code = "user_exists" if problem in (Problem.USER_EXISTS, Problem.PHONE_EXISTS) else "invitation_pending"
    return Invalid(problem.value, code=code)


def new_batch_id() -> str:
    """What the invitations of one list have in common: 16 hexadecimal digits."""
    return secrets.token_hex(8)


async def known_roles(reading: Reading, principal: Principal) -> frozenset[str]:
    """The role codes that a list of people may name."""
    return frozenset(roles.STANDARD) | (await definitions(reading, principal.tenant)).rows.keys()


async def delete_unaccepted(
    session: AsyncSession, now: datetime, *, kept_for: timedelta = timedelta(), open_ones_too: bool = False
) -> Sequence[tuple[UUID, UUID, datetime]]:
    """Deletes invitations that nobody accepted and that were over longer ago than they are kept.

    With `open_ones_too` also those that could still be accepted. Answers with each one's id, restaurant and end.
    """
    over = Invitation.expires_at <= now - kept_for
    if not kept_for:
        over = sa.or_(over, Invitation.status.in_(("REJECTED", "EXPIRED")))
    deleted = await session.execute(
        sa.delete(Invitation)
        .where(Invitation.status != "ACCEPTED", sa.true() if open_ones_too else over)
        .returning(Invitation.id, Invitation.restaurant_id, Invitation.expires_at)
    )
    return [(row.id, row.restaurant_id, row.expires_at) for row in deleted]


def invited(results: Iterable[Invitation | Problem]) -> list[Invitation]:
    """Those of the results that are invitations."""
    return [one for one in results if isinstance(one, Invitation)]
