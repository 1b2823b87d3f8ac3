"""Corrections of the stock, and counts."""

from decimal import Decimal
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.inventory.v1 import adjustment_pb2, count_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.inventory.commands import adjustments as commands
from services.inventory.commands import counts
from services.inventory.commands.counts import Counted
from services.inventory.queries import adjustments as queries
from services.inventory.service.convert import adjustment_message, count_message

CHANGEABLE = ("inventory_item", "adjustment_type", "quantity_changed", "quantity", "reason")


class AdjustmentService:
    """Implements mizan.inventory.v1.AdjustmentService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListAdjustments(
        self, request: adjustment_pb2.ListAdjustmentsRequest, call: Call
    ) -> adjustment_pb2.ListAdjustmentsResponse:
        wanted = values_of(request)
        count, rows = await queries.page_of_adjustments(
            call.read(),
            call.principal.tenant,
            page_of(request),
            wanted.get("inventory_item"),
            wanted.get("adjustment_type"),
        )
        return adjustment_pb2.ListAdjustmentsResponse(count=count, results=[adjustment_message(row) for row in rows])

    async def CreateAdjustment(
        self, request: adjustment_pb2.CreateAdjustmentRequest, call: Call
    ) -> adjustment_pb2.Adjustment:
        principal = call.principal
        session = await call.session()
        adjustment = await commands.create_adjustment(
            session, principal.tenant, principal.user_id, values_of(request), self._clock.now()
        )
        return adjustment_message(await queries.adjustment(SessionReader(session), principal.tenant, adjustment.id))

    async def GetAdjustment(
        self, request: adjustment_pb2.GetAdjustmentRequest, call: Call
    ) -> adjustment_pb2.Adjustment:
        return adjustment_message(await queries.adjustment(call.read(), call.principal.tenant, UUID(request.id)))

    async def UpdateAdjustment(
        self, request: adjustment_pb2.UpdateAdjustmentRequest, call: Call
    ) -> adjustment_pb2.Adjustment:
        principal = call.principal
        session = await call.session()
        adjustment = await commands.change_adjustment(
            session,
            principal.tenant,
            principal.user_id,
            UUID(request.id),
            changes_of(request, CHANGEABLE, nullable=("reason",)),
            self._clock.now(),
        )
        return adjustment_message(await queries.adjustment(SessionReader(session), principal.tenant, adjustment.id))

    async def DeleteAdjustment(self, request: adjustment_pb2.DeleteAdjustmentRequest, call: Call) -> Empty:
        principal = call.principal
        await commands.remove_adjustment(
            await call.session(), principal.tenant, principal.user_id, UUID(request.id), self._clock.now()
        )
        return Empty()


class CountService:
    """Implements mizan.inventory.v1.CountService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListCounts(self, request: count_pb2.ListCountsRequest, call: Call) -> count_pb2.ListCountsResponse:
        count, rows = await queries.page_of_counts(call.read(), call.principal.tenant, page_of(request))
        return count_pb2.ListCountsResponse(count=count, results=[count_message(row) for row in rows])

    async def CreateCount(self, request: count_pb2.CreateCountRequest, call: Call) -> count_pb2.Count:
        principal = call.principal
        session = await call.session()
        lines = [
            Counted(
                UUID(line.inventory_item),
                Decimal(line.counted_quantity),
                line.unit if line.HasField("unit") else None,
            )
            for line in request.lines
        ]
        notes = request.notes or None
        count_id = await counts.take_count(
            session, principal.tenant, principal.user_id, lines, notes, self._clock.now()
        )
        return count_message(*await queries.count(SessionReader(session), principal.tenant, count_id))

    async def GetCount(self, request: count_pb2.GetCountRequest, call: Call) -> count_pb2.Count:
        return count_message(*await queries.count(call.read(), call.principal.tenant, UUID(request.id)))
