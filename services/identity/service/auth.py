"""Sessions and one's own account."""

from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import account_pb2, auth_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM, SessionReader
from servicekit.errors import Forbidden, Invalid, Locked, Unauthenticated
from servicekit.patch import changes_of, values_of
from services.identity import mails
from services.identity.commands import accounts, devices, failures, people, pins, sessions
from services.identity.domain import credentials, roles
from services.identity.queries import accounts as account_queries
from services.identity.queries import sessions as session_queries
from services.identity.service.convert import restaurant_message, user_message
from services.identity.vault import Vault

OWN_FIELDS = ("first_name", "last_name", "phone", "preferred_language", "email")
INVALID_CREDENTIALS = "Invalid credentials"
LOCKED = "Account is temporarily locked due to too many failed login attempts. Please try again later."


class AuthService:
    """Implements mizan.identity.v1.AuthService."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def Register(self, request: auth_pb2.RegisterRequest, call: Call) -> auth_pb2.RegisterResponse:
        owner = request.user
        hashes = accounts.Hashes(
            password=await self._vault.hash(owner.password),
            pin=await self._vault.hash(owner.pin_code) if owner.HasField("pin_code") else None,
            pin_plain=owner.pin_code or None,
        )
        now = self._clock.now()
        session = await call.session(SYSTEM)
        restaurant, user = await accounts.register(
            session,
            self._vault,
            values_of(request.restaurant),
            values_of(owner, without=("password", "pin_code")),
            hashes,
            now,
        )
        pair = sessions.open_session(session, self._vault, user, "REGISTRATION", call.context, now)
        token = await accounts.issue_one_time_token(session, user.id, accounts.VERIFY_EMAIL, now)
        await mails.queue_one_time_link(session, token)
        _note_user(call, user)
        call.notes.new_values = {"name": restaurant.name, "email": restaurant.email}
        call.notes.entity_id = str(restaurant.id)
        row = await account_queries.account(SessionReader(session), user.id)
        message = restaurant_message(row)
        return auth_pb2.RegisterResponse(user=user_message(row, message), restaurant=message, tokens=_tokens(pair))

    async def Login(self, request: auth_pb2.LoginRequest, call: Call) -> auth_pb2.SessionOpened:
        if not request.email or not request.password:
            raise Invalid("Email and password are required", code="required")
        return await self._log_in(request.email, request.password, call)

    async def IssueTokens(self, request: auth_pb2.IssueTokensRequest, call: Call) -> account_pb2.Tokens:
        return (await self._log_in(request.email, request.password, call, any_role=True)).tokens

    async def _log_in(self, email: str, password: str, call: Call, *, any_role: bool = False) -> auth_pb2.SessionOpened:
        now = self._clock.now()
        scope = failures.account_scope(self._vault, email)
        reader = call.read(SYSTEM)
        counted = await failures.counted(reader, [scope])
        if failures.is_locked(counted, now):
            raise Locked(LOCKED, code="account_locked")
        found = await account_queries.credentials_by_email(reader, email)
        right = await self._vault.verify(found.password_hash if found else None, password)
        if not right or found is None or not found.is_active:
            await self._count_failure(call, [scope], found, "LOGIN_FAILED", now)
            message = "No active account found with the given credentials" if any_role else INVALID_CREDENTIALS
            raise Unauthenticated(message, code="invalid_credentials")
        if not any_role and not (found.is_superuser or roles.is_administrative(found.role)):
            raise Forbidden("Please use PIN login for your role.", code="pin_login_required")
        return await self._open(call, found.id, "PASSWORD", [scope] if counted else [], now)

    async def PinLogin(self, request: auth_pb2.PinLoginRequest, call: Call) -> auth_pb2.SessionOpened:
        now = self._clock.now()
        reader = call.read(SYSTEM)
        attempt = await pins.find_attempt(reader, self._vault, request, call.context, now)
        counted = await failures.counted(reader, attempt.scopes)
        if failures.is_locked(counted, now):
            raise Unauthenticated("Invalid credentials.", code="invalid_credentials")
        found = await attempt.candidate(reader)
        right = await self._vault.verify(found.pin_hash if found else None, request.pin_code)
        if not right or found is None or not found.is_active:
            await self._count_failure(call, attempt.scopes, found, "LOGIN_PIN_FAILED", now)
            raise Unauthenticated("Invalid credentials.", code="invalid_credentials")
        return await self._open(call, found.id, "PIN", attempt.scopes if counted else [], now, attempt.device_id)

    async def _count_failure(
        self, call: Call, scopes: list[str], found: object | None, action: str, now: datetime
    ) -> None:
        """Keeps the failure and its audit entry although the call is refused."""
        session = await call.session(SYSTEM)
        locked = await failures.count_failure(session, scopes, now)
        call.notes.action = "ACCOUNT_LOCKED" if locked else action
        call.notes.description = "Account locked after failed attempts" if locked else "Login failed"
        call.notes.new_values = {"outcome": "refused"}
        if found is not None:
            call.notes.user_id = getattr(found, "id", None)
            call.notes.entity_id = str(getattr(found, "id", ""))
            call.notes.restaurant_id = getattr(found, "restaurant_id", None)
        await call.commit()

    async def _open(
        self, call: Call, user_id: UUID, origin: str, scopes: list[str], now: datetime, device_id: UUID | None = None
    ) -> auth_pb2.SessionOpened:
        user = await account_queries.account(call.read(SYSTEM), user_id)
        session = await call.session(SYSTEM)
        await sessions.note_login(session, user_id, now)
        pair = sessions.open_session(session, self._vault, user, origin, call.context, now, device_id)
        if device_id is not None:
            await devices.seen(session, device_id, now)
        if scopes:
            await failures.forget_failures(session, scopes)
        _note_user(call, user)
        call.notes.description = f"{user.first_name} {user.last_name} logged in".strip()
        call.notes.new_values = {"origin": origin}
        return auth_pb2.SessionOpened(user=user_message(user), tokens=_tokens(pair))

    async def RefreshTokens(self, request: auth_pb2.RefreshTokensRequest, call: Call) -> account_pb2.Tokens:
        session = await call.session(SYSTEM)
        pair, _ = await sessions.renew(session, self._vault, request.refresh, self._clock.now())
        if pair is None:
            await call.commit()
            raise Unauthenticated("Token is invalid", code="token_not_valid")
        return _tokens(pair)

    async def Logout(self, request: auth_pb2.LogoutRequest, call: Call) -> auth_pb2.LogoutResponse:
        now = self._clock.now()
        session_id, user_id = await self._session_to_end(request, call)
        if session_id is not None:
            session = await call.session(SYSTEM)
            ended = await sessions.revoke_by_id(session, session_id, user_id, "logout", now)
            call.notes.user_id, call.notes.restaurant_id = ended.user_id, ended.restaurant_id
            call.notes.entity_id = str(ended.id)
        return auth_pb2.LogoutResponse(message="Logged out.")

    async def _session_to_end(self, request: auth_pb2.LogoutRequest, call: Call) -> tuple[UUID | None, UUID | None]:
        if request.refresh_token:
            try:
                claimed = self._vault.read_refresh(request.refresh_token, self._clock.now()).session_id
            except Unauthenticated:
                return None, None
            known = await session_queries.session_exists(call.read(SYSTEM), claimed)
            return (claimed if known else None), None
        if call.principal.session_id:
            return UUID(call.principal.session_id), call.principal.user_id
        return None, None

    async def VerifyEmail(self, request: auth_pb2.VerifyEmailRequest, call: Call) -> auth_pb2.MessageResponse:
        session = await call.session(SYSTEM)
        user = await accounts.use_one_time_token(
            session, self._vault, request.token, accounts.VERIFY_EMAIL, self._clock.now()
        )
        user.is_verified = True
        _note_user(call, user)
        return auth_pb2.MessageResponse(message="Email verified successfully.")

    async def ResendVerificationEmail(
        self, request: auth_pb2.ResendVerificationEmailRequest, call: Call
    ) -> auth_pb2.MessageResponse:
        found = await account_queries.credentials_by_email(call.read(SYSTEM), request.email)
        if found is not None and found.is_active and not found.is_verified:
            session = await call.session(SYSTEM)
            token = await accounts.issue_one_time_token(session, found.id, accounts.VERIFY_EMAIL, self._clock.now())
            await mails.queue_one_time_link(session, token)
        return auth_pb2.MessageResponse(
            message="If an unverified account exists with this email, you will receive a verification link shortly."
        )

    async def RequestPasswordReset(
        self, request: auth_pb2.RequestPasswordResetRequest, call: Call
    ) -> auth_pb2.MessageResponse:
        if not request.email:
            raise Invalid("Email is required", code="required")
        found = await account_queries.credentials_by_email(call.read(SYSTEM), request.email)
        if found is not None and found.is_active and (found.is_superuser or roles.is_administrative(found.role)):
            session = await call.session(SYSTEM)
            token = await accounts.issue_one_time_token(session, found.id, accounts.RESET_PASSWORD, self._clock.now())
            await mails.queue_one_time_link(session, token)
            call.notes.user_id, call.notes.restaurant_id = found.id, found.restaurant_id
            call.notes.entity_id = str(found.id)
            call.notes.description = "Password reset requested"
        return auth_pb2.MessageResponse(
            message="If an account exists with this email, you will receive a password reset link shortly."
        )

    async def ConfirmPasswordReset(
        self, request: auth_pb2.ConfirmPasswordResetRequest, call: Call
    ) -> auth_pb2.MessageResponse:
        if not request.token:
            raise Invalid("Reset token is required", code="required")
        if not request.new_password:
            raise Invalid("New password is required", code="required")
        if problem := credentials.password_problem(request.new_password):
            raise Invalid(problem, code="password_too_weak")
        hashed = await self._vault.hash(request.new_password)
        now = self._clock.now()
        session = await call.session(SYSTEM)
        user = await accounts.use_one_time_token(session, self._vault, request.token, accounts.RESET_PASSWORD, now)
        user.password_hash = hashed
        await sessions.revoke_all(session, user, "password_reset", now)
        await failures.forget_failures(session, [failures.account_scope(self._vault, user.email)])
        _note_user(call, user)
        return auth_pb2.MessageResponse(message="Password has been reset successfully.")

    async def GetMe(self, _request: Empty, call: Call) -> account_pb2.User:
        return user_message(await account_queries.account(call.read(), call.principal.user_id))

    async def UpdateMe(self, request: auth_pb2.UpdateMeRequest, call: Call) -> account_pb2.User:
        me = call.principal.user_id
        new_hash = await self._new_password(request, call)
        now = self._clock.now()
        session = await call.session()
        user = await accounts.locked_user(session, me)
        changes = changes_of(request, OWN_FIELDS, nullable=("phone", "preferred_language"))
        await accounts.change_account(session, user, changes)
        if request.HasField("profile"):
            await accounts.change_profile(session, user, people.own_profile(call.principal, values_of(request.profile)))
        if new_hash is not None:
            user.password_hash = new_hash
            await sessions.revoke_all(session, user, "password_changed", now, keep=UUID(call.principal.session_id))
            call.notes.action = "PASSWORD_CHANGED"
        await accounts.publish_change(session, user)
        call.notes.entity_id = str(me)
        return user_message(await account_queries.account(SessionReader(session), me))

    async def _new_password(self, request: auth_pb2.UpdateMeRequest, call: Call) -> str | None:
        """The hash of the new password that the request asks for, after the present one was proved."""
        if not request.new_password:
            return None
        if request.HasField("confirm_password") and request.confirm_password != request.new_password:
            raise Invalid("The new passwords do not match.", code="passwords_differ")
        found = await account_queries.credentials_by_email(call.read(), await self._own_email(call))
        if not await self._vault.verify(found.password_hash if found else None, request.current_password):
            raise Invalid("Current password is incorrect.", code="current_password_wrong")
        if problem := credentials.password_problem(request.new_password):
            raise Invalid(problem, code="password_too_weak")
        return await self._vault.hash(request.new_password)

    async def _own_email(self, call: Call) -> str:
        email: str = (await account_queries.account(call.read(), call.principal.user_id)).email
        return email

    async def GetAgentContext(self, _request: Empty, call: Call) -> auth_pb2.AgentContext:
        row = await account_queries.account(call.read(), call.principal.user_id)
        if row.restaurant_id is None:
            raise Forbidden("User is not associated with any restaurant.", code="no_restaurant")
        return auth_pb2.AgentContext(
            user=auth_pb2.AgentUser(
                id=str(row.id), email=row.email, first_name=row.first_name, last_name=row.last_name, role=row.role
            ),
            restaurant=auth_pb2.AgentRestaurant(
                id=str(row.r_id), name=row.r_name, currency=row.r_currency, timezone=row.r_timezone
            ),
        )

    async def ListSessions(self, _request: Empty, call: Call) -> auth_pb2.ListSessionsResponse:
        rows = await session_queries.open_sessions(call.read(), call.principal.user_id, self._clock.now())
        response = auth_pb2.ListSessionsResponse()
        for row in rows:
            info = response.results.add(
                id=str(row.id),
                origin=row.origin,
                ip_address=row.ip_address,
                user_agent=row.user_agent,
                current=str(row.id) == call.principal.session_id,
            )
            info.created_at.FromDatetime(row.created_at)
            info.last_used_at.FromDatetime(row.rotated_at)
            info.expires_at.FromDatetime(row.expires_at)
        return response

    async def RevokeSession(self, request: auth_pb2.RevokeSessionRequest, call: Call) -> Empty:
        session = await call.session()
        await sessions.revoke_by_id(session, UUID(request.id), call.principal.user_id, "revoked", self._clock.now())
        return Empty()


def _tokens(pair: sessions.TokenPair) -> account_pb2.Tokens:
    return account_pb2.Tokens(access=pair.access, refresh=pair.refresh)


def _note_user(call: Call, user: Any) -> None:
    """The audit entry of a public method is about the person it identified."""
    call.notes.user_id = user.id
    call.notes.restaurant_id = user.restaurant_id
    call.notes.entity_id = str(user.id)
    call.notes.actor = f"{user.first_name} {user.last_name}".strip() or user.email
