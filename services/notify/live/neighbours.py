"""The services that sockets ask: identity about sessions, pos about the kitchen's tickets."""

from typing import Any, Final

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from credentials import IdentityAccess
from mizan.identity.v1 import access_pb2
from mizan.pos.v1 import kitchen_pb2
from servicekit.errors import Unavailable
from servicekit.grpc_client import Client, channel
from servicekit.identity import Principal, TokenMinter, service_principal

_ACCESS: Final[ServiceDescriptor] = access_pb2.DESCRIPTOR.services_by_name["AccessService"]
_KITCHEN: Final[ServiceDescriptor] = kitchen_pb2.DESCRIPTOR.services_by_name["KitchenService"]


class Neighbours:
    """Channels to identity and pos; a part of the service. Everything raises RemoteRefusal or Unavailable."""

    name = "live neighbours"

    def __init__(self, identity_target: str, pos_target: str, minter: TokenMinter) -> None:
        self._targets = {_ACCESS: identity_target, _KITCHEN: pos_target}
        self._minter = minter
        self._itself = service_principal("notify", "access.resolve")
        self._channels: list[grpc.aio.Channel] = []
        self._clients: dict[ServiceDescriptor, Client] = {}

    async def start(self) -> None:
        """Makes the channels, which connect when they are first used."""
        for service, target in self._targets.items():
            if target:
                connection = channel(target, (service,))
                self._channels.append(connection)
                self._clients[service] = Client(connection, service, self._minter, self._itself)

    async def stop(self) -> None:
        """Closes the channels."""
        for connection in self._channels:
            await connection.close()

    async def jwks(self) -> str:
        """The keys that verify access tokens."""
        return await self._access().jwks()

    async def session(self, session_id: str) -> access_pb2.ResolvedPrincipal:
        """Whose session it is now."""
        return await self._access().session(session_id)

    async def api_key(self, key: str) -> access_pb2.ResolvedPrincipal:
        """Whose API key it is."""
        return await self._access().api_key(key)

    async def open_tickets(self, principal: Principal) -> list[Any]:
        """The tickets that the kitchen still has to make, as a person who may see them."""
        answer = await self._client(_KITCHEN).ListTickets(kitchen_pb2.ListTicketsRequest(), principal=principal)
        return list(answer.results)

    async def start_ticket(self, principal: Principal, ticket_id: str) -> None:
        """Says that the kitchen has begun with a ticket."""
        await self._client(_KITCHEN).StartTicket(kitchen_pb2.TicketRequest(id=ticket_id), principal=principal)

    async def bump_ticket(self, principal: Principal, ticket_id: str) -> None:
        """Says that everything on a ticket is ready."""
        await self._client(_KITCHEN).BumpTicket(kitchen_pb2.TicketRequest(id=ticket_id), principal=principal)

    def _access(self) -> IdentityAccess:
        return IdentityAccess(self._client(_ACCESS))

    def _client(self, service: ServiceDescriptor) -> Client:
        client = self._clients.get(service)
        if client is None:
            raise Unavailable("This part of the platform is not available here.", code="not_configured")
        return client
