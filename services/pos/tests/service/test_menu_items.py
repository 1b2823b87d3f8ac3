"""Items of the menu: priced in the currency, filtered, taxed, never of another restaurant."""

from decimal import Decimal
from uuid import uuid4

import pytest

from mizan.options.v1 import files_pb2
from mizan.pos.events.v1 import events_pb2 as facts
from mizan.pos.v1 import menu_category_pb2, menu_item_pb2, modifier_pb2, order_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.pos.tests.conftest import manager, order, sell, waiter

GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


async def test_items_are_listed_filtered_and_cost_the_same_for_1_and_60(pos: RunningService, api: Api) -> None:
    chef = manager(uuid4())
    section = await api.MenuCategoryService.CreateMenuCategory(
        menu_category_pb2.CreateMenuCategoryRequest(name="Drinks"), principal=chef
    )
    await sell(api, chef, "Tea", "12.50", category=section.id)

    async def listed(**filters) -> menu_item_pb2.ListMenuItemsResponse:
        request = menu_item_pb2.ListMenuItemsRequest(**filters)
        return await api.MenuItemService.ListStaffProducts(request, principal=waiter(chef.tenant))

    with pos.statements() as for_one:
        (tea,) = (await listed()).results
    assert (tea.category_info.name, Decimal(tea.price), tea.base_price) == ("Drinks", Decimal("12.5"), tea.price)
    for number in range(59):
        await sell(api, chef, f"Dish {number:02}", "20", is_active=number % 2 == 0)
    with pos.statements() as for_sixty:
        assert (await listed()).count == 60
    assert len(for_one) == len(for_sixty) == 2
    assert [item.name for item in (await listed(category_id=section.id)).results] == ["Tea"]
    assert [item.name for item in (await listed(search="dish 07")).results] == ["Dish 07"]
    assert (await listed(is_active=False)).count == 29


async def test_an_item_is_changed_and_null_clears_it(api: Api) -> None:
    chef = manager(uuid4())
    section = await api.MenuCategoryService.CreateMenuCategory(
        menu_category_pb2.CreateMenuCategoryRequest(name="Drinks"), principal=chef
    )
    tea = await sell(api, chef, "Tea", "12.50", category=section.id, description="Hot", allergens=["none"])
    change = menu_item_pb2.UpdateMenuItemRequest(id=tea.id, price="13")
    change.update_mask.paths.extend(["price", "category", "description"])
    changed = await api.MenuItemService.UpdateMenuItem(change, principal=chef)
    assert Decimal(changed.price) == 13
    assert not changed.HasField("category")
    assert not changed.HasField("category_info")
    assert not changed.HasField("description")
    assert changed.allergens == ["none"]


async def test_names_are_taken_once_and_prices_can_be_paid(api: Api) -> None:
    chef = manager(uuid4())
    await sell(api, chef, "Tea", "10")
    other = await sell(api, chef, "Mint tea", "10")
    with pytest.raises(RemoteRefusal) as refused:
        await sell(api, chef, " Tea ", "10")
    assert list(refused.value.fields) == ["name"]
    change = menu_item_pb2.UpdateMenuItemRequest(id=other.id, name="Tea")
    change.update_mask.paths.append("name")
    with pytest.raises(RemoteRefusal) as refused:
        await api.MenuItemService.UpdateMenuItem(change, principal=chef)
    assert refused.value.code == "name_taken"
    with pytest.raises(RemoteRefusal) as refused:
        await sell(api, chef, "Coffee", "10.005")
    assert list(refused.value.fields) == ["price"]


async def test_what_was_ordered_cannot_be_deleted(api: Api, bus: Bus) -> None:
    chef = manager(uuid4())
    tea, cake = await sell(api, chef, "Tea", "10"), await sell(api, chef, "Cake", "10")
    await order(api, chef, (tea, 1))
    with pytest.raises(RemoteRefusal) as refused:
        await api.MenuItemService.DeleteMenuItem(menu_item_pb2.MenuItemRequest(id=tea.id), principal=chef)
    assert refused.value.code == "item_ordered"
    await api.MenuItemService.DeleteMenuItem(menu_item_pb2.MenuItemRequest(id=cake.id), principal=chef)
    assert (await bus.first(facts.MenuItemDeleted, chef.tenant)).message.item.id == cake.id
    with pytest.raises(RemoteRefusal) as refused:
        await api.MenuItemService.GetMenuItem(menu_item_pb2.MenuItemRequest(id=cake.id), principal=chef)
    assert refused.value.code == "not_found"


