"""What pos asks identity: whom an agent's request is about, and the credentials of a restaurant's till system."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import grpc

from mizan.identity.v1 import agent_pb2, pos_credentials_pb2
from servicekit.grpc_client import Client, channel
from servicekit.identity import Principal, TokenMinter

PERMISSIONS = ("access.resolve", "access.pos_credentials")
"""What identity asks of whoever asks it these things."""

_AGENTS = agent_pb2.DESCRIPTOR.services_by_name["AgentService"]
_CREDENTIALS = pos_credentials_pb2.DESCRIPTOR.services_by_name["PosCredentialService"]


@dataclass(frozen=True, slots=True)
class TillSettings:
    """The till system that the settings name."""

    provider: str
    merchant_id: str
    api_key: str


class Identity:
    """Identity over gRPC; a part of the service. Every method raises RemoteRefusal, or Unavailable when it is away."""

    name = "identity"

    def __init__(self, target: str, minter: TokenMinter, itself: Principal) -> None:
        self._target = target
        self._minter = minter
        self._itself = itself
        self._channel: grpc.aio.Channel | None = None
        self._agents: Client | None = None
        self._credentials: Client | None = None

    async def start(self) -> None:
        """Makes the channel, which connects when it is first used."""
        self._channel = channel(self._target, (_AGENTS, _CREDENTIALS))
        self._agents = Client(self._channel, _AGENTS, self._minter, self._itself)
        self._credentials = Client(self._channel, _CREDENTIALS, self._minter, self._itself)

    async def stop(self) -> None:
        """Closes the channel."""
        if self._channel is not None:
            await self._channel.close()

    async def resolve(self, request: agent_pb2.ResolveContextRequest) -> Any:
        """Whom an agent's request is about."""
        return await _started(self._agents).ResolveContext(request)

    async def till_settings(self, restaurant_id: UUID) -> TillSettings:
        """The till system that a restaurant's settings name, with its key."""
        request = pos_credentials_pb2.GetPosCredentialsRequest(restaurant_id=str(restaurant_id))
        found = await _started(self._credentials).GetPosCredentials(request)
        return TillSettings(found.provider, found.merchant_id, found.api_key)


def _started(client: Client | None) -> Client:
    if client is None:
        raise RuntimeError("the client of identity is not started")
    return client
