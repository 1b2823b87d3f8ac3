"""What guests order."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import order_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.errors import NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.pos.commands import holding, pricing, taking
from services.pos.commands import orders as commands
from services.pos.commands.pricing import Wanted
from services.pos.domain import orders as rules
from services.pos.queries import orders as queries
from services.pos.queries.orders import WholeOrder
from services.pos.service.convert import item_message, line_message, order_message, staff_order_message
from services.pos.service.transactions import Kind, note

_DETAILS = (
    "order_type",
    "table",
    "customer_name",
    "customer_phone",
    "customer_email",
    "delivery_address",
    "delivery_instructions",
    "guest_count",
    "notes",
    "is_priority",
)
_NULLABLE = frozenset(_DETAILS) - {"order_type", "guest_count", "is_priority"}
WITHOUT_REASON = "Deleted"
COLLECTIONS = ("tables", "orders", "line-items", "payments", "transactions", "receipt-settings", "discounts")


class OrderService:
    """Implements mizan.pos.v1.OrderService."""

    def __init__(self, clock: Clock, public_url: str) -> None:
        self._clock = clock
        self._days = taking.Days()
        self._root = public_url.rstrip("/")

    async def GetIndex(self, _request: Empty, _call: Call) -> order_pb2.PosIndex:
        index = order_pb2.PosIndex()
        index.collections.update({name: f"{self._root}/api/pos/{name}/" for name in COLLECTIONS})
        return index

    async def ListOrders(self, request: order_pb2.ListOrdersRequest, call: Call) -> order_pb2.ListOrdersResponse:
        count, found = await self._page(request, call)
        return order_pb2.ListOrdersResponse(count=count, results=[order_message(order) for order in found])

    async def ListStaffOrders(
        self, request: order_pb2.ListOrdersRequest, call: Call
    ) -> order_pb2.ListStaffOrdersResponse:
        count, found = await self._page(request, call)
        return order_pb2.ListStaffOrdersResponse(count=count, results=[staff_order_message(order) for order in found])

    async def ListOpenOrders(
        self, request: order_pb2.ListOpenOrdersRequest, call: Call
    ) -> order_pb2.ListStaffOrdersResponse:
        count, found = await queries.page_of_open_orders(call.read(), call.principal.tenant, page_of(request))
        return order_pb2.ListStaffOrdersResponse(count=count, results=[staff_order_message(order) for order in found])

    async def GetOrder(self, request: order_pb2.OrderRequest, call: Call) -> order_pb2.Order:
        return order_message(await queries.order(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateOrder(self, request: order_pb2.CreateOrderRequest, call: Call) -> order_pb2.Order:
        return order_message(await self._create(request, call))

    async def CreateStaffOrder(self, request: order_pb2.CreateOrderRequest, call: Call) -> order_pb2.StaffOrder:
        return staff_order_message(await self._create(request, call))

    async def PriceOrder(self, request: order_pb2.CreateOrderRequest, call: Call) -> order_pb2.Order:
        reading, tenant = call.read(), call.principal.tenant
        terms = await pricing.terms_of(reading, tenant)
        lines = await pricing.price_lines(reading, tenant, _wanted(request))
        totals = commands.priced_totals(lines, terms)
        return order_pb2.Order(
            order_type=rules.order_type(request.order_type or "DINE_IN"),
            subtotal=str(totals.subtotal),
            tax_amount=str(totals.tax),
            tax_included=str(totals.tax_included),
            discount_amount=str(totals.discount),
            service_charge=str(totals.service_charge),
            total_amount=str(totals.total),
            balance_due=str(totals.total),
            currency=terms.currency,
            business_date=terms.day_of(self._clock.now()).isoformat(),
            restaurant=str(tenant),
            line_items=[
                order_pb2.LineItem(
                    menu_item=order_pb2.LineMenuItem(
                        id=str(line.item.id), name=line.item.name, price=str(line.item.price)
                    ),
                    quantity=line.wanted.quantity,
                    unit_price=str(line.unit_price),
                    total_price=str(line.total_price),
                )
                for line in lines
            ],
        )

    async def UpdateOrder(self, request: order_pb2.UpdateOrderRequest, call: Call) -> order_pb2.Order:
        held = await self._hold(request, call)
        changes = changes_of(request, _DETAILS, nullable=_NULLABLE)
        if changes or not request.HasField("status"):
            await commands.update(await call.session(), held, changes)
        if request.HasField("status"):
            await commands.set_status(await call.session(), call.principal, held, request.status, self._clock.now())
        note(call, request, "TABLE_ASSIGNED" if "table" in changes else _kind(held), held.order)
        return await self._order(call, held)

    async def DeleteOrder(self, request: order_pb2.OrderRequest, call: Call) -> Empty:
        held = await holding.hold(await call.session(), call.principal.tenant, UUID(request.id), _version(request))
        await commands.void(await call.session(), held, WITHOUT_REASON)
        note(call, request, "ORDER_CANCELLED", held.order)
        return Empty()

    async def VoidOrder(self, request: order_pb2.VoidOrderRequest, call: Call) -> order_pb2.Order:
        held = await holding.hold(await call.session(), call.principal.tenant, UUID(request.id), _version(request))
        await commands.void(await call.session(), held, request.reason)
        note(call, request, "ORDER_CANCELLED", held.order)
        return await self._order(call, held)

    async def SetOrderStatus(self, request: order_pb2.SetOrderStatusRequest, call: Call) -> order_pb2.Order:
        session = await call.session()
        held = await holding.hold(session, call.principal.tenant, UUID(request.id), _version(request))
        call.notes.old_values = {"status": held.order.status}
        await commands.set_status(session, call.principal, held, request.status, self._clock.now())
        note(call, request, _kind(held), held.order)
        return await self._order(call, held)

    async def CompleteOrder(self, request: order_pb2.OrderRequest, call: Call) -> order_pb2.Order:
        session = await call.session()
        held = await holding.hold(session, call.principal.tenant, UUID(request.id), _version(request))
        await commands.set_status(session, call.principal, held, "COMPLETED", self._clock.now())
        note(call, request, "ORDER_UPDATED", held.order)
        return await self._order(call, held)

    async def AddItem(self, request: order_pb2.AddItemRequest, call: Call) -> order_pb2.LineItem:
        held = await self._hold(request, call)
        instructions = request.special_instructions if request.HasField("special_instructions") else None
        wanted = _line(request.menu_item_id, request, instructions)
        line = await commands.add_line(await call.session(), held, wanted, self._clock.now())
        note(call, request, "ORDER_UPDATED", held.order, line.total_price)
        return line_message(line)

    async def CreateOrderItem(self, request: order_pb2.CreateOrderItemRequest, call: Call) -> order_pb2.OrderItem:
        session = await call.session()
        held = await holding.hold_open(session, call.principal.tenant, UUID(request.order_id), _version(request))
        wanted = _line(request.menu_item, request, request.notes if request.HasField("notes") else None)
        line = await commands.add_line(session, held, wanted, self._clock.now())
        note(call, request, "ORDER_UPDATED", held.order, line.total_price)
        return item_message(line)

    async def RemoveItem(self, request: order_pb2.RemoveItemRequest, call: Call) -> order_pb2.Order:
        held = await self._hold(request, call)
        line = held.line(UUID(request.line_item_id))
        await commands.remove_line(await call.session(), call.principal, held, line, self._clock.now())
        note(call, request, "ITEM_REMOVED", held.order, line.total_price)
        return await self._order(call, held)

    async def UpdateOrderItem(self, request: order_pb2.UpdateOrderItemRequest, call: Call) -> order_pb2.OrderItem:
        session = await call.session()
        held = await holding.hold_open(session, call.principal.tenant, UUID(request.order_id), _version(request))
        line = held.line(UUID(request.item_id))
        changes = changes_of(request, ("quantity", "notes"), nullable=("notes",))
        await commands.change_line(session, call.principal, held, line, changes, self._clock.now())
        note(call, request, "ITEM_MODIFIED", held.order, line.total_price)
        return item_message(line)

    async def DeleteOrderItem(self, request: order_pb2.OrderItemRequest, call: Call) -> Empty:
        session = await call.session()
        held = await holding.hold_open(session, call.principal.tenant, UUID(request.order_id))
        line = held.line(UUID(request.item_id))
        await commands.remove_line(session, call.principal, held, line, self._clock.now())
        note(call, request, "ITEM_REMOVED", held.order, line.total_price)
        return Empty()

    async def ListOrderItems(
        self, request: order_pb2.ListOrderItemsRequest, call: Call
    ) -> order_pb2.ListOrderItemsResponse:
        whole = await queries.order(call.read(), call.principal.tenant, UUID(request.order_id))
        return order_pb2.ListOrderItemsResponse(results=[item_message(line) for line in whole.lines])

    async def GetOrderItem(self, request: order_pb2.OrderItemRequest, call: Call) -> order_pb2.OrderItem:
        whole = await queries.order(call.read(), call.principal.tenant, UUID(request.order_id))
        wanted = UUID(request.item_id)
        for line in whole.lines:
            if line.id == wanted:
                return item_message(line)
        raise NotFound(queries.NO_LINE)

    async def ApplyDiscount(self, request: order_pb2.ApplyDiscountRequest, call: Call) -> order_pb2.Order:
        held = await self._hold(request, call)
        call.notes.old_values = {"discount_amount": str(held.order.discount_amount)}
        amount = values_of(request)["discount_amount"]
        reason = request.discount_reason if request.HasField("discount_reason") else None
        await commands.discount(await call.session(), held, amount, reason, self._clock.now())
        note(call, request, "DISCOUNT_APPLIED", held.order, held.order.discount_amount)
        return await self._order(call, held)

    async def ApplyDiscountCode(self, request: order_pb2.ApplyDiscountCodeRequest, call: Call) -> order_pb2.Order:
        held = await self._hold(request, call)
        await commands.discount_by_code(await call.session(), held, request.discount_code, self._clock.now())
        note(call, request, "DISCOUNT_APPLIED", held.order, held.order.discount_amount)
        return await self._order(call, held)

    async def _create(self, request: order_pb2.CreateOrderRequest, call: Call) -> WholeOrder:
        session = await call.session()
        values = values_of(request, without=("line_items",))
        taken = await taking.take(session, self._days, call.principal, values, _wanted(request), self._clock.now())
        call.notes.entity_id = str(taken.row.id)
        call.notes.description = f"Took the order {taken.row.order_number}"
        note(call, request, "ORDER_CREATED", taken.row)
        return taken

    async def _hold(self, request: Any, call: Call) -> holding.Held:
        session = await call.session()
        return await holding.hold_open(session, call.principal.tenant, UUID(request.id), _version(request))

    async def _order(self, call: Call, held: holding.Held) -> order_pb2.Order:
        reading = SessionReader(await call.session())
        return order_message(await queries.order(reading, call.principal.tenant, held.order.id))

    async def _page(self, request: order_pb2.ListOrdersRequest, call: Call) -> tuple[int, list[WholeOrder]]:
        given = values_of(request)
        filters: dict[str, Any] = {name: given[name] for name in ("status", "search", "ordering") if name in given}
        if "order_type" in given:
            filters["order_type"] = rules.order_type(given["order_type"])
        if "table" in given:
            filters["table_id"] = given["table"]
        return await queries.page_of_orders(call.read(), call.principal.tenant, page_of(request), **filters)


def _kind(held: holding.Held) -> Kind:
    return "ORDER_CANCELLED" if held.order.status == "CANCELLED" else "ORDER_UPDATED"


def _version(request: Any) -> int | None:
    return request.version if request.HasField("version") else None


def _line(item_id: str, line: Any, instructions: str | None) -> Wanted:
    return Wanted(
        menu_item_id=UUID(item_id),
        quantity=line.quantity if line.HasField("quantity") else 1,
        modifiers=tuple(UUID(modifier) for modifier in line.modifiers),
        instructions=instructions,
    )


def _wanted(request: order_pb2.CreateOrderRequest) -> list[Wanted]:
    return [
        _line(line.menu_item_id, line, line.special_instructions if line.HasField("special_instructions") else None)
        for line in request.line_items
    ]
