"""Finding templates of weeks."""

from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader
from servicekit.paging import Page, read_page
from services.scheduling.models import ScheduleTemplate
from services.scheduling.queries.templates import Template, with_shifts

DEFAULT_ORDER: Final = "-updated_at"


def _holds(text: Any, name: str) -> sa.ColumnElement[bool]:
    return sa.func.strpos(sa.func.lower(text), sa.func.lower(bindparam(name, type_=sa.Text))) > 0


# A condition per filter, so that a statement holds only those that are asked for.
_CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    "restaurant_id": ScheduleTemplate.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
    "is_active": ScheduleTemplate.is_active == bindparam("is_active", type_=sa.Boolean),
    "name": ScheduleTemplate.name == bindparam("name", type_=sa.Text),
    "name_part": _holds(ScheduleTemplate.name, "name_part"),
    "search": sa.or_(
        _holds(ScheduleTemplate.name, "search"),
        _holds(ScheduleTemplate.description, "search"),
        _holds(sa.func.array_to_string(ScheduleTemplate.tags, "\n"), "search"),
    ),
    "favorites": sa.or_(sa.not_(bindparam("favorites", type_=sa.Boolean)), ScheduleTemplate.is_favorite),
    "min_usage": ScheduleTemplate.usage_count >= bindparam("min_usage", type_=sa.Integer),
}
FILTERS: Final = frozenset(_CONDITIONS) - {"restaurant_id"}


@lru_cache(maxsize=256)
def _queries(filters: frozenset[str], ordering: str) -> tuple[Query, Query]:
    conditions = [_CONDITIONS[name] for name in sorted(filters)]
    column = ScheduleTemplate.__table__.c[ordering.removeprefix("-")]
    return (
        Query(sa.select(sa.func.count()).select_from(ScheduleTemplate).where(*conditions)),
        Query(
            sa.select(*ScheduleTemplate.__table__.columns)
            .where(*conditions)
            .order_by(column.desc() if ordering.startswith("-") else column, ScheduleTemplate.id)
            .limit(bindparam("limit", type_=sa.Integer))
            .offset(bindparam("offset", type_=sa.Integer))
        ),
    )


async def search(
    reader: Reader, restaurant_id: UUID, page: Page, ordering: str, **filters: Any
) -> tuple[int, list[Template]]:
    """How many templates fit the filters, and those of one page. Raises NotFound beyond the end."""
    chosen = {"restaurant_id": restaurant_id, **filters}
    counting, reading = _queries(frozenset(chosen), ordering)
    count, rows = await read_page(reader, counting, reading, page, **chosen)
    return count, await with_shifts(reader, restaurant_id, rows)
