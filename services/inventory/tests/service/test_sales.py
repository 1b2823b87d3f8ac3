"""Sales: each takes from the stock once, however often, in whatever order and how many at once they are told."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from google.protobuf.message import Message

from mizan.inventory.events.v1 import events_pb2 as facts
from mizan.inventory.v1 import adjustment_pb2, recipe_pb2
from mizan.pos.events.v1 import events_pb2 as pos
from servicekit.identity import Principal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.inventory.tests.conftest import manager
from services.inventory.tests.service.test_recipes import dish, put, recipe
from services.inventory.tests.stock import entries, item, kinds, read

D = Decimal


def order(restaurant_id: UUID, *dishes: tuple[str, int], order_id: str = "", total: str = "80") -> pos.OrderFacts:
    return pos.OrderFacts(
        id=order_id or str(uuid4()),
        restaurant_id=str(restaurant_id),
        total_amount=total,
        lines=[pos.OrderLineFacts(id=str(uuid4()), menu_item_id=dish_id, quantity=count) for dish_id, count in dishes],
    )


async def tell(inventory: RunningService, bus: Bus, restaurant_id: UUID, *messages: Message) -> None:
    ids = [await bus.publish(message, restaurant_id=restaurant_id) for message in messages]
    for event_id in ids:
        await handled(inventory, "inventory-sales", event_id)


async def pizzeria(
    inventory: RunningService, api: Api, bus: Bus, stock: str = "10"
) -> tuple[UUID, Principal, str, Any]:
    """A restaurant whose only dish takes 250 g of flour."""
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    pizza = await dish(inventory, bus, restaurant_id)
    flour = await item(api, chef, current_stock=stock, cost_per_unit="8")
    made = await recipe(api, chef, menu_item=pizza)
    await put(api, chef, made.id, "250", "g", ingredient=flour.id)
    return restaurant_id, chef, pizza, flour


async def test_a_sale_takes_its_ingredients_and_a_void_puts_them_back(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id, chef, pizza, flour = await pizzeria(inventory, api, bus)
    unknown = str(uuid4())
    sale = order(restaurant_id, (pizza, 2), (unknown, 1), (pizza, 1))
    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=sale))
    stock = await read(api, chef, flour.id)
    assert (stock.current_stock, stock.stock_value) == ("9.250", "74.00")
    sold = (await entries(api, chef, flour.id))[-1]
    assert (sold.kind, sold.source_type, sold.source, sold.HasField("author")) == ("SALE", "order", sale.id, False)
    await tell(inventory, bus, restaurant_id, pos.OrderVoided(order=sale))
    assert await kinds(api, chef, flour.id) == [("OPENING", D(10)), ("SALE", D("-0.75")), ("REVERSAL", D("0.75"))]
    assert (await read(api, chef, flour.id)).stock_value == "80.00"


async def test_what_is_told_again_or_too_late_or_too_early_changes_nothing(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id, chef, pizza, flour = await pizzeria(inventory, api, bus)
    once, early = order(restaurant_id, (pizza, 1)), order(restaurant_id, (pizza, 1))
    completed, voided = pos.OrderCompleted(order=once), pos.OrderVoided(order=once)
    await tell(inventory, bus, restaurant_id, completed, completed, completed)
    assert (await read(api, chef, flour.id)).current_stock == "9.750"
    await tell(inventory, bus, restaurant_id, voided)
    await tell(inventory, bus, restaurant_id, voided, completed)
    assert len(await kinds(api, chef, flour.id)) == 3
    await tell(inventory, bus, restaurant_id, pos.OrderVoided(order=early))
    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=early))
    assert (await read(api, chef, flour.id)).current_stock == "10.000"


def refunded(sale: pos.OrderFacts, amount: str, so_far: str) -> pos.OrderRefunded:
    """An amount that is given back of a sale, and what that makes with what was given back before."""
    order_after = pos.OrderFacts()
    order_after.CopyFrom(sale)
    order_after.refund_amount = so_far
    return pos.OrderRefunded(order=order_after, amount=amount)


async def test_refunds_put_back_once_they_come_to_everything_and_not_before(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id, chef, pizza, flour = await pizzeria(inventory, api, bus)
    sale = order(restaurant_id, (pizza, 4), total="320")
    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=sale))
    parts = refunded(sale, "20", "20"), refunded(sale, "100", "120"), refunded(sale, "200", "320")
    await tell(inventory, bus, restaurant_id, *parts[:2])
    assert (await read(api, chef, flour.id)).current_stock == "9.000"
    await tell(inventory, bus, restaurant_id, parts[2])
    assert (await read(api, chef, flour.id)).current_stock == "10.000"
    await tell(inventory, bus, restaurant_id, *parts)
    assert (await read(api, chef, flour.id)).current_stock == "10.000"


async def test_refunds_that_are_heard_of_before_the_sale_leave_the_stock_alone(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id, chef, pizza, flour = await pizzeria(inventory, api, bus)
    sale = order(restaurant_id, (pizza, 4), total="320")
    await tell(inventory, bus, restaurant_id, refunded(sale, "300", "320"), refunded(sale, "20", "20"))
    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=sale))
    assert (await read(api, chef, flour.id)).current_stock == "10.000"


async def test_two_hundred_sales_of_the_last_ten_portions_take_one_each(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id, chef, pizza, flour = await pizzeria(inventory, api, bus, stock="2.5")
    sales = [pos.OrderCompleted(order=order(restaurant_id, (pizza, 1))) for _ in range(200)]
    await tell(inventory, bus, restaurant_id, *sales, *sales[:50])
    ledger = await entries(api, chef, flour.id)
    sold = [entry for entry in ledger if entry.kind == "SALE"]
    assert sorted(entry.source for entry in sold) == sorted(sale.order.id for sale in sales)
    stock = await read(api, chef, flour.id)
    assert (stock.current_stock, stock.stock_state) == ("-47.500", "OUT")
    assert len(await bus.of_aggregate(facts.StockOut, flour.id, 1)) == 1


async def test_sales_and_corrections_at_once_lose_nothing(inventory: RunningService, api: Api, bus: Bus) -> None:
    restaurant_id, chef, pizza, flour = await pizzeria(inventory, api, bus, stock="100")
    added = adjustment_pb2.CreateAdjustmentRequest(inventory_item=flour.id, adjustment_type="ADD", quantity_changed="1")
    sales = [pos.OrderCompleted(order=order(restaurant_id, (pizza, 2))) for _ in range(40)]
    await asyncio.gather(
        tell(inventory, bus, restaurant_id, *sales),
        *(api.AdjustmentService.CreateAdjustment(added, principal=chef) for _ in range(40)),
    )
    assert (await read(api, chef, flour.id)).current_stock == "120.000"
    assert len(await entries(api, chef, flour.id)) == 81


async def test_the_dishes_that_cannot_be_made_are_named_and_again_when_everything_is_back(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id, chef, pizza, flour = await pizzeria(inventory, api, bus, stock="0.5")
    oil = await item(api, chef, "Oil", "l", current_stock="0.1")
    sauce = await recipe(api, chef, name="Sauce", yield_unit="l")
    await put(api, chef, sauce.id, "50", "ml", ingredient=oil.id)
    pasta = await dish(inventory, bus, restaurant_id, "Pasta")
    made = await recipe(api, chef, menu_item=pasta)
    await put(api, chef, made.id, "250", "g", ingredient=flour.id)
    await put(api, chef, made.id, "2", "l", sub_recipe=sauce.id)
    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=order(restaurant_id, (pizza, 1), (pasta, 1))))
    (no_flour,) = await bus.of_aggregate(facts.StockOut, flour.id, 1)
    assert sorted(no_flour.message.menu_item_ids) == sorted([pizza, pasta])
    (no_oil,) = await bus.of_aggregate(facts.StockOut, oil.id, 1)
    assert list(no_oil.message.menu_item_ids) == [pasta]
    for bought in (flour, oil):
        request = adjustment_pb2.CreateAdjustmentRequest(
            inventory_item=bought.id, adjustment_type="ADD", quantity_changed="5"
        )
        await api.AdjustmentService.CreateAdjustment(request, principal=chef)
    flour_back = (await bus.of_aggregate(facts.StockRestored, flour.id, 2))[-1]
    oil_back = (await bus.of_aggregate(facts.StockRestored, oil.id, 2))[-1]
    assert list(flour_back.message.menu_item_ids) == [pizza]
    assert list(oil_back.message.menu_item_ids) == [pasta]


async def test_whoever_changes_a_recipe_of_what_is_out_tells_which_dishes_wait_now(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id, chef, pizza, flour = await pizzeria(inventory, api, bus, stock="0.25")
    never = await item(api, chef, "Saffron", "g")
    await tell(inventory, bus, restaurant_id, pos.OrderCompleted(order=order(restaurant_id, (pizza, 1))))
    pasta = await dish(inventory, bus, restaurant_id, "Pasta")
    made = await recipe(api, chef, menu_item=pasta)
    dough = await recipe(api, chef, name="Dough", yield_unit="kg")
    await put(api, chef, made.id, "1", "g", ingredient=never.id)
    inside = await put(api, chef, made.id, "200", "g", sub_recipe=dough.id)
    await put(api, chef, dough.id, "800", "g", ingredient=flour.id)
    gone = recipe_pb2.DeleteRecipeIngredientRequest(recipe_id=made.id, id=inside.id)
    await api.RecipeService.DeleteRecipeIngredient(gone, principal=chef)
    await put(api, chef, made.id, "200", "g", ingredient=flour.id)
    both = sorted([pizza, pasta])
    told = [one.message for one in await bus.of_aggregate(facts.StockOut, flour.id, 4)]
    assert [sorted(one.menu_item_ids) for one in told] == [[pizza], both, [pizza], both]
    assert [one.is_repeated for one in told] == [False, True, True, True]
    versions = [one.stock.version for one in told]
    assert versions == sorted(set(versions))
    # What has never been in stock is not tracked, so nothing waits for it.
    request = adjustment_pb2.CreateAdjustmentRequest(
        inventory_item=flour.id, adjustment_type="ADD", quantity_changed="5"
    )
    await api.AdjustmentService.CreateAdjustment(request, principal=chef)
    back = (await bus.of_aggregate(facts.StockRestored, flour.id, 2))[-1].message
    assert (sorted(back.menu_item_ids), back.stock.version > versions[-1]) == (both, True)
