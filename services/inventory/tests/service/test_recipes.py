"""Recipes: written over items and other recipes, measured in what leads to the stock, costed at its averages."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from mizan.inventory.events.v1 import events_pb2 as facts
from mizan.inventory.v1 import item_pb2
from mizan.inventory.v1 import recipe_pb2 as pb
from mizan.pos.events.v1 import events_pb2 as pos
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService, person
from services.inventory.tests.conftest import cook, manager
from services.inventory.tests.stock import item, read


async def dish(
    inventory: RunningService, bus: Bus, restaurant_id: UUID, name: str = "Pizza", price: str = "80", **more: Any
) -> str:
    """A dish that the menu has, as pos says so."""
    dish_id = more.pop("id", str(uuid4()))
    about = {"is_active": True, "version": 1, **more}
    message = pos.MenuItemChanged(
        item=pos.MenuItemFacts(id=dish_id, restaurant_id=str(restaurant_id), name=name, price=price, **about)
    )
    await handled(inventory, "inventory-menu", await bus.publish(message, restaurant_id=restaurant_id))
    return str(dish_id)


async def recipe(api: Api, principal: Principal, **fields: Any) -> pb.Recipe:
    request = pb.CreateRecipeRequest(**{"instructions": "Bake.", **fields})
    created: pb.Recipe = await api.RecipeService.CreateRecipe(request, principal=principal)
    return created


async def put(api: Api, principal: Principal, recipe_id: str, quantity: str, unit: str, **fields: Any) -> Any:
    request = pb.CreateRecipeIngredientRequest(recipe_id=recipe_id, quantity=quantity, unit=unit, **fields)
    return await api.RecipeService.CreateRecipeIngredient(request, principal=principal)


async def found(api: Api, principal: Principal, recipe_id: str) -> pb.Recipe:
    read: pb.Recipe = await api.RecipeService.GetRecipe(pb.GetRecipeRequest(id=recipe_id), principal=principal)
    return read


async def test_a_plate_costs_what_goes_into_it_at_the_averages(inventory: RunningService, api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    pizza = await dish(inventory, bus, restaurant_id)
    flour = await item(api, chef, current_stock="10", cost_per_unit="10")
    oil = await item(api, chef, "Oil", "l", current_stock="5", cost_per_unit="40")
    dough = await recipe(api, chef, name="Dough", yield_quantity="2", yield_unit="kg")
    await put(api, chef, dough.id, "1200", "g", ingredient=flour.id)
    await put(api, chef, dough.id, "1", "dl", ingredient=oil.id)
    made = await recipe(api, chef, menu_item=pizza, prep_time_minutes=20)
    await put(api, chef, made.id, "250", "g", sub_recipe=dough.id)
    lost = await put(api, chef, made.id, "0.02", "l", ingredient=oil.id, yield_percent="80")
    assert (lost.cost, lost.ingredient_info.name, lost.ingredient_info.cost_per_unit) == ("1.0000", "Oil", "40.0000")
    complete = await found(api, chef, made.id)
    assert (complete.name, complete.menu_item, complete.prep_time_minutes) == ("Pizza", pizza, 20)
    assert (complete.plate_cost, complete.total_cost) == ("3.0000", "3.0000")
    assert (complete.price, complete.margin, complete.margin_percent) == ("80.00", "77.00", "96.25")
    assert [one.sub_recipe for one in complete.ingredients] == [dough.id, ""]
    request = item_pb2.UpdateItemRequest(id=oil.id, cost_per_unit="80")
    request.update_mask.paths.append("cost_per_unit")
    await api.ItemService.UpdateItem(request, principal=chef)
    assert (await found(api, chef, made.id)).plate_cost == "4.5000"
    assert await found(api, cook(restaurant_id), made.id) == await found(api, chef, made.id)
    assert len(await bus.of_aggregate(facts.RecipeChanged, made.id, 3)) == 3


async def test_a_dish_has_one_recipe_and_must_be_on_the_menu(inventory: RunningService, api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    pizza = await dish(inventory, bus, restaurant_id)
    elsewhere = await dish(inventory, bus, uuid4())
    outcomes = await asyncio.gather(*(recipe(api, chef, menu_item=pizza) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, pb.Recipe) for one in outcomes) == 1
    assert {one.code for one in outcomes if isinstance(one, RemoteRefusal)} == {"menu_item_taken"}
    for attempt, code in (
        (recipe(api, chef, menu_item=str(uuid4())), "not_found"),
        (recipe(api, chef, menu_item=elsewhere), "not_found"),
        (recipe(api, chef), "required"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == code


async def test_an_older_state_of_a_dish_is_ignored(inventory: RunningService, api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    pizza = await dish(inventory, bus, restaurant_id, "Pizza", "90", version=3)
    await dish(inventory, bus, restaurant_id, "Old pizza", "70", version=2, id=pizza)
    made = await recipe(api, chef, menu_item=pizza)
    assert (made.name, made.price) == ("Pizza", "90.00")


async def test_circles_and_repetitions_and_units_that_lead_nowhere_are_refused(api: Api) -> None:
    chef = manager(uuid4())
    flour = await item(api, chef)
    stock = await recipe(api, chef, name="Stock", yield_unit="l", yield_quantity="2")
    sauce = await recipe(api, chef, name="Sauce", yield_unit="l", yield_quantity="1")
    glaze = await recipe(api, chef, name="Glaze", yield_unit="l", yield_quantity="1")
    await put(api, chef, sauce.id, "500", "ml", sub_recipe=stock.id)
    await put(api, chef, glaze.id, "1", "dl", sub_recipe=sauce.id)
    await put(api, chef, sauce.id, "20", "g", ingredient=flour.id)
    for attempt, code in (
        (put(api, chef, stock.id, "1", "dl", sub_recipe=glaze.id), "circular"),
        (put(api, chef, stock.id, "1", "dl", sub_recipe=stock.id), "circular"),
        (put(api, chef, sauce.id, "1", "kg", ingredient=flour.id), "ingredient_taken"),
        (put(api, chef, stock.id, "1", "pinch", ingredient=flour.id), "no_conversion"),
        (put(api, chef, stock.id, "1", "kg", sub_recipe=sauce.id), "circular"),
        (put(api, chef, stock.id, "1", "kg"), "required"),
        (put(api, chef, stock.id, "1", "kg", ingredient=flour.id, sub_recipe=sauce.id), "required"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == code
    assert not (await found(api, chef, stock.id)).ingredients


async def test_of_two_halves_of_a_circle_that_are_closed_at_once_one_is_refused(api: Api) -> None:
    chef = manager(uuid4())
    one = await recipe(api, chef, name="One", yield_unit="l")
    other = await recipe(api, chef, name="Other", yield_unit="l")
    outcomes = await asyncio.gather(
        put(api, chef, one.id, "1", "l", sub_recipe=other.id),
        put(api, chef, other.id, "1", "l", sub_recipe=one.id),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, RemoteRefusal) and outcome.code == "circular" for outcome in outcomes) == 1
    assert sum(isinstance(outcome, pb.RecipeIngredient) for outcome in outcomes) == 1


async def test_what_is_used_stays(api: Api) -> None:
    chef = manager(uuid4())
    pack = item_pb2.UnitConversion(unit="pack", quantity="250", of_unit="g")
    butter = await item(api, chef, "Butter", conversions=[pack])
    base = await recipe(api, chef, name="Base", yield_unit="kg")
    cake = await recipe(api, chef, name="Cake")
    used = await put(api, chef, base.id, "2", "pack", ingredient=butter.id)
    await put(api, chef, cake.id, "100", "g", sub_recipe=base.id)
    drop = pb.DeleteIngredientRequest(id=butter.id)
    without = item_pb2.UpdateItemRequest(id=butter.id)
    without.update_mask.paths.append("conversions")
    pieces = pb.UpdateRecipeRequest(id=base.id, yield_unit="portion")
    pieces.update_mask.paths.append("yield_unit")
    for attempt, code in (
        (api.ItemService.DeleteItem(item_pb2.DeleteItemRequest(id=butter.id), principal=chef), "item_in_use"),
        (
            api.IngredientService.DeleteIngredient(drop, principal=chef),
            "item_in_use",
        ),
        (api.ItemService.UpdateItem(without, principal=chef), "no_conversion"),
        (api.RecipeService.UpdateRecipe(pieces, principal=chef), "no_conversion"),
        (api.RecipeService.DeleteRecipe(pb.DeleteRecipeRequest(id=base.id), principal=chef), "recipe_in_use"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == code
    change = pb.UpdateRecipeIngredientRequest(recipe_id=base.id, id=used.id, quantity="3")
    change.update_mask.paths.append("quantity")
    changed = await api.RecipeService.UpdateRecipeIngredient(change, principal=chef)
    assert (changed.quantity, changed.unit, changed.ingredient) == ("3.0000", "pack", butter.id)
    listing = pb.ListRecipeIngredientsRequest(recipe_id=base.id)
    answer = await api.RecipeService.ListRecipeIngredients(listing, principal=chef)
    assert (answer.count, list(answer.results)) == (1, [changed])
    remove = pb.DeleteRecipeIngredientRequest(recipe_id=base.id, id=used.id)
    await api.RecipeService.DeleteRecipeIngredient(remove, principal=chef)
    await api.ItemService.DeleteItem(item_pb2.DeleteItemRequest(id=butter.id), principal=chef)
    await api.RecipeService.DeleteRecipe(pb.DeleteRecipeRequest(id=cake.id), principal=chef)
    with pytest.raises(RemoteRefusal):
        await found(api, chef, cake.id)


async def test_an_ingredient_is_an_item_of_the_stock(api: Api) -> None:
    chef = manager(uuid4())
    request = pb.CreateIngredientRequest(name="Flour", unit="kg", cost_per_unit="8.5")
    created = await api.IngredientService.CreateIngredient(request, principal=chef)
    stocked = await read(api, chef, created.id)
    assert (stocked.name, stocked.unit, stocked.current_stock, stocked.cost_per_unit) == (
        "Flour",
        "kg",
        "0.000",
        "8.5000",
    )
    change = pb.UpdateIngredientRequest(id=created.id, cost_per_unit="9")
    change.update_mask.paths.append("cost_per_unit")
    assert (await api.IngredientService.UpdateIngredient(change, principal=chef)).cost_per_unit == "9.0000"
    answer = await api.IngredientService.ListIngredients(pb.ListIngredientsRequest(), principal=chef)
    assert [one.id for one in answer.results] == [created.id]
    await api.IngredientService.DeleteIngredient(pb.DeleteIngredientRequest(id=created.id), principal=chef)
    assert (await read(api, chef, created.id)).is_active is False


async def test_another_restaurant_reads_and_writes_nothing_here(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    flour = await item(api, ours)
    made = await recipe(api, ours, name="Dough", yield_unit="kg")
    used = await put(api, ours, made.id, "1", "kg", ingredient=flour.id)
    their = await recipe(api, theirs, name="Bread", yield_unit="kg")
    change = pb.UpdateRecipeRequest(id=made.id, instructions="No.")
    change.update_mask.paths.append("instructions")
    for attempt in (
        found(api, theirs, made.id),
        api.RecipeService.UpdateRecipe(change, principal=theirs),
        api.RecipeService.DeleteRecipe(pb.DeleteRecipeRequest(id=made.id), principal=theirs),
        put(api, theirs, their.id, "1", "kg", ingredient=flour.id),
        put(api, theirs, their.id, "1", "kg", sub_recipe=made.id),
        put(api, theirs, made.id, "1", "kg", sub_recipe=their.id),
        api.RecipeService.GetRecipeIngredient(
            pb.GetRecipeIngredientRequest(recipe_id=made.id, id=used.id), principal=theirs
        ),
        api.IngredientService.GetIngredient(pb.GetIngredientRequest(id=flour.id), principal=theirs),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "not_found"
    waiter = person(frozenset({"menu.view"}), restaurant_id=UUID(flour.restaurant))
    for attempt in (found(api, waiter, made.id), recipe(api, cook(UUID(flour.restaurant)), name="Mine")):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "permission_denied"


async def test_a_list_costs_the_same_for_1_row_and_for_20(inventory: RunningService, api: Api) -> None:
    chef = manager(uuid4())
    flour = await item(api, chef)

    async def add(number: int) -> None:
        made = await recipe(api, chef, name=f"Recipe {number}", yield_unit="kg")
        await put(api, chef, made.id, "1", "kg", ingredient=flour.id)

    async def count() -> int:
        return len((await api.RecipeService.ListRecipes(pb.ListRecipesRequest(), principal=chef)).results)

    await add(0)
    with inventory.statements() as for_one:
        assert await count() == 1
    for number in range(1, 20):
        await add(number)
    with inventory.statements() as for_twenty:
        assert await count() == 20
    assert len(for_one) == len(for_twenty) == 3
