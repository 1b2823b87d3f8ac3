"""What runs out in the stock is not sold, and comes back with it; people have the last word."""

from uuid import UUID, uuid4

from mizan.inventory.events.v1 import events_pb2 as inventory
from mizan.pos.events.v1 import events_pb2 as facts
from mizan.pos.v1 import menu_item_pb2
from servicekit.identity import Principal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.pos.tests.conftest import manager, sell


async def test_dishes_follow_what_they_are_made_of(pos: RunningService, api: Api, bus: Bus) -> None:
    chef = manager(uuid4())
    bread, salad = await sell(api, chef, "Bread", "5"), await sell(api, chef, "Salad", "20")
    flour, oil = str(uuid4()), str(uuid4())

    async def tell(item: str, version: int, *dishes: menu_item_pb2.MenuItem, out: bool) -> None:
        kind = inventory.StockOut if out else inventory.StockRestored
        event = kind(menu_item_ids=[dish.id for dish in dishes])
        event.stock.item_id, event.stock.restaurant_id, event.stock.version = item, str(chef.tenant), version
        await handled(pos, "pos-stock", await bus.publish(event, restaurant_id=chef.tenant))

    async def on_sale() -> tuple[bool, bool]:
        return await _is_available(api, chef, bread.id), await _is_available(api, chef, salad.id)

    async def people_say(dish: menu_item_pb2.MenuItem, *, available: bool) -> None:
        request = menu_item_pb2.SetMenuItemAvailabilityRequest(id=dish.id, is_available=available)
        await api.MenuItemService.SetMenuItemAvailability(request, principal=chef)

    await tell(flour, 1, bread, out=True)
    await tell(oil, 1, bread, salad, out=True)
    assert await on_sale() == (False, False)
    assert (await bus.first(facts.MenuItemSoldOut, chef.tenant)).message.item.id == bread.id
    # Inventory names what can be made again: there is no oil for the bread yet.
    await tell(flour, 2, out=False)
    assert await on_sale() == (False, False)
    await tell(oil, 3, bread, salad, out=False)
    assert await on_sale() == (True, True)
    assert (await bus.first(facts.MenuItemRestored, chef.tenant)).message.item.is_available

    # An older word that arrives late changes nothing.
    await tell(oil, 2, bread, salad, out=True)
    assert await on_sale() == (True, True)

    # What people took off sale is not brought back by the stock, and what they brought back stays.
    await people_say(salad, available=False)
    await tell(oil, 4, bread, salad, out=True)
    await tell(oil, 5, bread, salad, out=False)
    assert await on_sale() == (True, False)
    await tell(flour, 6, bread, out=True)
    await people_say(bread, available=True)
    await tell(oil, 6, salad, out=True)
    assert await on_sale() == (True, False)


async def _is_available(api: Api, chef: Principal, item_id: str) -> bool:
    request = menu_item_pb2.MenuItemRequest(id=str(UUID(item_id)))
    return bool((await api.MenuItemService.GetMenuItem(request, principal=chef)).is_available)
