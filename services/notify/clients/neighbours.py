"""The services that notify asks, and acts through in people's names."""

import grpc

from mizan.identity.v1 import access_pb2
from servicekit.grpc_client import Client, channel
from servicekit.identity import Principal, TokenMinter

_ACCESS = access_pb2.DESCRIPTOR.services_by_name["AccessService"]


class Neighbours:
    """Identity, scheduling and the time clock; a part of the service."""

    name = "neighbours"

    def __init__(
        self, minter: TokenMinter, itself: Principal, *, identity: str, scheduling: str, timeclock: str
    ) -> None:
        self._minter = minter
        self._itself = itself
        self._targets = {"identity": identity, "scheduling": scheduling, "timeclock": timeclock}
        self._channels: list[grpc.aio.Channel] = []

    async def start(self) -> None:
        """Opens the channels; they connect by themselves."""
        identity = channel(self._targets["identity"], (_ACCESS,))
        self._channels = [identity]
        self._access = Client(identity, _ACCESS, self._minter, self._itself)

    async def stop(self) -> None:
        """Closes the channels."""
        for connection in self._channels:
            await connection.close()
        self._channels = []

    async def invitation_link(self, invitation_id: str) -> str:
        """Where an invitation is accepted; it holds a secret. Raises RemoteRefusal when it is over."""
        request = access_pb2.GetInvitationLinkRequest(invitation_id=invitation_id)
        link: str = (await self._access.GetInvitationLink(request)).accept_url
        return link
