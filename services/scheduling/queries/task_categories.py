"""Categories of tasks."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import ShiftTask, TaskCategory
from services.scheduling.queries.shift_tasks import DONE_BY

_MINE = TaskCategory.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_COUNT = Query(sa.select(sa.func.count()).select_from(TaskCategory).where(_MINE))
_ROWS = Query(
    sa.select(TaskCategory.id, TaskCategory.name, TaskCategory.description, TaskCategory.color, TaskCategory.created_at)
    .where(_MINE)
    .order_by(TaskCategory.name)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)

_OWN = bindparam("own", None, type_=sa.Uuid)
_TASKS = Query(
    sa.select(ShiftTask.category_id, sa.func.count().label("tasks"))
    .where(
        ShiftTask.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        ShiftTask.category_id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid))),
        sa.or_(_OWN.is_(None), DONE_BY),
    )
    .group_by(ShiftTask.category_id)
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


async def task_counts(reader: Reader, restaurant_id: UUID, ids: list[UUID], own: UUID | None) -> dict[UUID, int]:
    """How many tasks of shifts several categories have; with `own`, of this person's."""
    rows = await reader.all(_TASKS, restaurant_id=restaurant_id, ids=ids, own=own)
    return {row.category_id: row.tasks for row in rows}
