"""Writing recipes. Changes of one restaurant's recipes follow one another, so that no two of them close a circle."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from psycopg.errors import UniqueViolation
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.text import tidy_name
from services.inventory import events
from services.inventory.commands import alerts, ledger
from services.inventory.domain.holding import Holding
from services.inventory.domain.recipe import Circular
from services.inventory.domain.units import NoConversion
from services.inventory.models import Item, MenuItemRef, Recipe, RecipeIngredient
from services.inventory.queries import recipes as queries
from services.inventory.queries.items import NO_ITEM
from services.inventory.queries.recipes import NO_INGREDIENT, NO_RECIPE

NO_DISH = "No MenuItem matches the given query."
DISH_TAKEN = "This dish has a recipe."
NAMELESS = "A preparation needs a name."
IN_IT_ALREADY = "This is in the recipe already."
ONE_OF_TWO = "Give an ingredient or a recipe, and not both."
IN_A_CIRCLE = "This recipe goes into that one, so that one cannot go into this."
IS_USED = "Another recipe uses this one."

_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('recipes ' || :restaurant, 0))")


async def create_recipe(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> UUID:
    """A new recipe. Raises NotFound for a dish that the menu does not have, Invalid for one that has a recipe."""
    row = {name: value for name, value in values.items() if value != "" or name == "name"}
    menu_item_id = row.pop("menu_item", None)
    name = tidy_name(row["name"]) if row.get("name") else ""
    if menu_item_id is None and not name:
        raise Invalid.field("name", NAMELESS, code="required")
    if menu_item_id is not None and not await _is_on_menu(session, restaurant_id, menu_item_id):
        raise NotFound(NO_DISH)
    row |= {"id": uuid4(), "restaurant_id": restaurant_id, "menu_item_id": menu_item_id, "name": name}
    statement = insert(Recipe).on_conflict_do_nothing().returning(Recipe)
    recipe = (await session.scalars(statement, [row])).one_or_none()
    if recipe is None:
        raise Invalid.field("menu_item", DISH_TAKEN, code="menu_item_taken")
    events.recipe_changed(session, recipe)
    return recipe.id


async def change_recipe(
    session: AsyncSession, restaurant_id: UUID, recipe_id: UUID, changes: Mapping[str, Any]
) -> None:
    """Changes a recipe. Raises NotFound, and Invalid when what uses it could not be measured any more."""
    await _serialise(session, restaurant_id)
    recipe = await _locked(session, restaurant_id, recipe_id)
    values = dict(changes)
    if "name" in values:
        values["name"] = tidy_name(values["name"]) if values["name"].strip() else ""
        if recipe.menu_item_id is None and not values["name"]:
            raise Invalid.field("name", NAMELESS, code="required")
    for name, value in values.items():
        setattr(recipe, name, value)
    await _touched(session, recipe)
    if "yield_unit" in values:
        users = await session.scalars(
            sa.select(RecipeIngredient.recipe_id).where(
                RecipeIngredient.restaurant_id == restaurant_id, RecipeIngredient.sub_recipe_id == recipe_id
            )
        )
        for user in users.all():
            await _check(session, restaurant_id, user, "yield_unit")


async def remove_recipe(session: AsyncSession, restaurant_id: UUID, recipe_id: UUID) -> None:
    """Removes a recipe. Raises NotFound, and Conflict while another one uses it."""
    await _serialise(session, restaurant_id)
    recipe = await _locked(session, restaurant_id, recipe_id)
    used = sa.select(RecipeIngredient.id).where(RecipeIngredient.sub_recipe_id == recipe_id).limit(1)
    if await session.scalar(used):
        raise Conflict(IS_USED, code="recipe_in_use")
    held = await _held(session, restaurant_id, (None, recipe_id))
    recipe.version += 1
    events.recipe_changed(session, recipe, is_deleted=True)
    await session.delete(recipe)
    await session.flush()
    await alerts.tell_again(session, restaurant_id, held)


async def add_ingredient(
    session: AsyncSession, restaurant_id: UUID, recipe_id: UUID, values: Mapping[str, Any]
) -> UUID:
    """Adds something to a recipe.

    Raises NotFound for what is not there, and Invalid for what is in it already, for a unit that leads nowhere, and for
    a circle.
    """
    await _serialise(session, restaurant_id)
    recipe = await _locked(session, restaurant_id, recipe_id)
    row = {name: value for name, value in values.items() if name not in ("recipe_id", "ingredient", "sub_recipe")}
    used = RecipeIngredient(id=uuid4(), restaurant_id=restaurant_id, recipe_id=recipe_id, **row)
    held = await _held(session, restaurant_id, (values.get("ingredient"), values.get("sub_recipe")))
    await _point(session, used, values.get("ingredient"), values.get("sub_recipe"))
    session.add(used)
    await _keep(session, recipe)
    await alerts.tell_again(session, restaurant_id, held)
    return used.id


async def change_ingredient(
    session: AsyncSession, restaurant_id: UUID, recipe_id: UUID, ingredient_id: UUID, changes: Mapping[str, Any]
) -> None:
    """Changes something in a recipe. Raises as `add_ingredient`."""
    await _serialise(session, restaurant_id)
    recipe = await _locked(session, restaurant_id, recipe_id)
    used = await _ingredient(session, recipe, ingredient_id)
    values = dict(changes)
    item_id, sub_recipe_id = values.pop("ingredient", used.item_id), values.pop("sub_recipe", used.sub_recipe_id)
    held: list[Holding] = []
    if (item_id, sub_recipe_id) != (used.item_id, used.sub_recipe_id):
        held = await _held(session, restaurant_id, (used.item_id, used.sub_recipe_id), (item_id, sub_recipe_id))
        await _point(session, used, item_id, sub_recipe_id)
    for name, value in values.items():
        setattr(used, name, value)
    await _keep(session, recipe)
    await alerts.tell_again(session, restaurant_id, held)


async def remove_ingredient(session: AsyncSession, restaurant_id: UUID, recipe_id: UUID, ingredient_id: UUID) -> None:
    """Takes something out of a recipe. Raises NotFound."""
    await _serialise(session, restaurant_id)
    recipe = await _locked(session, restaurant_id, recipe_id)
    used = await _ingredient(session, recipe, ingredient_id)
    held = await _held(session, restaurant_id, (used.item_id, used.sub_recipe_id))
    await session.delete(used)
    await _touched(session, recipe)
    await alerts.tell_again(session, restaurant_id, held)


async def _serialise(session: AsyncSession, restaurant_id: UUID) -> None:
    await session.execute(_LOCK, {"restaurant": str(restaurant_id)})


async def _held(
    session: AsyncSession, restaurant_id: UUID, *components: tuple[UUID | None, UUID | None]
) -> list[Holding]:
    """The items that components lead to, of which each is an item or a recipe, held so that none runs out meanwhile."""
    item_ids = {item_id for item_id, _ in components if item_id is not None}
    sub_recipes = [recipe_id for _, recipe_id in components if recipe_id is not None]
    if sub_recipes:
        known = await queries.kitchen(SessionReader(session), restaurant_id, recipes=sub_recipes)
        item_ids |= known.book.items.keys()
    return list((await ledger.hold(session, restaurant_id, item_ids)).values())


async def _is_on_menu(session: AsyncSession, restaurant_id: UUID, menu_item_id: UUID) -> bool:
    statement = sa.select(MenuItemRef.id).where(
        MenuItemRef.restaurant_id == restaurant_id, MenuItemRef.id == menu_item_id, MenuItemRef.is_active
    )
    return await session.scalar(statement) is not None


async def _locked(session: AsyncSession, restaurant_id: UUID, recipe_id: UUID) -> Recipe:
    recipe = await session.scalar(
        sa.select(Recipe).where(Recipe.restaurant_id == restaurant_id, Recipe.id == recipe_id).with_for_update()
    )
    if recipe is None:
        raise NotFound(NO_RECIPE)
    return recipe


async def _ingredient(session: AsyncSession, recipe: Recipe, ingredient_id: UUID) -> RecipeIngredient:
    found = await session.scalar(
        sa.select(RecipeIngredient).where(
            RecipeIngredient.restaurant_id == recipe.restaurant_id,
            RecipeIngredient.recipe_id == recipe.id,
            RecipeIngredient.id == ingredient_id,
        )
    )
    if found is None:
        raise NotFound(NO_INGREDIENT)
    return found


async def _point(
    session: AsyncSession, used: RecipeIngredient, item_id: UUID | None, sub_recipe_id: UUID | None
) -> None:
    if (item_id is None) == (sub_recipe_id is None):
        raise Invalid.field("ingredient", ONE_OF_TWO, code="required")
    if item_id is not None:
        # A share of the row keeps the item in use while it is written into a recipe.
        statement = (
            sa.select(Item.id)
            .where(Item.restaurant_id == used.restaurant_id, Item.id == item_id, Item.is_active)
            .with_for_update(read=True)
        )
        if await session.scalar(statement) is None:
            raise NotFound(NO_ITEM)
    else:
        other = sa.select(Recipe.id).where(Recipe.restaurant_id == used.restaurant_id, Recipe.id == sub_recipe_id)
        if await session.scalar(other) is None:
            raise NotFound(NO_RECIPE)
    used.item_id, used.sub_recipe_id = item_id, sub_recipe_id


async def _keep(session: AsyncSession, recipe: Recipe) -> None:
    try:
        await _touched(session, recipe)
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation):
            raise Invalid.field("ingredient", IN_IT_ALREADY, code="ingredient_taken") from error
        raise
    await _check(session, recipe.restaurant_id, recipe.id, "unit")


async def _touched(session: AsyncSession, recipe: Recipe) -> None:
    recipe.version += 1
    recipe.updated_at = sa.func.now()
    await session.flush()
    events.recipe_changed(session, recipe)


async def _check(session: AsyncSession, restaurant_id: UUID, recipe_id: UUID, field: str) -> None:
    """Raises Invalid unless a recipe, as it is now written, can be taken apart into items."""
    known = await queries.kitchen(SessionReader(session), restaurant_id, recipes=[recipe_id])
    try:
        known.book.usage(recipe_id)
    except Circular as error:
        raise Invalid.field("sub_recipe", IN_A_CIRCLE, code="circular") from error
    except NoConversion as error:
        raise Invalid.field(field, str(error), code="no_conversion") from error
