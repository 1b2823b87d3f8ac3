"""The services that notify asks, and acts through in people's names."""

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from mizan.identity.v1 import acceptance_pb2, access_pb2, agent_pb2, staff_request_pb2
from mizan.scheduling.v1 import checklist_pb2, safety_pb2, shift_task_pb2
from mizan.timeclock.v1 import clock_pb2, shift_review_pb2
from servicekit.grpc_client import Client, channel
from servicekit.identity import Principal, TokenMinter

_IDENTITY = (
    access_pb2.DESCRIPTOR.services_by_name["AccessService"],
    agent_pb2.DESCRIPTOR.services_by_name["AgentService"],
    acceptance_pb2.DESCRIPTOR.services_by_name["AcceptanceService"],
    staff_request_pb2.DESCRIPTOR.services_by_name["StaffRequestService"],
)
_SCHEDULING = (
    checklist_pb2.DESCRIPTOR.services_by_name["ChecklistService"],
    shift_task_pb2.DESCRIPTOR.services_by_name["ShiftTaskService"],
    safety_pb2.DESCRIPTOR.services_by_name["SafetyService"],
)
_TIMECLOCK = (
    clock_pb2.DESCRIPTOR.services_by_name["ClockService"],
    shift_review_pb2.DESCRIPTOR.services_by_name["ShiftReviewService"],
)


class Neighbours:
    """Identity, scheduling and the time clock; a part of the service."""

    name = "neighbours"

    def __init__(
        self, minter: TokenMinter, itself: Principal, *, identity: str, scheduling: str, timeclock: str
    ) -> None:
        self._minter = minter
        self._itself = itself
        self._identity, self._scheduling, self._timeclock = identity, scheduling, timeclock
        self._channels: list[grpc.aio.Channel] = []

    async def start(self) -> None:
        """Opens the channels; they connect by themselves."""
        self._access, self.agents, self.acceptance, self.requests = self._open(self._identity, _IDENTITY)
        self.checklists, self.tasks, self.safety = self._open(self._scheduling, _SCHEDULING)
        self.clock, self.reviews = self._open(self._timeclock, _TIMECLOCK)

    async def stop(self) -> None:
        """Closes the channels."""
        for connection in self._channels:
            await connection.close()
        self._channels = []

    async def invitation_link(self, invitation_id: str, *, even_accepted: bool = False) -> str:
        """Where an invitation is accepted; it holds a secret. Raises RemoteRefusal when it is over, and Unavailable."""
        request = access_pb2.GetInvitationLinkRequest(invitation_id=invitation_id, even_accepted=even_accepted)
        link: str = (await self._access.GetInvitationLink(request)).accept_url
        return link

    def _open(self, target: str, services: tuple[ServiceDescriptor, ...]) -> list[Client]:
        connection = channel(target, services)
        self._channels.append(connection)
        return [Client(connection, service, self._minter, self._itself) for service in services]
