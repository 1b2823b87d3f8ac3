"""Accepting invitations: by the holder of a link, and by an agent for them."""

from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.v1 import acceptance_pb2, account_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Scope, SessionReader
from servicekit.errors import Invalid, NotFound
from servicekit.identity import Principal
from services.identity.commands import acceptance, accounts, people, sessions
from services.identity.commands.accounts import Hashes
from services.identity.commands.invitations import REFERENCE
from services.identity.domain import credentials, roles
from services.identity.domain.contact import phone_digits
from services.identity.domain.invitations import FIRST_GUESSES, standing
from services.identity.models import Invitation, Restaurant, User
from services.identity.queries import accounts as account_queries
from services.identity.queries import invitations as queries
from services.identity.service.convert import user_message
from services.identity.vault import Vault

ACCOUNT_EXISTS = "An account with this email address already exists. Please log in instead."
USER_EXISTS = "User with this email already exists"
INVALID_OR_EXPIRED = "Invalid or expired invitation"
MIN_PASSWORD_LENGTH = 8


class AcceptanceService:
    """Implements mizan.identity.v1.AcceptanceService."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def GetInvitationByToken(
        self, request: acceptance_pb2.GetInvitationByTokenRequest, call: Call
    ) -> acceptance_pb2.InvitationPreview:
        if not request.token:
            raise Invalid("token query parameter is required", code="required")
        row = await self._find(call, request.token, SYSTEM)
        if row is None:
            raise NotFound("Invitation not found")
        status = standing(row.status, row.expires_at, self._clock.now())
        if status == "EXPIRED":
            extra = {"status": status, "is_expired": True}
            raise Invalid("Invitation has expired", code="invitation_expired", extra=extra)
        message = acceptance_pb2.InvitationPreview(
            id=str(row.id),
            email=row.email,
            role=row.role,
            first_name=row.first_name,
            last_name=row.last_name,
            status=status,
            is_accepted=status == "ACCEPTED",
            has_phone=row.phone_digits is not None,
            restaurant_name=row.restaurant_name,
        )
        message.expires_at.FromDatetime(row.expires_at)
        return message

    async def AcceptInvitation(
        self, request: acceptance_pb2.AcceptInvitationRequest, call: Call
    ) -> acceptance_pb2.InvitationAccepted:
        now = self._clock.now()
        row = _open_one(await self._find(call, request.token, SYSTEM), now)
        hashes = Hashes(password=await self._vault.hash(request.password))
        session = await call.session(SYSTEM)
        invitation = _open_one(await acceptance.locked(session, row.id), now)
        user, _ = await self._accept(session, invitation, hashes, now, request, taken=ACCOUNT_EXISTS)
        opened, tokens = await self._open(session, call, user, now)
        return acceptance_pb2.InvitationAccepted(detail="Account created successfully", user=opened, tokens=tokens)

    async def AcceptStaffInvitation(
        self, request: acceptance_pb2.AcceptStaffInvitationRequest, call: Call
    ) -> acceptance_pb2.StaffInvitationAccepted:
        if not credentials.is_pin(request.pin_code):
            raise Invalid.field("pin_code", "A PIN has 4 to 6 digits.", code="pin_not_valid")
        now = self._clock.now()
        row = _open_one(await self._find(call, request.token, SYSTEM), now, INVALID_OR_EXPIRED)
        if roles.is_administrative(row.role):
            raise Invalid("This invitation is accepted with a password.", code="password_required")
        hashes = Hashes(pin=await self._vault.hash(request.pin_code), pin_plain=request.pin_code)
        session = await call.session(SYSTEM)
        invitation = _open_one(await acceptance.locked(session, row.id), now, INVALID_OR_EXPIRED)
        email = request.email if request.HasField("email") else None
        user, _ = await self._accept(session, invitation, hashes, now, request, taken=USER_EXISTS, email=email)
        opened, tokens = await self._open(session, call, user, now)
        return acceptance_pb2.StaffInvitationAccepted(user=opened, tokens=tokens)

    async def AgentAcceptInvitation(
        self, request: acceptance_pb2.AgentAcceptInvitationRequest, call: Call
    ) -> acceptance_pb2.AgentInvitationAccepted:
        if not request.invitation_token:
            raise Invalid("invitation_token is required", code="required")
        now = self._clock.now()
        row = await self._find(call, request.invitation_token, _scope(call.principal))
        if row is None or row.accepted_by is None:
            row = _open_one(row, now)
        hashes = await self._agent_hashes(request.pin, row.role)
        session = await call.session(SYSTEM)
        invitation = await acceptance.locked(session, row.id)
        if invitation is not None and invitation.accepted_by is not None:
            # The agent hears of what it did and does it again; the person is there once.
            user = await session.get_one(User, invitation.accepted_by)
            call.notes.skip = True
            return _agent_answer(user, await session.get_one(Restaurant, invitation.restaurant_id))
        invitation = _open_one(invitation, now)
        hashes = await self._without_taken_pin(session, invitation, hashes)
        user, restaurant = await self._accept(session, invitation, hashes, now, request, taken=ACCOUNT_EXISTS)
        _note(call, user)
        return _agent_answer(user, restaurant)

    async def AgentLookupInvitation(
        self, request: acceptance_pb2.AgentLookupInvitationRequest, call: Call
    ) -> acceptance_pb2.AgentInvitationFound:
        digits = phone_digits(request.phone)
        if digits is None:
            raise Invalid("phone query parameter is required", code="required")
        principal = call.principal
        row = await queries.by_phone(call.read(_scope(principal)), digits, principal.restaurant_id, self._clock.now())
        if row is None:
            raise NotFound("No pending invitation found for this number")
        return acceptance_pb2.AgentInvitationFound(
            success=True,
            invitation=acceptance_pb2.AgentInvitation(
                token=self._vault.reference(REFERENCE, row.id, row.token_generation),
                first_name=row.first_name,
                last_name=row.last_name,
                role=row.role,
                restaurant_name=row.restaurant_name,
            ),
        )

    async def _find(self, call: Call, token: str, scope: Scope) -> Any | None:
        named = self._vault.read_reference(REFERENCE, token)
        return None if named is None else await queries.by_reference(call.read(scope), *named)

    async def _accept(
        self,
        session: AsyncSession,
        invitation: Invitation,
        hashes: Hashes,
        now: datetime,
        request: Any,
        *,
        taken: str,
        email: str | None = None,
    ) -> tuple[User, Restaurant]:
        try:
            return await acceptance.accept(
                session,
                self._vault,
                invitation,
                hashes,
                now,
                first_name=request.first_name or invitation.first_name or "",
                last_name=request.last_name or invitation.last_name or "",
                email=email,
            )
        except Invalid as problem:
            if problem.code != "email_taken":
                raise
            raise Invalid(taken, code=problem.code) from problem

    async def _open(
        self, session: AsyncSession, call: Call, user: User, now: datetime
    ) -> tuple[account_pb2.User, account_pb2.Tokens]:
        pair = sessions.open_session(session, self._vault, user, "INVITATION", call.context, now)
        user.last_login_at = now
        _note(call, user)
        row = await account_queries.account(SessionReader(session), user.id)
        return user_message(row), account_pb2.Tokens(access=pair.access, refresh=pair.refresh)

    async def _agent_hashes(self, sent: str, role: str) -> Hashes:
        """What the agent sent as a PIN, hashed: a PIN for staff, a password when it is long enough for one."""
        if not sent or sent in FIRST_GUESSES:
            return Hashes()
        if credentials.is_pin(sent):
            if roles.is_administrative(role):
                return Hashes()
            return Hashes(pin=await self._vault.hash(sent), pin_plain=sent)
        if len(sent) < MIN_PASSWORD_LENGTH:
            raise Invalid("A PIN has 4 to 6 digits.", code="pin_not_valid")
        return Hashes(password=await self._vault.hash(sent))

    async def _without_taken_pin(self, session: AsyncSession, invitation: Invitation, hashes: Hashes) -> Hashes:
        """The secrets without a PIN that somebody else has: nobody is there to choose another one."""
        if hashes.pin_plain is None:
            return hashes
        restaurant_id = invitation.restaurant_id
        digest = accounts.pin_digest(self._vault, restaurant_id, hashes.pin_plain)
        return Hashes() if await people.pin_is_taken(session, digest, restaurant_id) else hashes


class _Standing(Protocol):
    status: Any
    expires_at: Any


Found = TypeVar("Found", bound="_Standing")


def _open_one(invitation: Found | None, now: datetime, told: str = "") -> Found:
    """The invitation, if it can still be accepted. Raises Invalid, in the words given or in the fitting ones."""
    status = standing(invitation.status, invitation.expires_at, now) if invitation is not None else None
    if invitation is not None and status == "PENDING":
        return invitation
    text, code = _REFUSED.get(status, ("Invalid invitation token", "invitation_invalid"))
    raise Invalid(told or text, code=code)


_REFUSED: dict[str | None, tuple[str, str]] = {
    "EXPIRED": ("Invitation has expired", "invitation_expired"),
    "ACCEPTED": ("Invitation has already been accepted", "invitation_accepted"),
}


def _note(call: Call, user: User) -> None:
    """The person who accepted is who acted."""
    call.notes.user_id = user.id
    call.notes.restaurant_id = user.restaurant_id
    call.notes.entity_id = str(user.id)
    call.notes.actor = f"{user.first_name} {user.last_name}".strip() or user.email
    call.notes.description = "Invitation accepted"
    call.notes.new_values = {"role": user.role}


def _scope(principal: Principal) -> Scope:
    """An agent with a restaurant's key finds that restaurant's invitations; the platform's own finds all."""
    return SYSTEM if principal.restaurant_id is None else Scope(principal.restaurant_id)


def _agent_answer(user: User, restaurant: Restaurant) -> acceptance_pb2.AgentInvitationAccepted:
    return acceptance_pb2.AgentInvitationAccepted(
        success=True,
        pin_set=user.pin_hash is not None,
        user=acceptance_pb2.AgentNewUser(
            id=str(user.id),
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            phone=user.phone,
            role=user.role,
            restaurant=acceptance_pb2.AgentInvitingRestaurant(id=str(restaurant.id), name=restaurant.name),
        ),
    )
