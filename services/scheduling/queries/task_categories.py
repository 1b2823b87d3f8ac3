"""Categories of tasks."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import TaskCategory

_MINE = TaskCategory.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_COUNT = Query(sa.select(sa.func.count()).select_from(TaskCategory).where(_MINE))
_ROWS = Query(
    sa.select(TaskCategory.id, TaskCategory.name, TaskCategory.description, TaskCategory.color, TaskCategory.created_at)
    .where(_MINE)
    .order_by(TaskCategory.name)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)

_ONE = Query(
    sa.select(
        TaskCategory.id, TaskCategory.name, TaskCategory.description, TaskCategory.color, TaskCategory.created_at
    ).where(_MINE, TaskCategory.id == bindparam("id", type_=sa.Uuid))
)


async def one_category(reading: Reading, restaurant_id: UUID, category_id: UUID) -> Any:
    """A category. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=category_id)
    if row is None:
        raise NotFound("No TaskCategory matches the given query.")
    return row


async def page_of_categories(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many categories a restaurant has, and those of one page, by name. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id)