async def test_categories_taxes_and_groups_of_another_restaurant_are_not_found(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    section = await api.MenuCategoryService.CreateMenuCategory(
        menu_category_pb2.CreateMenuCategoryRequest(name="Drinks"), principal=ours
    )
    tax = await api.ModifierService.CreateTaxCategory(
        modifier_pb2.CreateTaxCategoryRequest(name="VAT", rate="10"), principal=ours
    )
    group = await api.ModifierService.CreateModifierGroup(
        modifier_pb2.CreateModifierGroupRequest(name="Extras", modifiers=[modifier_pb2.ModifierInput(name="Egg")]),
        principal=ours,
    )
    for fields in ({"category": section.id}, {"tax_category": tax.id}, {"modifier_groups": [group.id]}):
        with pytest.raises(RemoteRefusal) as refused:
            await sell(api, theirs, "Tea", "10", **fields)
        assert refused.value.code == "not_found"
    rename = menu_category_pb2.UpdateMenuCategoryRequest(id=section.id, name="Mine")
    rename.update_mask.paths.append("name")
    for asked in (
        api.MenuCategoryService.UpdateMenuCategory(rename, principal=theirs),
        api.MenuCategoryService.DeleteMenuCategory(
            menu_category_pb2.MenuCategoryRequest(id=section.id), principal=theirs
        ),
        api.ModifierService.DeleteTaxCategory(modifier_pb2.TaxCategoryRequest(id=tax.id), principal=theirs),
        api.ModifierService.DeleteModifierGroup(modifier_pb2.ModifierGroupRequest(id=group.id), principal=theirs),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await asked
        assert refused.value.code == "not_found"


async def test_one_tax_is_the_default_and_groups_are_replaced_whole(api: Api) -> None:
    chef = manager(uuid4())
    for name in ("Low", "High"):
        request = modifier_pb2.CreateTaxCategoryRequest(name=name, rate="10", is_default=True)
        await api.ModifierService.CreateTaxCategory(request, principal=chef)
    taxes = await api.ModifierService.ListTaxCategories(modifier_pb2.ListTaxCategoriesRequest(), principal=chef)
    assert [(tax.name, tax.is_default) for tax in taxes.results] == [("High", True), ("Low", False)]
    given = [modifier_pb2.ModifierInput(name=name) for name in ("Egg", "Cheese")]
    group = await api.ModifierService.CreateModifierGroup(
        modifier_pb2.CreateModifierGroupRequest(name="Extras", modifiers=given), principal=chef
    )
    egg = group.modifiers[0]
    replaced = await api.ModifierService.ReplaceModifierGroup(
        modifier_pb2.ReplaceModifierGroupRequest(
            id=group.id, name="More", modifiers=[modifier_pb2.ModifierInput(id=egg.id, name="Egg", price="3")]
        ),
        principal=chef,
    )
    assert (replaced.name, [(one.id, Decimal(one.price)) for one in replaced.modifiers]) == (
        "More",
        [(egg.id, Decimal(3))],
    )


async def test_a_picture_is_shown_to_whoever_has_its_link_and_replaced_ones_go(pos: RunningService, api: Api) -> None:
    chef = manager(uuid4())
    tea = await sell(api, chef, "Tea", "10", image=files_pb2.Upload(filename="tea.gif", content=GIF))
    version = tea.image.partition("?v=")[2]
    asked = menu_item_pb2.GetMenuItemImageRequest(id=tea.id, v=version)
    assert (await api.MenuItemService.GetMenuItemImage(asked)).data == GIF
    change = menu_item_pb2.UpdateMenuItemRequest(id=tea.id, image=files_pb2.Upload(content=GIF + b"\x00"))
    change.update_mask.paths.append("image")
    changed = await api.MenuItemService.UpdateMenuItem(change, principal=chef)
    assert changed.image != tea.image
    with pytest.raises(RemoteRefusal) as refused:
        await api.MenuItemService.GetMenuItemImage(asked)
    assert refused.value.code == "not_found"
    with pytest.raises(RemoteRefusal) as refused:
        await sell(api, chef, "Cake", "10", image=files_pb2.Upload(content=b"no picture"))
    assert list(refused.value.fields) == ["image"]


async def test_a_waiter_edits_no_menu_and_a_cook_says_what_ran_out(api: Api) -> None:
    restaurant_id = uuid4()
    chef, server = manager(restaurant_id), waiter(restaurant_id)
    tea = await sell(api, chef, "Tea", "10")
    out = menu_item_pb2.SetMenuItemAvailabilityRequest(id=tea.id, is_available=False)
    with pytest.raises(RemoteRefusal) as refused:
        await sell(api, server, "Cake", "10")
    assert refused.value.code == "permission_denied"
    with pytest.raises(RemoteRefusal) as refused:
        await api.MenuItemService.SetMenuItemAvailability(out, principal=server)
    assert refused.value.code == "permission_denied"
    await api.MenuItemService.SetMenuItemAvailability(out, principal=chef)
    with pytest.raises(RemoteRefusal) as refused:
        await api.OrderService.CreateOrder(
            order_pb2.CreateOrderRequest(line_items=[order_pb2.OrderLineInput(menu_item_id=tea.id)]), principal=server
        )
    assert refused.value.code == "item_unavailable"
