"""What is asked of identity about credentials."""

from typing import Protocol
from uuid import UUID

from mizan.identity.v1 import access_pb2
from mizan.options.v1 import options_pb2
from servicekit.grpc_client import Client
from servicekit.identity import Principal


class Access(Protocol):
    """The questions that identity answers. Each raises the Refusal that identity gave, or Unavailable."""

    async def jwks(self) -> str:
        """The public keys as RFC 7517 JSON."""
        ...

    async def session(self, session_id: str) -> access_pb2.ResolvedPrincipal:
        """Whose session it is now."""
        ...

    async def api_key(self, key: str) -> access_pb2.ResolvedPrincipal:
        """Whose API key it is."""
        ...


class IdentityAccess:
    """Asks identity over gRPC."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def jwks(self) -> str:
        """The public keys as RFC 7517 JSON."""
        answer: access_pb2.GetJwksResponse = await self._client.GetJwks(access_pb2.GetJwksRequest())
        return answer.jwks_json

    async def session(self, session_id: str) -> access_pb2.ResolvedPrincipal:
        """Whose session it is now."""
        request = access_pb2.ResolveSessionRequest(session_id=session_id)
        answer: access_pb2.ResolveSessionResponse = await self._client.ResolveSession(request)
        return answer.principal

    async def api_key(self, key: str) -> access_pb2.ResolvedPrincipal:
        """Whose API key it is."""
        request = access_pb2.ResolveApiKeyRequest(api_key=key)
        answer: access_pb2.ResolveApiKeyResponse = await self._client.ResolveApiKey(request)
        return answer.principal


def principal_from(resolved: access_pb2.ResolvedPrincipal) -> Principal:
    """The principal that identity answered with."""
    return Principal(
        kind=options_pb2.CallerKind.Name(resolved.kind).removeprefix("CALLER_KIND_"),
        subject=resolved.subject,
        restaurant_id=UUID(resolved.restaurant_id) if resolved.restaurant_id else None,
        role=resolved.role,
        permissions=frozenset(resolved.permissions),
        session_id=resolved.session_id,
        name=resolved.name,
        language=resolved.language or "en",
        time_zone=resolved.time_zone or "UTC",
    )
