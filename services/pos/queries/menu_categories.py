"""Sections of the menu."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.pos.models import MenuCategory

_MINE = MenuCategory.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_COUNT = Query(sa.select(sa.func.count()).select_from(MenuCategory).where(_MINE))
_COLUMNS = sa.select(
    MenuCategory.id,
    MenuCategory.restaurant_id,
    MenuCategory.name,
    MenuCategory.description,
    MenuCategory.is_active,
    MenuCategory.display_order,
    MenuCategory.external_provider,
    MenuCategory.external_id,
    MenuCategory.created_at,
    MenuCategory.updated_at,
).where(_MINE)
_ROWS = Query(
    _COLUMNS.order_by(MenuCategory.display_order, MenuCategory.name)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(_COLUMNS.where(MenuCategory.id == bindparam("id", type_=sa.Uuid)))


async def page_of_categories(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many sections a menu has, and those of one page, in their order. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id)


async def category(reader: Reader, restaurant_id: UUID, category_id: UUID) -> Any:
    """One section. Raises NotFound."""
    row = await reader.first(_ONE, restaurant_id=restaurant_id, id=category_id)
    if row is None:
        raise NotFound("No MenuCategory matches the given query.")
    return row
