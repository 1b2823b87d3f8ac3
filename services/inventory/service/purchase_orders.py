"""Orders to suppliers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.inventory.v1 import purchase_order_pb2 as pb
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.inventory.commands import purchase_orders as commands
from services.inventory.commands.purchase_orders import Receipt
from services.inventory.domain import purchase_order as rules
from services.inventory.queries import purchase_orders as queries
from services.inventory.service.convert import item_message, number, person_message, supplier_info, text_or_none

NULLABLE = ("expected_delivery_date", "delivery_date", "notes")
CHANGEABLE = ("supplier", "order_date", "status", *NULLABLE)
LINE_FIELDS = ("inventory_item", "quantity", "unit_price", "unit")


class PurchaseOrderService:
    """Implements mizan.inventory.v1.PurchaseOrderService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListPurchaseOrders(
        self, request: pb.ListPurchaseOrdersRequest, call: Call
    ) -> pb.ListPurchaseOrdersResponse:
        wanted = values_of(request)
        count, orders = await queries.page_of_orders(
            call.read(),
            call.principal.tenant,
            page_of(request),
            status=wanted.get("status"),
            supplier_id=wanted.get("supplier"),
        )
        return pb.ListPurchaseOrdersResponse(count=count, results=[_order(*order) for order in orders])

    async def CreatePurchaseOrder(self, request: pb.CreatePurchaseOrderRequest, call: Call) -> pb.PurchaseOrder:
        principal = call.principal
        session = await call.session()
        order = await commands.create_order(
            session, principal.tenant, principal.user_id, values_of(request), self._clock.now()
        )
        return await self._changed(call, order.id)

    async def GetPurchaseOrder(self, request: pb.GetPurchaseOrderRequest, call: Call) -> pb.PurchaseOrder:
        return _order(*await queries.order(call.read(), call.principal.tenant, UUID(request.id)))

    async def UpdatePurchaseOrder(self, request: pb.UpdatePurchaseOrderRequest, call: Call) -> pb.PurchaseOrder:
        principal = call.principal
        order_id = UUID(request.id)
        changes = changes_of(request, CHANGEABLE, nullable=NULLABLE)
        session = await call.session()
        await commands.change_order(session, principal.tenant, principal.user_id, order_id, changes, self._clock.now())
        return await self._changed(call, order_id)

    async def DeletePurchaseOrder(self, request: pb.DeletePurchaseOrderRequest, call: Call) -> Empty:
        await commands.remove_order(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()

    async def ReceivePurchaseOrder(self, request: pb.ReceivePurchaseOrderRequest, call: Call) -> pb.PurchaseOrder:
        principal = call.principal
        order_id = UUID(request.id)
        receipts = [
            Receipt(
                UUID(line.line),
                Decimal(line.quantity),
                Decimal(line.unit_price) if line.HasField("unit_price") else None,
            )
            for line in request.lines
        ]
        session = await call.session()
        await commands.receive_order(
            session,
            principal.tenant,
            principal.user_id,
            order_id,
            receipts,
            self._clock.now(),
            close=request.close,
        )
        return await self._changed(call, order_id)

    async def ListPurchaseOrderItems(
        self, request: pb.ListPurchaseOrderItemsRequest, call: Call
    ) -> pb.ListPurchaseOrderItemsResponse:
        count, rows = await queries.page_of_lines(
            call.read(), call.principal.tenant, UUID(request.purchase_order_id), page_of(request)
        )
        return pb.ListPurchaseOrderItemsResponse(count=count, results=[_line(row) for row in rows])

    async def CreatePurchaseOrderItem(
        self, request: pb.CreatePurchaseOrderItemRequest, call: Call
    ) -> pb.PurchaseOrderItem:
        order_id = UUID(request.purchase_order_id)
        session = await call.session()
        line_id = await commands.add_line(session, call.principal.tenant, order_id, values_of(request))
        return await self._changed_line(call, order_id, line_id)

    async def GetPurchaseOrderItem(self, request: pb.GetPurchaseOrderItemRequest, call: Call) -> pb.PurchaseOrderItem:
        return _line(
            await queries.line(call.read(), call.principal.tenant, UUID(request.purchase_order_id), UUID(request.id))
        )

    async def UpdatePurchaseOrderItem(
        self, request: pb.UpdatePurchaseOrderItemRequest, call: Call
    ) -> pb.PurchaseOrderItem:
        order_id, line_id = UUID(request.purchase_order_id), UUID(request.id)
        session = await call.session()
        changes = changes_of(request, LINE_FIELDS)
        await commands.change_line(session, call.principal.tenant, order_id, line_id, changes)
        return await self._changed_line(call, order_id, line_id)

    async def DeletePurchaseOrderItem(self, request: pb.DeletePurchaseOrderItemRequest, call: Call) -> Empty:
        await commands.remove_line(
            await call.session(), call.principal.tenant, UUID(request.purchase_order_id), UUID(request.id)
        )
        return Empty()

    async def _changed(self, call: Call, order_id: UUID) -> pb.PurchaseOrder:
        return _order(*await queries.order(SessionReader(await call.session()), call.principal.tenant, order_id))

    async def _changed_line(self, call: Call, order_id: UUID, line_id: UUID) -> pb.PurchaseOrderItem:
        reading = SessionReader(await call.session())
        return _line(await queries.line(reading, call.principal.tenant, order_id, line_id))


def _order(row: Any, lines: Sequence[Any]) -> pb.PurchaseOrder:
    total = sum((rules.line_total(line.quantity, line.unit_price) for line in lines), Decimal(0))
    message = pb.PurchaseOrder(
        id=str(row.id),
        items=[_line(line) for line in lines],
        supplier_info=supplier_info(row),
        created_by_info=person_message(row),
        order_date=str(row.order_date),
        expected_delivery_date=text_or_none(row.expected_delivery_date),
        delivery_date=text_or_none(row.delivery_date),
        total_amount=number(total, 2),
        status=row.status,
        receipt_state=rules.receipt_state((line.quantity, line.received_quantity) for line in lines),
        restaurant=str(row.restaurant_id),
        supplier=str(row.supplier_id),
        created_by=text_or_none(row.created_by),
        notes=row.notes,
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message


def _line(row: Any) -> pb.PurchaseOrderItem:
    message = pb.PurchaseOrderItem(
        id=str(row.id),
        inventory_item_info=item_message(row),
        quantity=number(row.quantity, 3),
        unit=row.unit,
        unit_price=number(row.unit_price, 4),
        total_price=number(rules.line_total(row.quantity, row.unit_price), 2),
        received_quantity=number(row.received_quantity, 3),
        purchase_order=str(row.purchase_order_id),
        inventory_item=str(row.ordered_item_id),
    )
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message
