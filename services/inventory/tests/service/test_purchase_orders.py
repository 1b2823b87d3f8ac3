"""Purchase orders: drafted, placed, received in parts, too much or twice, and what the stock makes of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from mizan.inventory.events.v1 import events_pb2 as facts
from mizan.inventory.v1 import item_pb2, supplier_pb2
from mizan.inventory.v1 import purchase_order_pb2 as pb
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.inventory.tests.conftest import cook, manager
from services.inventory.tests.stock import entries, item, kinds, read

D = Decimal
TOMORROW = (datetime.now(UTC).date() + timedelta(days=2)).isoformat()
YESTERDAY = (datetime.now(UTC).date() - timedelta(days=2)).isoformat()


async def supplier(api: Api, principal: Principal, name: str = "Moulin") -> str:
    request = supplier_pb2.CreateSupplierRequest(name=name)
    return str((await api.SupplierService.CreateSupplier(request, principal=principal)).id)


async def order(api: Api, principal: Principal, **fields: Any) -> Any:
    fields = {"supplier": fields.get("supplier") or await supplier(api, principal, f"Supplier {uuid4()}"), **fields}
    return await api.PurchaseOrderService.CreatePurchaseOrder(
        pb.CreatePurchaseOrderRequest(**fields), principal=principal
    )


async def add(
    api: Api, principal: Principal, order_id: str, item_id: str, quantity: str, price: str, **more: Any
) -> Any:
    request = pb.CreatePurchaseOrderItemRequest(
        purchase_order_id=order_id, inventory_item=item_id, quantity=quantity, unit_price=price, **more
    )
    return await api.PurchaseOrderService.CreatePurchaseOrderItem(request, principal=principal)


async def change(api: Api, principal: Principal, order_id: str, **fields: Any) -> Any:
    request = pb.UpdatePurchaseOrderRequest(id=order_id, **fields)
    request.update_mask.paths.extend(fields)
    return await api.PurchaseOrderService.UpdatePurchaseOrder(request, principal=principal)


async def receive(api: Api, principal: Principal, order_id: str, lines: dict[str, str], *, close: bool = False) -> Any:
    received = [pb.ReceivedLine(line=line, quantity=quantity) for line, quantity in lines.items()]
    request = pb.ReceivePurchaseOrderRequest(id=order_id, lines=received, close=close)
    return await api.PurchaseOrderService.ReceivePurchaseOrder(request, principal=principal)


async def found(api: Api, principal: Principal, order_id: str) -> Any:
    return await api.PurchaseOrderService.GetPurchaseOrder(pb.GetPurchaseOrderRequest(id=order_id), principal=principal)


async def test_lines_that_are_added_at_once_make_the_total(api: Api) -> None:
    buyer = manager(uuid4())
    opened = await order(api, buyer, status="ORDERED", expected_delivery_date=TOMORROW, order_date=YESTERDAY)
    assert (opened.status, opened.order_date, opened.total_amount) == ("ORDERED", YESTERDAY, "0.00")
    assert opened.expected_delivery_date == TOMORROW
    items = [await item(api, buyer, f"Item {number}", cost_per_unit="99") for number in range(5)]
    lines = await asyncio.gather(*(add(api, buyer, opened.id, one.id, "2", "3.335") for one in items))
    assert {line.total_price for line in lines} == {"6.67"}
    complete = await found(api, buyer, opened.id)
    assert (complete.total_amount, len(complete.items), complete.receipt_state) == ("33.35", 5, "NONE")
    assert complete.items[0].inventory_item_info.name.startswith("Item")
    with pytest.raises(RemoteRefusal) as refused:
        await add(api, buyer, opened.id, items[0].id, "1", "1")
    assert refused.value.code == "item_taken"


async def test_two_parts_complete_an_order_at_the_average_of_their_prices(api: Api, bus: Bus) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer, current_stock="10", cost_per_unit="2", reorder_level="12")
    opened = await order(api, buyer)
    line = await add(api, buyer, opened.id, flour.id, "20", "3")
    await change(api, buyer, opened.id, status="ORDERED")
    part = await receive(api, buyer, opened.id, {line.id: "5"})
    assert (part.status, part.receipt_state, part.items[0].received_quantity) == ("ORDERED", "PART", "5.000")
    dearer = pb.ReceivedLine(line=line.id, quantity="15", unit_price="4")
    request = pb.ReceivePurchaseOrderRequest(id=opened.id, lines=[dearer])
    full = await api.PurchaseOrderService.ReceivePurchaseOrder(request, principal=buyer)
    assert (full.status, full.receipt_state) == ("RECEIVED", "FULL")
    assert full.delivery_date
    stock = await read(api, buyer, flour.id)
    assert (stock.current_stock, stock.stock_value, stock.cost_per_unit) == ("30.000", "95.00", "3.1667")
    assert stock.last_restock_date == full.delivery_date
    assert await kinds(api, buyer, flour.id) == [("OPENING", D(10)), ("RECEIPT", D(5)), ("RECEIPT", D(15))]
    prices = await api.ItemService.ListItemPrices(item_pb2.ListItemPricesRequest(id=flour.id), principal=buyer)
    assert [(one.unit_price, one.purchase_order) for one in prices.results] == [
        ("4.0000", opened.id),
        ("3.0000", opened.id),
    ]
    assert prices.results[0].supplier_name == full.supplier_info.name
    for kind, count in (
        (facts.PurchaseOrderCreated, 1),
        (facts.PurchaseOrderOrdered, 1),
        (facts.PurchaseOrderReceived, 2),
    ):
        assert len(await bus.of_aggregate(kind, opened.id, count)) == count


async def test_received_by_status_adds_what_is_outstanding_once_however_often_it_is_sent(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer)
    opened = await order(api, buyer)
    line = await add(api, buyer, opened.id, flour.id, "20", "3")
    await receive(api, buyer, opened.id, {line.id: "5"})
    outcomes = await asyncio.gather(
        *(change(api, buyer, opened.id, status="RECEIVED", notes="Again") for _ in range(5))
    )
    assert {one.status for one in outcomes} == {"RECEIVED"}
    assert (await read(api, buyer, flour.id)).current_stock == "20.000"
    assert len(await entries(api, buyer, flour.id)) == 2


async def test_more_than_was_ordered_is_taken_in_and_shown(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer)
    opened = await order(api, buyer)
    line = await add(api, buyer, opened.id, flour.id, "20", "3")
    over = await receive(api, buyer, opened.id, {line.id: "24"})
    assert (over.status, over.receipt_state, over.total_amount) == ("RECEIVED", "OVER", "60.00")
    assert (await read(api, buyer, flour.id)).stock_value == "72.00"
    with pytest.raises(RemoteRefusal) as refused:
        await receive(api, buyer, opened.id, {line.id: "1"})
    assert refused.value.code == "wrong_status"


async def test_an_order_is_closed_when_no_more_will_come(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer)
    opened = await order(api, buyer)
    line = await add(api, buyer, opened.id, flour.id, "20", "3")
    closed = await receive(api, buyer, opened.id, {line.id: "18"}, close=True)
    assert (closed.status, closed.receipt_state) == ("RECEIVED", "PART")
    assert (await change(api, buyer, opened.id, status="RECEIVED")).items[0].received_quantity == "18.000"


async def test_packages_come_into_the_stock_in_its_own_unit_and_cost(api: Api) -> None:
    buyer = manager(uuid4())
    bag = item_pb2.UnitConversion(unit="bag", quantity="25", of_unit="kg")
    flour = await item(api, buyer, conversions=[bag])
    opened = await order(api, buyer)
    line = await add(api, buyer, opened.id, flour.id, "4", "50", unit="bag")
    assert (line.unit, line.total_price) == ("bag", "200.00")
    with pytest.raises(RemoteRefusal) as refused:
        await add(api, buyer, opened.id, (await item(api, buyer, "Oil", "l")).id, "1", "1", unit="bag")
    assert list(refused.value.fields) == ["unit"]
    await change(api, buyer, opened.id, status="RECEIVED")
    stock = await read(api, buyer, flour.id)
    assert (stock.current_stock, stock.cost_per_unit, stock.stock_value) == ("100.000", "2.0000", "200.00")


async def test_lines_are_edited_and_deleted_in_a_draft_only(api: Api) -> None:
    buyer = manager(uuid4())
    flour, salt = await item(api, buyer), await item(api, buyer, "Salt")
    opened = await order(api, buyer)
    line = await add(api, buyer, opened.id, flour.id, "20", "3")
    other = await add(api, buyer, opened.id, salt.id, "1", "1")
    edit = pb.UpdatePurchaseOrderItemRequest(purchase_order_id=opened.id, id=line.id, quantity="10", unit_price="2")
    edit.update_mask.paths.extend(["quantity", "unit_price"])
    edited = await api.PurchaseOrderService.UpdatePurchaseOrderItem(edit, principal=buyer)
    assert edited.total_price == "20.00"
    assert (await found(api, buyer, opened.id)).total_amount == "21.00"
    delete = pb.DeletePurchaseOrderItemRequest(purchase_order_id=opened.id, id=other.id)
    await api.PurchaseOrderService.DeletePurchaseOrderItem(delete, principal=buyer)
    assert (await found(api, buyer, opened.id)).total_amount == "20.00"
    await change(api, buyer, opened.id, status="ORDERED")
    remaining = pb.DeletePurchaseOrderItemRequest(purchase_order_id=opened.id, id=line.id)
    for attempt in (
        api.PurchaseOrderService.UpdatePurchaseOrderItem(edit, principal=buyer),
        api.PurchaseOrderService.DeletePurchaseOrderItem(remaining, principal=buyer),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "wrong_status"
    answer = await api.PurchaseOrderService.ListPurchaseOrderItems(
        pb.ListPurchaseOrderItemsRequest(purchase_order_id=opened.id), principal=buyer
    )
    assert [one.id for one in answer.results] == [line.id]


async def test_nothing_follows_a_cancelled_order_and_what_was_received_is_not_cancelled(api: Api, bus: Bus) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer)
    off = await order(api, buyer)
    assert (await change(api, buyer, off.id, status="CANCELLED")).status == "CANCELLED"
    assert len(await bus.of_aggregate(facts.PurchaseOrderCancelled, off.id, 1)) == 1
    begun = await order(api, buyer)
    line = await add(api, buyer, begun.id, flour.id, "20", "3")
    await receive(api, buyer, begun.id, {line.id: "5"})
    for attempt in (
        change(api, buyer, off.id, status="RECEIVED"),
        add(api, buyer, off.id, flour.id, "1", "1"),
        change(api, buyer, begun.id, status="CANCELLED"),
        api.PurchaseOrderService.DeletePurchaseOrder(pb.DeletePurchaseOrderRequest(id=begun.id), principal=buyer),
        api.SupplierService.DeleteSupplier(supplier_pb2.DeleteSupplierRequest(id=begun.supplier), principal=buyer),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code in ("wrong_status", "order_received", "supplier_has_orders")
    await api.PurchaseOrderService.DeletePurchaseOrder(pb.DeletePurchaseOrderRequest(id=off.id), principal=buyer)
    listing = await api.PurchaseOrderService.ListPurchaseOrders(pb.ListPurchaseOrdersRequest(), principal=buyer)
    assert [one.id for one in listing.results] == [begun.id]


async def test_a_delivery_is_not_expected_in_the_past_unless_it_was_before(api: Api) -> None:
    buyer = manager(uuid4())
    with pytest.raises(RemoteRefusal) as refused:
        await order(api, buyer, expected_delivery_date=YESTERDAY)
    assert list(refused.value.fields) == ["expected_delivery_date"]
    opened = await order(api, buyer, expected_delivery_date=TOMORROW)
    again = await change(api, buyer, opened.id, expected_delivery_date=TOMORROW, notes="Ring the bell")
    assert again.notes == "Ring the bell"
    with pytest.raises(RemoteRefusal):
        await change(api, buyer, opened.id, expected_delivery_date=YESTERDAY)


async def test_another_restaurant_orders_and_receives_nothing_here(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    flour = await item(api, ours)
    opened = await order(api, ours)
    line = await add(api, ours, opened.id, flour.id, "20", "3")
    their = await order(api, theirs)
    attempts = [
        found(api, theirs, opened.id),
        order(api, theirs, supplier=opened.supplier),
        change(api, theirs, opened.id, status="RECEIVED"),
        change(api, theirs, their.id, supplier=opened.supplier),
        receive(api, theirs, opened.id, {line.id: "1"}),
        receive(api, theirs, their.id, {line.id: "1"}),
        add(api, theirs, opened.id, flour.id, "1", "1"),
        add(api, theirs, their.id, flour.id, "1", "1"),
        api.PurchaseOrderService.DeletePurchaseOrder(pb.DeletePurchaseOrderRequest(id=opened.id), principal=theirs),
    ]
    for attempt in attempts:
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "not_found"
    assert (await found(api, ours, opened.id)).status == "PENDING"
    with pytest.raises(RemoteRefusal) as refused:
        await order(api, cook(uuid4()), supplier=opened.supplier)
    assert refused.value.code == "permission_denied"


async def test_a_list_costs_the_same_for_1_row_and_for_20(inventory: RunningService, api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer)
    seller = await supplier(api, buyer)

    async def count() -> int:
        answer = await api.PurchaseOrderService.ListPurchaseOrders(pb.ListPurchaseOrdersRequest(), principal=buyer)
        return len(answer.results)

    await add(api, buyer, (await order(api, buyer, supplier=seller)).id, flour.id, "1", "1")
    with inventory.statements() as for_one:
        assert await count() == 1
    for _ in range(19):
        await add(api, buyer, (await order(api, buyer, supplier=seller)).id, flour.id, "1", "1")
    with inventory.statements() as for_twenty:
        assert await count() == 20
    assert len(for_one) == len(for_twenty) == 3
