"""What scheduling asks identity: what people are paid, and whom an agent's request is about."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import grpc

from mizan.identity.v1 import agent_pb2, wage_pb2
from servicekit.grpc_client import Client, channel
from servicekit.identity import Principal, TokenMinter

PERMISSIONS: Final = ("access.resolve", "wages.read")
"""What identity asks of whoever asks it these things."""

_AGENTS: Final = agent_pb2.DESCRIPTOR.services_by_name["AgentService"]
_WAGES: Final = wage_pb2.DESCRIPTOR.services_by_name["WageService"]


class Identity:
    """Identity over gRPC; a part of the service. Every method raises RemoteRefusal, or Unavailable when it is away."""

    name = "identity"

    def __init__(self, target: str, minter: TokenMinter, itself: Principal) -> None:
        self._target = target
        self._minter = minter
        self._itself = itself
        self._channel: grpc.aio.Channel | None = None
        self._clients: dict[str, Client] = {}

    async def start(self) -> None:
        """Makes the channel, which connects when it is first used."""
        self._channel = channel(self._target, (_AGENTS, _WAGES))
        self._clients = {
            service.name: Client(self._channel, service, self._minter, self._itself) for service in (_AGENTS, _WAGES)
        }

    async def stop(self) -> None:
        """Closes the channel."""
        if self._channel is not None:
            await self._channel.close()

    async def wages(self, restaurant_id: UUID) -> Mapping[UUID, int]:
        """What the people of a restaurant are paid for an hour, in hundredths; who has no rate is left out."""
        answer = await self._clients[_WAGES.name].ListWages(wage_pb2.ListWagesRequest(restaurant_id=str(restaurant_id)))
        return {UUID(wage.user_id): int(Decimal(wage.hourly_rate) * 100) for wage in answer.wages}

    async def resolve(self, request: agent_pb2.ResolveContextRequest) -> Any:
        """Whom an agent's request is about."""
        return await self._clients[_AGENTS.name].ResolveContext(request)
