"""Recipes, with everything that goes into them at any depth, and the dishes that need an item."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.orm import aliased

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.inventory.domain.holding import conversions_of
from services.inventory.domain.ledger import OUT
from services.inventory.domain.recipe import Book, Component, Made, Stocked
from services.inventory.models import Item, MenuItemRef, Recipe, RecipeIngredient, StockBalance
from services.inventory.queries.items import ITEM_COLUMNS

NO_RECIPE = "No Recipe matches the given query."
NO_INGREDIENT = "No RecipeIngredient matches the given query."

_MINE = Recipe.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_FULL = sa.select(
    Recipe.id,
    Recipe.menu_item_id,
    Recipe.name,
    Recipe.instructions,
    Recipe.prep_time_minutes,
    Recipe.cook_time_minutes,
    Recipe.yield_quantity,
    Recipe.yield_unit,
    Recipe.created_at,
    Recipe.updated_at,
    MenuItemRef.name.label("dish"),
    MenuItemRef.price,
).outerjoin(
    MenuItemRef,
    sa.and_(MenuItemRef.restaurant_id == Recipe.restaurant_id, MenuItemRef.id == Recipe.menu_item_id),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Recipe).where(_MINE))
_ROWS = Query(
    _FULL.where(_MINE)
    .order_by(Recipe.created_at.desc(), Recipe.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(_FULL.where(_MINE, Recipe.id == bindparam("id", type_=sa.Uuid)))

_wanted = bindparam("recipe_ids", type_=sa.ARRAY(sa.Uuid))
_dishes = bindparam("menu_item_ids", type_=sa.ARRAY(sa.Uuid))
_start = (
    sa.select(Recipe.id)
    .where(_MINE, sa.or_(Recipe.id == sa.any_(_wanted), Recipe.menu_item_id == sa.any_(_dishes)))
    .cte("reached", recursive=True)
)
_inner = aliased(RecipeIngredient)
_reached = _start.union(
    sa.select(_inner.sub_recipe_id)
    .join(_start, _inner.recipe_id == _start.c.id)
    .where(_inner.sub_recipe_id.is_not(None))
)
_BOOK = Query(
    sa.select(
        Recipe.id.label("recipe_id"),
        Recipe.menu_item_id,
        Recipe.yield_quantity,
        Recipe.yield_unit,
        RecipeIngredient.id,
        RecipeIngredient.item_id.label("used_item_id"),
        RecipeIngredient.sub_recipe_id,
        RecipeIngredient.quantity,
        RecipeIngredient.unit,
        RecipeIngredient.yield_percent,
        StockBalance.state_version,
        *ITEM_COLUMNS,
    )
    .select_from(_reached)
    .join(Recipe, sa.and_(_MINE, Recipe.id == _reached.c.id))
    .outerjoin(RecipeIngredient, RecipeIngredient.recipe_id == Recipe.id)
    .outerjoin(Item, Item.id == RecipeIngredient.item_id)
    .outerjoin(StockBalance, StockBalance.item_id == Item.id)
    .order_by(RecipeIngredient.created_at, RecipeIngredient.id)
)

_items = bindparam("item_ids", type_=sa.ARRAY(sa.Uuid))
_direct = (
    sa.select(RecipeIngredient.item_id.label("item_id"), RecipeIngredient.recipe_id.label("recipe_id"))
    .where(
        RecipeIngredient.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        RecipeIngredient.item_id == sa.any_(_items),
    )
    .cte("used", recursive=True)
)
_outer = aliased(RecipeIngredient)
_used = _direct.union(
    sa.select(_direct.c.item_id, _outer.recipe_id).join(_outer, _outer.sub_recipe_id == _direct.c.recipe_id)
)
_DISHES = Query(
    sa.select(_used.c.item_id, Recipe.menu_item_id)
    .join(Recipe, Recipe.id == _used.c.recipe_id)
    .where(_MINE, Recipe.menu_item_id.is_not(None))
    .order_by(Recipe.menu_item_id)
)


class Kitchen:
    """A book of recipes with the rows that it was made of."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self.book = Book()
        self.recipe_of_dish: dict[UUID, UUID] = {}
        self.components: dict[UUID, list[tuple[Any, Component]]] = {}
        for row in rows:
            if row.recipe_id not in self.book.recipes:
                self.book.recipes[row.recipe_id] = Made(row.yield_quantity, row.yield_unit)
                self.components[row.recipe_id] = []
                if row.menu_item_id is not None:
                    self.recipe_of_dish[row.menu_item_id] = row.recipe_id
            if row.id is None:
                continue
            component = Component(row.quantity, row.unit, row.used_item_id, row.sub_recipe_id, row.yield_percent)
            self.book.recipes[row.recipe_id].components.append(component)
            self.components[row.recipe_id].append((row, component))
            if row.used_item_id is not None:
                # What has never been in stock keeps no dish from being made: nobody counts it.
                is_out = row.state == OUT and row.state_version > 0
                self.book.items[row.used_item_id] = Stocked(
                    row.item_unit, conversions_of(row.conversions), row.unit_cost, is_out
                )


async def kitchen(
    reading: Reading, restaurant_id: UUID, *, recipes: Collection[UUID] = (), dishes: Collection[UUID] = ()
) -> Kitchen:
    """The recipes of these ids and dishes with everything that they lead to."""
    return Kitchen(
        await reading.all(_BOOK, restaurant_id=restaurant_id, recipe_ids=list(recipes), menu_item_ids=list(dishes))
    )


async def page_of_recipes(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any], Kitchen]:
    """How many recipes there are, and those of one page, the newest first. Raises NotFound beyond the end."""
    count, rows = await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id)
    return count, rows, await kitchen(reader, restaurant_id, recipes=[row.id for row in rows])


async def recipe(reading: Reading, restaurant_id: UUID, recipe_id: UUID) -> tuple[Any, Kitchen]:
    """One recipe. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=recipe_id)
    if row is None:
        raise NotFound(NO_RECIPE)
    return row, await kitchen(reading, restaurant_id, recipes=[recipe_id])


async def dishes_that_need(reading: Reading, restaurant_id: UUID, item_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """The dishes that need each item, directly or through other recipes."""
    found: dict[UUID, list[UUID]] = {item_id: [] for item_id in item_ids}
    for row in await reading.all(_DISHES, restaurant_id=restaurant_id, item_ids=list(item_ids)):
        found[row.item_id].append(row.menu_item_id)
    return found


async def dishes_that_can_be_made(reading: Reading, restaurant_id: UUID, dishes: Collection[UUID]) -> set[UUID]:
    """Those of the dishes of which nothing that they need is out."""
    known = await kitchen(reading, restaurant_id, dishes=dishes)
    return {
        dish
        for dish, recipe_id in known.recipe_of_dish.items()
        if not any(known.book.items[item_id].is_out for item_id in known.book.usage(recipe_id))
    }
