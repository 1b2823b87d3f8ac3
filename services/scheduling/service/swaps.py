"""Offers of shifts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.scheduling.v1 import shift_pb2, swap_pb2
from servicekit.call import Call
from servicekit.db import Reading, SessionReader
from servicekit.paging import page_of
from services.scheduling.commands import swaps as commands
from services.scheduling.queries import shifts as shift_queries
from services.scheduling.queries import swaps as queries
from services.scheduling.service.convert import shift_message, text_of


class SwapService:
    """Implements mizan.scheduling.v1.SwapService."""

    async def ListSwapRequests(
        self, request: swap_pb2.ListSwapRequestsRequest, call: Call
    ) -> swap_pb2.ListSwapRequestsResponse:
        return await _list(request, call, call.principal.user_id)

    async def ListAllSwapRequests(
        self, request: swap_pb2.ListAllSwapRequestsRequest, call: Call
    ) -> swap_pb2.ListSwapRequestsResponse:
        return await _list(request, call, None)

    async def GetSwapRequest(self, request: swap_pb2.GetSwapRequestRequest, call: Call) -> swap_pb2.SwapRequest:
        viewer = None if call.principal.may(commands.DECIDE) else call.principal.user_id
        row = await queries.one_swap(call.read(), call.principal.tenant, UUID(request.id), viewer)
        return (await _messages(call.read(), call, [row]))[0]

    async def CreateSwapRequest(self, request: swap_pb2.CreateSwapRequestRequest, call: Call) -> swap_pb2.SwapRequest:
        session = await call.session()
        receiver = UUID(request.receiver) if request.receiver else None
        message = request.request_message if request.HasField("request_message") else None
        swap_id = await commands.offer(session, call.principal, UUID(request.shift_to_swap), receiver, message)
        return await _read(call, session, swap_id)

    async def UpdateSwapRequest(self, request: swap_pb2.UpdateSwapRequestRequest, call: Call) -> swap_pb2.SwapRequest:
        session = await call.session()
        swap_id = UUID(request.id)
        # Asked for even when nothing is sent: whom it does not concern learns nothing.
        await commands.locked(session, call.principal.tenant, swap_id)
        if request.receiver:
            await commands.claim(session, call.principal, swap_id, UUID(request.receiver))
        await commands.decide(session, call.principal, swap_id, request.status or "PENDING")
        return await _read(call, session, swap_id)

    async def ApproveSwapRequest(self, request: swap_pb2.ApproveSwapRequestRequest, call: Call) -> swap_pb2.SwapRequest:
        session = await call.session()
        swap_id = UUID(request.id)
        if request.receiver:
            await commands.claim(session, call.principal, swap_id, UUID(request.receiver))
        await commands.decide(session, call.principal, swap_id, "APPROVED")
        return await _read(call, session, swap_id)

    async def RejectSwapRequest(self, request: swap_pb2.RejectSwapRequestRequest, call: Call) -> swap_pb2.SwapRequest:
        session = await call.session()
        await commands.decide(session, call.principal, UUID(request.id), "REJECTED")
        return await _read(call, session, UUID(request.id))

    async def DeleteSwapRequest(self, request: swap_pb2.DeleteSwapRequestRequest, call: Call) -> Empty:
        session = await call.session()
        swap = await commands.withdraw(session, call.principal, UUID(request.id))
        call.notes.old_values = {"shift": str(swap.shift_id), "status": swap.status}
        return Empty()


async def _list(request: Any, call: Call, viewer: UUID | None) -> swap_pb2.ListSwapRequestsResponse:
    count, rows = await queries.page_of_swaps(call.read(), call.principal.tenant, page_of(request), viewer)
    return swap_pb2.ListSwapRequestsResponse(count=count, results=await _messages(call.read(), call, rows))


async def _read(call: Call, session: Any, swap_id: UUID) -> swap_pb2.SwapRequest:
    reading = SessionReader(session)
    call.notes.entity_id = str(swap_id)
    row = await queries.one_swap(reading, call.principal.tenant, swap_id)
    return (await _messages(reading, call, [row]))[0]


async def _messages(reading: Reading, call: Call, rows: Sequence[Any]) -> list[swap_pb2.SwapRequest]:
    if not rows:
        return []
    ids = list({row.shift_id for row in rows})
    shifts = await shift_queries.shifts_by_ids(reading, call.principal.tenant, ids)
    language = call.principal.language
    return [
        _message(
            row,
            shift_message(shifts[row.shift_id], language=language),
            shift_message(shifts[row.shift_id], language=language, by_clock=True),
        )
        for row in rows
    ]


def _message(row: Any, shift: shift_pb2.AssignedShift, by_clock: shift_pb2.AssignedShift) -> swap_pb2.SwapRequest:
    message = swap_pb2.SwapRequest(
        id=str(row.id),
        shift_to_swap=str(row.shift_id),
        shift_to_swap_details=shift,
        shift_to_swap_info=by_clock,
        requester=str(row.requester_id),
        requester_details=f"{row.requester_first_name or ''} {row.requester_last_name or ''}".strip(),
        requester_info=shift_pb2.PersonInfo(
            id=str(row.requester_id),
            first_name=row.requester_first_name or "",
            last_name=row.requester_last_name or "",
            email=row.requester_email or "",
        ),
        receiver=text_of(row.receiver_id),
        status=row.status,
        request_message=row.request_message,
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    if row.receiver_id is not None:
        message.receiver_details = f"{row.receiver_first_name or ''} {row.receiver_last_name or ''}".strip()
        message.receiver_info.CopyFrom(
            shift_pb2.PersonInfo(
                id=str(row.receiver_id),
                first_name=row.receiver_first_name or "",
                last_name=row.receiver_last_name or "",
                email=row.receiver_email or "",
            )
        )
    return message
