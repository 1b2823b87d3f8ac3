"""What the gateway asks identity about credentials."""

from typing import Protocol

from mizan.identity.v1 import access_pb2
from servicekit.grpc_client import Client


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
