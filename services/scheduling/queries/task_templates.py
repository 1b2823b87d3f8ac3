"""Templates of tasks."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import TaskTemplate

_MINE = TaskTemplate.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_TEMPLATES = sa.select(*TaskTemplate.__table__.columns)


def templates_where(chosen: sa.ColumnElement[bool]) -> Query:
    """A query for the templates of a restaurant that a condition chooses."""
    return Query(_TEMPLATES.where(_MINE, chosen))


BY_IDS = templates_where(TaskTemplate.id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid))))
"""Several templates."""

_COUNT = Query(sa.select(sa.func.count()).select_from(TaskTemplate).where(_MINE))
_ROWS = Query(
    _TEMPLATES.where(_MINE)
    .order_by(TaskTemplate.name, TaskTemplate.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)


async def page_of_templates(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many templates there are, and those of one page, by name. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id)


async def one_template(reading: Reading, restaurant_id: UUID, template_id: UUID) -> Any:
    """A template. Raises NotFound."""
    row = await reading.first(BY_IDS, restaurant_id=restaurant_id, ids=[template_id])
    if row is None:
        raise NotFound("No TaskTemplate matches the given query.")
    return row
