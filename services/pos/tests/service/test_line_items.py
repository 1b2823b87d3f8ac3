"""Lines by themselves: by the rules of their orders, with totals that stay exact."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from mizan.pos.v1 import kitchen_pb2, line_item_pb2, order_pb2, payment_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.service import Api
from services.pos.tests.conftest import manager, order, sell, waiter


def change(line_id: str, *cleared: str, **fields: Any) -> line_item_pb2.UpdateLineItemRequest:
    request = line_item_pb2.UpdateLineItemRequest(id=line_id, **fields)
    request.update_mask.paths.extend((*(name for name in fields if name != "version"), *cleared))
    return request


async def test_lines_are_added_changed_and_taken_off_by_themselves(api: Api) -> None:
    restaurant_id = uuid4()
    chef, server = manager(restaurant_id), waiter(restaurant_id)
    lines, tea = api.LineItemService, await sell(api, chef, "Tea", "12.50")
    taken = await order(api, server, (tea, 1))

    async def total() -> Decimal:
        whole = await api.OrderService.GetOrder(order_pb2.OrderRequest(id=taken.id), principal=server)
        assert Decimal(whole.subtotal) == sum(
            Decimal(line.total_price) for line in whole.line_items if line.status != "CANCELLED"
        )
        return Decimal(whole.total_amount)

    wanted = line_item_pb2.CreateLineItemRequest(order=taken.id, menu_item_id=tea.id, quantity=3, version=1)
    added = await lines.CreateLineItem(wanted, principal=server)
    assert (added.order, added.menu_item.name, Decimal(added.total_price)) == (taken.id, "Tea", Decimal("37.5"))
    assert await total() == Decimal(50)
    with pytest.raises(RemoteRefusal) as refused:
        await lines.CreateLineItem(wanted, principal=server)
    assert refused.value.code == "stale_version"

    # A whole line that is sent back changes what differs.
    sent = {"menu_item_id": tea.id, "quantity": 2, "special_instructions": "hot", "status": "PENDING"}
    changed = await lines.UpdateLineItem(change(added.id, **sent), principal=server)
    assert (changed.quantity, changed.special_instructions, changed.status) == (2, "hot", "PENDING")
    assert await total() == Decimal("37.5")
    cold = await lines.UpdateLineItem(change(added.id, "special_instructions"), principal=server)
    assert not cold.HasField("special_instructions")
    with pytest.raises(RemoteRefusal) as refused:
        await lines.UpdateLineItem(change(added.id, menu_item_id=str(uuid4())), principal=server)
    assert "menu_item_id" in refused.value.fields
    with pytest.raises(RemoteRefusal) as refused:
        await lines.UpdateLineItem(change(added.id, quantity=9, version=2), principal=server)
    assert refused.value.code == "stale_version"

    with pytest.raises(RemoteRefusal) as refused:
        await lines.UpdateLineItem(change(added.id, status="PREPARING"), principal=server)
    assert refused.value.code == "permission_denied"
    begun = await lines.UpdateLineItem(change(added.id, status="PREPARING"), principal=chef)
    assert begun == await lines.GetLineItem(line_item_pb2.LineItemRequest(id=added.id), principal=server)
    assert begun.status == "PREPARING"
    with pytest.raises(RemoteRefusal) as refused:
        await lines.DeleteLineItem(line_item_pb2.LineItemRequest(id=added.id), principal=server)
    assert refused.value.code == "line_begun"
    await lines.DeleteLineItem(line_item_pb2.LineItemRequest(id=added.id), principal=chef)
    assert await total() == Decimal("12.5")

    shown = await lines.ListLineItems(line_item_pb2.ListLineItemsRequest(), principal=server)
    assert [(line.id, line.status) for line in shown.results] == [
        (added.id, "CANCELLED"),
        (taken.line_items[0].id, "PENDING"),
    ]
    pending = line_item_pb2.ListLineItemsRequest(order=taken.id, status="PENDING", page=1, page_size=1)
    assert (await lines.ListLineItems(pending, principal=server)).count == 1


async def test_what_is_added_to_a_line_is_on_the_bill_and_in_the_kitchen(api: Api) -> None:
    chef = manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 2))
    line_id = taken.line_items[0].id

    def honey(price: str) -> line_item_pb2.AddModifierRequest:
        return line_item_pb2.AddModifierRequest(
            id=taken.id, line_item_id=line_id, modifier_name="Honey", modifier_price=price
        )

    added = await api.LineItemService.AddModifier(honey("1.25"), principal=chef)
    assert (added.line_item, added.modifier_name, Decimal(added.modifier_price)) == (line_id, "Honey", Decimal("1.25"))
    after = await api.OrderService.GetOrder(order_pb2.OrderRequest(id=taken.id), principal=chef)
    assert Decimal(after.total_amount) == Decimal("22.5")
    (modifier,) = after.line_items[0].modifiers
    assert (modifier.id, modifier.name, Decimal(modifier.price)) == (added.id, "Honey", Decimal("1.25"))
    tickets = await api.KitchenService.ListTickets(kitchen_pb2.ListTicketsRequest(), principal=chef)
    assert [list(line.modifiers) for line in tickets.results[0].lines] == [["Honey"]]
    with pytest.raises(RemoteRefusal) as refused:
        await api.LineItemService.AddModifier(honey("0.001"), principal=chef)
    assert refused.value.code == "too_precise"

    paying = payment_pb2.ProcessPaymentRequest(id=taken.id, payment_method="CASH", amount="22.50")
    await api.PaymentService.ProcessPayment(paying, principal=chef)
    for asked in (
        api.LineItemService.AddModifier(honey("1"), principal=chef),
        api.LineItemService.UpdateLineItem(change(line_id, quantity=1), principal=chef),
        api.LineItemService.DeleteLineItem(line_item_pb2.LineItemRequest(id=line_id), principal=chef),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await asked
        assert refused.value.code == "order_closed"


async def test_lines_of_another_restaurant_are_not_found(api: Api) -> None:
    chef, stranger = manager(uuid4()), manager(uuid4())
    tea = await sell(api, chef, "Tea", "10")
    taken = await order(api, chef, (tea, 1))
    this = line_item_pb2.LineItemRequest(id=taken.line_items[0].id)
    more = line_item_pb2.CreateLineItemRequest(order=taken.id, menu_item_id=tea.id)
    extra = line_item_pb2.AddModifierRequest(id=taken.id, line_item_id=this.id, modifier_name="Honey")
    for asked in (
        api.LineItemService.GetLineItem(this, principal=stranger),
        api.LineItemService.CreateLineItem(more, principal=stranger),
        api.LineItemService.UpdateLineItem(change(this.id, quantity=2), principal=stranger),
        api.LineItemService.DeleteLineItem(this, principal=stranger),
        api.LineItemService.AddModifier(extra, principal=stranger),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await asked
        assert refused.value.code == "not_found"
    listed = line_item_pb2.ListLineItemsRequest(order=taken.id)
    assert (await api.LineItemService.ListLineItems(listed, principal=stranger)).count == 0
