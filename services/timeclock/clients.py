"""Identity as timeclock asks it: who has a PIN, and whom an agent's request means."""

from decimal import Decimal
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import access_pb2, agent_pb2, settings_pb2, wage_pb2
from servicekit.grpc_client import Client, channel
from servicekit.identity import Principal
from servicekit.runtime import Core

PERMISSIONS = ("access.check_pin", "access.resolve", "wages.read")
"""What identity lets the time clock ask."""
_SERVICES = (
    access_pb2.DESCRIPTOR.services_by_name["AccessService"],
    agent_pb2.DESCRIPTOR.services_by_name["AgentService"],
    settings_pb2.DESCRIPTOR.services_by_name["SettingsService"],
    wage_pb2.DESCRIPTOR.services_by_name["WageService"],
)


class Identity:
    """A connection to identity, opened with the service."""

    name = "identity"

    def __init__(self, target: str, core: Core) -> None:
        self._target = target
        self._core = core
        self._clients: dict[str, Client] = {}

    async def start(self) -> None:
        """Makes the connection; nothing is asked yet."""
        self._channel = channel(self._target, _SERVICES)
        self._clients = {
            service.name: Client(self._channel, service, self._core.minter, self._core.itself) for service in _SERVICES
        }

    async def stop(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def check_pin(self, pin: str, restaurant_id: UUID | None) -> access_pb2.CheckPinResponse:
        """Who has a PIN. Raises RemoteRefusal for a PIN that nobody has, Unavailable when identity is away."""
        request = access_pb2.CheckPinRequest(
            pin_code=pin, restaurant_id=str(restaurant_id) if restaurant_id is not None else None
        )
        answer: access_pb2.CheckPinResponse = await self._clients["AccessService"].CheckPin(request)
        return answer

    async def resolve(self, request: agent_pb2.ResolveContextRequest) -> agent_pb2.ResolveContextResponse:
        """Whom an agent's request means. Raises RemoteRefusal when it names no restaurant."""
        answer: agent_pb2.ResolveContextResponse = await self._clients["AgentService"].ResolveContext(request)
        return answer

    async def restaurant(self, principal: Principal) -> settings_pb2.Settings:
        """The settings of the caller's restaurant, as the caller may see them. Raises RemoteRefusal or Unavailable."""
        answer: settings_pb2.Settings = await self._clients["SettingsService"].GetMyRestaurant(
            Empty(), principal=principal, timeout=1.0
        )
        return answer

    async def wages(self, restaurant_id: UUID) -> dict[UUID, Decimal]:
        """What people's profiles say they earn an hour. Raises Unavailable when identity is away."""
        answer: wage_pb2.ListWagesResponse = await self._clients["WageService"].ListWages(
            wage_pb2.ListWagesRequest(restaurant_id=str(restaurant_id))
        )
        return {UUID(wage.user_id): Decimal(wage.hourly_rate) for wage in answer.wages}
