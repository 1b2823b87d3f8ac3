"""Invitations as tests make and read them."""

from typing import Any
from uuid import UUID, uuid4

import grpc
import sqlalchemy as sa

from mizan.identity.v1 import invitation_pb2
from servicekit.db import SYSTEM
from servicekit.errors import detail_of
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.service import Api, RunningService
from services.identity.models import InvitationDelivery
from services.identity.tests.conftest import Owner


def address() -> str:
    return f"{uuid4().hex[:12]}@example.com"


def number() -> str:
    return f"06{uuid4().int % 10**8:08}"


async def invite(api: Api, owner: Owner, role: str = "WAITER", **fields: Any) -> invitation_pb2.Invitation:
    if not fields.keys() & {"email", "phone_number"}:
        fields["email"] = address()
    request = invitation_pb2.CreateInvitationRequest(role=role, **fields)
    made: invitation_pb2.Invitation = await api.InvitationService.CreateInvitation(request, principal=owner.principal)
    return made


async def listed(api: Api, owner: Owner, **filters: Any) -> list[invitation_pb2.Invitation]:
    request = invitation_pb2.ListInvitationsRequest(**filters)
    return list((await api.InvitationService.ListInvitations(request, principal=owner.principal)).results)


def deliveries(identity: RunningService, invitation_id: str) -> list[tuple[str, str]]:
    async def read() -> list[tuple[str, str]]:
        async with identity.database.write(SYSTEM) as session:
            rows = await session.execute(
                sa.select(InvitationDelivery.channel, InvitationDelivery.recipient)
                .where(InvitationDelivery.invitation_id == UUID(invitation_id))
                .order_by(InvitationDelivery.channel)
            )
            return [(row.channel, row.recipient) for row in rows]

    return identity.run(read())


def extra_of(refused: RemoteRefusal) -> dict[str, Any]:
    cause = refused.__cause__
    assert isinstance(cause, grpc.aio.AioRpcError)
    detail = detail_of(cause)
    assert detail is not None
    return dict(detail.extra)
