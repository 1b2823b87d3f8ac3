"""Bids for open shifts."""

from uuid import UUID

from mizan.scheduling.v1 import bid_pb2 as pb
from servicekit.call import Call
from servicekit.clock import Clock
from services.scheduling.commands import bids as commands


class ShiftBidService:
    """Implements mizan.scheduling.v1.ShiftBidService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def BidForShift(self, request: pb.BidForShiftRequest, call: Call) -> pb.BidForShiftResponse:
        await commands.bid(await call.session(), call.principal, UUID(request.id), self._clock.now())
        return pb.BidForShiftResponse(message="Your bid has been recorded.", schedule_id=request.id)

    async def AssignFromBids(self, request: pb.AssignFromBidsRequest, call: Call) -> pb.AssignFromBidsResponse:
        await commands.assign(await call.session(), call.principal, UUID(request.id), UUID(request.staff_id))
        return pb.AssignFromBidsResponse(
            message="The shift has been assigned.", schedule_id=request.id, staff=request.staff_id
        )
