"""The lines of orders, each by itself."""

from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import line_item_pb2, order_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.errors import Forbidden, Invalid
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.pos.commands import holding
from services.pos.commands import orders as commands
from services.pos.commands.pricing import Wanted
from services.pos.domain.money import ZERO
from services.pos.queries import orders as queries
from services.pos.service.convert import line_message
from services.pos.service.transactions import note

STAYS = "A line stays what was ordered: remove it and add another."


class LineItemService:
    """Implements mizan.pos.v1.LineItemService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListLineItems(
        self, request: line_item_pb2.ListLineItemsRequest, call: Call
    ) -> line_item_pb2.ListLineItemsResponse:
        given = values_of(request)
        count, rows = await queries.page_of_lines(
            call.read(),
            call.principal.tenant,
            page_of(request),
            order_id=given.get("order"),
            status=given.get("status"),
        )
        return line_item_pb2.ListLineItemsResponse(count=count, results=[line_message(row) for row in rows])

    async def GetLineItem(self, request: line_item_pb2.LineItemRequest, call: Call) -> order_pb2.LineItem:
        return line_message(await queries.line(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateLineItem(self, request: line_item_pb2.CreateLineItemRequest, call: Call) -> order_pb2.LineItem:
        session, given = await call.session(), values_of(request)
        held = await holding.hold_open(session, call.principal.tenant, given["order"], given.get("version"))
        wanted = Wanted(
            menu_item_id=given["menu_item_id"],
            quantity=given.get("quantity", 1),
            modifiers=tuple(given.get("modifiers", ())),
            instructions=given.get("special_instructions"),
        )
        line = await commands.add_line(session, held, wanted, self._clock.now())
        call.notes.entity_id = str(held.order.id)
        note(call, request, "ORDER_UPDATED", held.order, line.total_price)
        return line_message(line)

    async def UpdateLineItem(self, request: line_item_pb2.UpdateLineItemRequest, call: Call) -> order_pb2.LineItem:
        held = await self._hold(request, call)
        line = held.line(UUID(request.id))
        fields = ("menu_item_id", "quantity", "special_instructions", "status")
        changes = changes_of(request, fields, nullable=("special_instructions",))
        if changes.pop("menu_item_id", line.menu_item_id) != line.menu_item_id:
            raise Invalid.field("menu_item_id", STAYS)
        status = changes.pop("status", line.status)
        if status != line.status and not call.principal.may("kitchen.work"):
            raise Forbidden
        session, now = await call.session(), self._clock.now()
        call.notes.old_values = {"quantity": line.quantity, "status": line.status}
        if "special_instructions" in changes:
            changes["notes"] = changes.pop("special_instructions")
        if changes:
            await commands.change_line(session, call.principal, held, line, changes, now)
        await commands.set_line_status(session, held, line, status, now)
        note(call, request, "ITEM_MODIFIED", held.order, line.total_price)
        return line_message(line)

    async def DeleteLineItem(self, request: line_item_pb2.LineItemRequest, call: Call) -> Empty:
        held = await self._hold(request, call)
        line = held.line(UUID(request.id))
        call.notes.old_values = {"name": line.name, "quantity": line.quantity, "status": line.status}
        await commands.remove_line(await call.session(), call.principal, held, line, self._clock.now())
        note(call, request, "ITEM_REMOVED", held.order, line.total_price)
        return Empty()

    async def AddModifier(self, request: line_item_pb2.AddModifierRequest, call: Call) -> line_item_pb2.AddedModifier:
        session, given = await call.session(), values_of(request)
        held = await holding.hold_open(session, call.principal.tenant, given["id"], given.get("version"))
        line, price, now = held.line(given["line_item_id"]), given.get("modifier_price", ZERO), self._clock.now()
        added = await commands.add_modifier(session, call.principal, held, line, request.modifier_name, price, now)
        note(call, request, "ITEM_MODIFIED", held.order, line.total_price)
        return line_item_pb2.AddedModifier(
            id=str(added),
            line_item=str(line.id),
            modifier_name=request.modifier_name,
            modifier_price=str(price),
            created_at=timestamp_of(now),
        )

    async def _hold(
        self, request: line_item_pb2.UpdateLineItemRequest | line_item_pb2.LineItemRequest, call: Call
    ) -> holding.Held:
        """The order of a line, held and open; the audit trail has its entry under the order."""
        version = request.version if request.HasField("version") else None
        held = await holding.hold_open_of_line(await call.session(), call.principal.tenant, UUID(request.id), version)
        call.notes.entity_id = str(held.order.id)
        return held
