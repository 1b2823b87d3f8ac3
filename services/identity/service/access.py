"""Credentials to principals, for the gateway and the other services."""

from typing import Any
from uuid import UUID

from mizan.identity.v1 import access_pb2
from mizan.options.v1 import options_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SYSTEM
from servicekit.errors import Invalid, Unauthenticated
from services.identity import mails
from services.identity.commands import failures, pins
from services.identity.commands.invitations import REFERENCE
from services.identity.domain.permissions import standard_permissions
from services.identity.queries import invitations
from services.identity.queries import sessions as queries
from services.identity.vault import Vault


class AccessService:
    """Implements mizan.identity.v1.AccessService."""

    def __init__(self, vault: Vault, clock: Clock, frontend_url: str) -> None:
        self._vault = vault
        self._clock = clock
        self._frontend_url = frontend_url

    async def GetJwks(self, _request: access_pb2.GetJwksRequest, _call: Call) -> access_pb2.GetJwksResponse:
        return access_pb2.GetJwksResponse(jwks_json=self._vault.jwks())

    async def ResolveSession(
        self, request: access_pb2.ResolveSessionRequest, call: Call
    ) -> access_pb2.ResolveSessionResponse:
        row = await queries.principal_of_session(call.read(SYSTEM), UUID(request.session_id), self._clock.now())
        if row is None:
            raise Unauthenticated("The session is over.", code="session_revoked")
        if not row.is_active:
            raise Unauthenticated("User is inactive", code="user_inactive")
        return access_pb2.ResolveSessionResponse(principal=_user_principal(row, request.session_id))

    async def ResolveApiKey(
        self, request: access_pb2.ResolveApiKeyRequest, call: Call
    ) -> access_pb2.ResolveApiKeyResponse:
        row = await queries.api_key(
            call.read(SYSTEM), self._vault.digest("api-key", request.api_key), self._clock.now()
        )
        if row is None:
            raise Unauthenticated("The API key is not valid.", code="api_key_not_valid")
        return access_pb2.ResolveApiKeyResponse(
            principal=access_pb2.ResolvedPrincipal(
                kind=options_pb2.CallerKind.Value(f"CALLER_KIND_{row.kind}"),
                subject=str(row.id),
                restaurant_id=str(row.restaurant_id),
                permissions=row.scopes,
                name=row.name,
                language=row.language,
                time_zone=row.timezone,
            )
        )

    async def GetInvitationLink(
        self, request: access_pb2.GetInvitationLinkRequest, call: Call
    ) -> access_pb2.GetInvitationLinkResponse:
        invitation_id = UUID(request.invitation_id)
        generation = await invitations.open_generation(
            call.read(SYSTEM), invitation_id, self._clock.now(), even_accepted=request.even_accepted
        )
        token = self._vault.reference(REFERENCE, invitation_id, generation)
        return access_pb2.GetInvitationLinkResponse(accept_url=mails.accept_url(self._frontend_url, token))

    async def CheckPin(self, request: access_pb2.CheckPinRequest, call: Call) -> access_pb2.CheckPinResponse:
        now = self._clock.now()
        reader = call.read(SYSTEM)
        attempt = await pins.find_kiosk_attempt(reader, self._vault, request, call.context)
        counted = await failures.counted(reader, attempt.scopes)
        found = None if failures.is_locked(counted, now) else await attempt.candidate(reader)
        right = await self._vault.verify(found.pin_hash if found else None, request.pin_code)
        call.notes.restaurant_id = attempt.restaurant_id
        if found is None or not right:
            session = await call.session(SYSTEM)
            locked = await failures.count_failure(session, attempt.scopes, now)
            call.notes.action = "ACCOUNT_LOCKED" if locked else "PIN_REFUSED"
            await call.commit()
            raise Invalid("Invalid PIN code", code="invalid_pin")
        call.notes.user_id = found.id
        if counted:
            await failures.forget_failures(await call.session(SYSTEM), attempt.scopes)
        name = f"{found.first_name} {found.last_name}".strip() or found.email
        return access_pb2.CheckPinResponse(
            user_id=str(found.id),
            restaurant_id=str(attempt.restaurant_id),
            name=name,
            device_id=str(attempt.device_id or ""),
        )


def _user_principal(row: Any, session_id: str) -> access_pb2.ResolvedPrincipal:
    permissions = standard_permissions(row.role) if row.permissions is None else frozenset(row.permissions)
    principal = access_pb2.ResolvedPrincipal(
        kind=options_pb2.CALLER_KIND_USER,
        subject=str(row.id),
        role=row.role,
        permissions=sorted(permissions),
        name=f"{row.first_name} {row.last_name}".strip() or row.email,
        language=row.language,
        session_id=session_id,
    )
    if row.restaurant_id is not None:
        principal.restaurant_id = str(row.restaurant_id)
        principal.time_zone = row.timezone
    return principal
