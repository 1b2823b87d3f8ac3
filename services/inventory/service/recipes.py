"""Ingredients and recipes."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.inventory.v1 import recipe_pb2 as pb
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import Reading, SessionReader
from servicekit.errors import NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.inventory.commands import items as item_commands
from services.inventory.commands import recipes as commands
from services.inventory.domain import recipe as rules
from services.inventory.domain.recipe import Component
from services.inventory.domain.units import rounded
from services.inventory.queries import items as item_queries
from services.inventory.queries import recipes as queries
from services.inventory.queries.recipes import NO_INGREDIENT, Kitchen
from services.inventory.service.convert import number, text_or_none

TIMES = ("prep_time_minutes", "cook_time_minutes")
RECIPE_FIELDS = ("name", "instructions", "yield_quantity", "yield_unit", *TIMES)
TARGETS = ("ingredient", "sub_recipe")
INGREDIENT_FIELDS = ("quantity", "unit", "yield_percent", *TARGETS)


class IngredientService:
    """Implements mizan.inventory.v1.IngredientService: the items of the stock as the kitchen sees them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListIngredients(self, request: pb.ListIngredientsRequest, call: Call) -> pb.ListIngredientsResponse:
        count, rows, _ = await item_queries.page_of_items(
            call.read(), call.principal.tenant, page_of(request), search=None, category=None, state=None
        )
        return pb.ListIngredientsResponse(count=count, results=[_ingredient(row) for row in rows])

    async def CreateIngredient(self, request: pb.CreateIngredientRequest, call: Call) -> pb.Ingredient:
        principal = call.principal
        session = await call.session()
        item_id = await item_commands.create_item(
            session, principal.tenant, principal.user_id, values_of(request), (), self._clock.now()
        )
        return await _read_ingredient(SessionReader(session), principal.tenant, item_id)

    async def GetIngredient(self, request: pb.GetIngredientRequest, call: Call) -> pb.Ingredient:
        return await _read_ingredient(call.read(), call.principal.tenant, UUID(request.id))

    async def UpdateIngredient(self, request: pb.UpdateIngredientRequest, call: Call) -> pb.Ingredient:
        principal = call.principal
        item_id = UUID(request.id)
        changes = changes_of(request, ("name", "unit", "cost_per_unit"))
        session = await call.session()
        await item_commands.change_item(
            session, principal.tenant, principal.user_id, item_id, changes, self._clock.now()
        )
        return await _read_ingredient(SessionReader(session), principal.tenant, item_id)

    async def DeleteIngredient(self, request: pb.DeleteIngredientRequest, call: Call) -> Empty:
        await item_commands.retire_item(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()


class RecipeService:
    """Implements mizan.inventory.v1.RecipeService."""

    async def ListRecipes(self, request: pb.ListRecipesRequest, call: Call) -> pb.ListRecipesResponse:
        count, rows, known = await queries.page_of_recipes(call.read(), call.principal.tenant, page_of(request))
        return pb.ListRecipesResponse(count=count, results=[_recipe(row, known) for row in rows])

    async def CreateRecipe(self, request: pb.CreateRecipeRequest, call: Call) -> pb.Recipe:
        session = await call.session()
        recipe_id = await commands.create_recipe(session, call.principal.tenant, values_of(request))
        return _recipe(*await queries.recipe(SessionReader(session), call.principal.tenant, recipe_id))

    async def GetRecipe(self, request: pb.GetRecipeRequest, call: Call) -> pb.Recipe:
        return _recipe(*await queries.recipe(call.read(), call.principal.tenant, UUID(request.id)))

    async def UpdateRecipe(self, request: pb.UpdateRecipeRequest, call: Call) -> pb.Recipe:
        recipe_id = UUID(request.id)
        session = await call.session()
        changes = changes_of(request, RECIPE_FIELDS, nullable=TIMES)
        await commands.change_recipe(session, call.principal.tenant, recipe_id, changes)
        return _recipe(*await queries.recipe(SessionReader(session), call.principal.tenant, recipe_id))

    async def DeleteRecipe(self, request: pb.DeleteRecipeRequest, call: Call) -> Empty:
        await commands.remove_recipe(await call.session(), call.principal.tenant, UUID(request.id))
        return Empty()

    async def ListRecipeIngredients(
        self, request: pb.ListRecipeIngredientsRequest, call: Call
    ) -> pb.ListRecipeIngredientsResponse:
        page = page_of(request)
        recipe_id = UUID(request.recipe_id)
        _, known = await queries.recipe(call.read(), call.principal.tenant, recipe_id)
        used = known.components[recipe_id]
        page.check(len(used))
        shown = used[page.offset : page.offset + page.limit]
        return pb.ListRecipeIngredientsResponse(
            count=len(used), results=[_used(recipe_id, row, component, known) for row, component in shown]
        )

    async def CreateRecipeIngredient(
        self, request: pb.CreateRecipeIngredientRequest, call: Call
    ) -> pb.RecipeIngredient:
        recipe_id = UUID(request.recipe_id)
        session = await call.session()
        ingredient_id = await commands.add_ingredient(session, call.principal.tenant, recipe_id, values_of(request))
        return await _read_used(SessionReader(session), call.principal.tenant, recipe_id, ingredient_id)

    async def GetRecipeIngredient(self, request: pb.GetRecipeIngredientRequest, call: Call) -> pb.RecipeIngredient:
        return await _read_used(call.read(), call.principal.tenant, UUID(request.recipe_id), UUID(request.id))

    async def UpdateRecipeIngredient(
        self, request: pb.UpdateRecipeIngredientRequest, call: Call
    ) -> pb.RecipeIngredient:
        recipe_id, ingredient_id = UUID(request.recipe_id), UUID(request.id)
        session = await call.session()
        changes = changes_of(request, INGREDIENT_FIELDS, nullable=TARGETS)
        await commands.change_ingredient(session, call.principal.tenant, recipe_id, ingredient_id, changes)
        return await _read_used(SessionReader(session), call.principal.tenant, recipe_id, ingredient_id)

    async def DeleteRecipeIngredient(self, request: pb.DeleteRecipeIngredientRequest, call: Call) -> Empty:
        await commands.remove_ingredient(
            await call.session(), call.principal.tenant, UUID(request.recipe_id), UUID(request.id)
        )
        return Empty()


async def _read_ingredient(reading: Reading, restaurant_id: UUID, item_id: UUID) -> pb.Ingredient:
    return _ingredient(await item_queries.item(reading, restaurant_id, item_id))


async def _read_used(
    reading: Reading, restaurant_id: UUID, recipe_id: UUID, ingredient_id: UUID
) -> pb.RecipeIngredient:
    _, known = await queries.recipe(reading, restaurant_id, recipe_id)
    for row, component in known.components[recipe_id]:
        if row.id == ingredient_id:
            return _used(recipe_id, row, component, known)
    raise NotFound(NO_INGREDIENT)


def _ingredient(row: Any) -> pb.Ingredient:
    message = pb.Ingredient(
        id=str(row.item_id),
        name=row.item_name,
        unit=row.item_unit,
        cost_per_unit=number(row.unit_cost, 4),
        restaurant=str(row.item_restaurant_id),
    )
    message.created_at.FromDatetime(row.item_created_at)
    message.updated_at.FromDatetime(row.item_updated_at)
    return message


def _used(recipe_id: UUID, row: Any, component: Component, known: Kitchen) -> pb.RecipeIngredient:
    return pb.RecipeIngredient(
        id=str(row.id),
        ingredient_info=_ingredient(row) if row.used_item_id is not None else None,
        quantity=number(component.quantity, 4),
        unit=component.unit,
        recipe=str(recipe_id),
        ingredient=text_or_none(component.item_id),
        sub_recipe=text_or_none(component.sub_recipe_id),
        yield_percent=number(component.yield_percent, 2),
        cost=number(rounded(known.book.cost_of(component)), 4),
    )


def _recipe(row: Any, known: Kitchen) -> pb.Recipe:
    cost = rounded(known.book.cost(row.id))
    message = pb.Recipe(
        id=str(row.id),
        ingredients=[_used(row.id, *used, known) for used in known.components[row.id]],
        instructions=row.instructions,
        prep_time_minutes=row.prep_time_minutes,
        cook_time_minutes=row.cook_time_minutes,
        menu_item=text_or_none(row.menu_item_id),
        name=row.dish or row.name,
        yield_quantity=number(row.yield_quantity, 3),
        yield_unit=row.yield_unit,
        total_cost=number(cost * row.yield_quantity, 4),
        plate_cost=number(cost, 4),
    )
    if row.price is not None:
        left, percent = rules.margin(row.price, cost)
        message.price, message.margin = number(row.price, 2), number(left, 2)
        if percent is not None:
            message.margin_percent = number(percent, 2)
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message
