"""What the kitchen has to make."""

from uuid import UUID

from mizan.pos.v1 import kitchen_pb2, order_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.paging import page_of
from services.pos.commands import holding, kitchen, orders
from services.pos.queries import kitchen as queries
from services.pos.service.convert import line_message, ticket_message
from services.pos.service.transactions import note


class KitchenService:
    """Implements mizan.pos.v1.KitchenService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListTickets(self, request: kitchen_pb2.ListTicketsRequest, call: Call) -> kitchen_pb2.ListTicketsResponse:
        statuses = [request.status] if request.HasField("status") else queries.OPEN_STATUSES
        count, found = await queries.page_of_tickets(call.read(), call.principal.tenant, page_of(request), statuses)
        return kitchen_pb2.ListTicketsResponse(
            count=count, results=[ticket_message(row, lines) for row, lines in found]
        )

    async def StartTicket(self, request: kitchen_pb2.TicketRequest, call: Call) -> kitchen_pb2.Ticket:
        return await self._move(request, call, "PREPARING", recall=False)

    async def BumpTicket(self, request: kitchen_pb2.TicketRequest, call: Call) -> kitchen_pb2.Ticket:
        return await self._move(request, call, "READY", recall=False)

    async def RecallTicket(self, request: kitchen_pb2.TicketRequest, call: Call) -> kitchen_pb2.Ticket:
        return await self._move(request, call, "PREPARING", recall=True)

    async def SetLineStatus(self, request: kitchen_pb2.SetLineStatusRequest, call: Call) -> order_pb2.LineItem:
        session, tenant = await call.session(), call.principal.tenant
        held = await holding.hold_of_line(session, tenant, UUID(request.id))
        line = held.line(UUID(request.id))
        await orders.set_line_status(session, held, line, request.status, self._clock.now())
        note(call, request, "ITEM_MODIFIED", held.order, line.total_price)
        return line_message(line)

    async def _move(
        self, request: kitchen_pb2.TicketRequest, call: Call, wanted: str, *, recall: bool
    ) -> kitchen_pb2.Ticket:
        session, tenant = await call.session(), call.principal.tenant
        ticket_id = UUID(request.id)
        held = await holding.hold_of_ticket(session, tenant, ticket_id)
        row, lines = await kitchen.move_ticket(session, held, ticket_id, wanted, self._clock.now(), recall=recall)
        orders.changed(session, held)
        return ticket_message(row, lines)
