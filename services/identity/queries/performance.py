"""Figures about how people perform."""

from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.identity.models import PerformanceMetric, User
from services.identity.queries.people import PERSON_COLUMNS, PERSON_TABLES

_COLUMNS: list[Any] = [
    *PERSON_COLUMNS,
    PerformanceMetric.id.label("metric_id"),
    PerformanceMetric.metric_type,
    PerformanceMetric.value,
    PerformanceMetric.measured_on,
    PerformanceMetric.notes.label("metric_notes"),
]
_TABLES = PERSON_TABLES.join(PerformanceMetric, PerformanceMetric.staff_id == User.id)
_MINE = PerformanceMetric.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_ABOUT = PerformanceMetric.staff_id == bindparam("staff_id", type_=sa.Uuid)

_ONE = Query(
    sa.select(*_COLUMNS).select_from(_TABLES).where(_MINE, PerformanceMetric.id == bindparam("id", type_=sa.Uuid))
)


@cache
def _list(*, about_one: bool) -> tuple[Query, Query]:
    where = [_MINE, _ABOUT] if about_one else [_MINE]
    return (
        Query(sa.select(sa.func.count()).select_from(PerformanceMetric).where(*where)),
        Query(
            sa.select(*_COLUMNS)
            .select_from(_TABLES)
            .where(*where)
            .order_by(PerformanceMetric.measured_on.desc(), PerformanceMetric.created_at.desc(), PerformanceMetric.id)
            .limit(bindparam("limit", type_=sa.Integer))
            .offset(bindparam("offset", type_=sa.BigInteger))
        ),
    )


async def metrics(
    reader: Reader, restaurant_id: UUID, page: Page, staff_id: UUID | None = None
) -> tuple[int, list[Any]]:
    """How many figures there are, about one person or about all, and one page, the newest day first.

    Raises NotFound for a page beyond the end.
    """
    count_query, list_query = _list(about_one=staff_id is not None)
    about = {"restaurant_id": restaurant_id} | ({"staff_id": staff_id} if staff_id else {})
    count, rows = await reader.batch(
        (count_query, about), (list_query, {**about, "limit": page.limit, "offset": page.offset})
    )
    page.check(count[0][0])
    return count[0][0], rows


async def metric(reading: Reading, restaurant_id: UUID, metric_id: UUID) -> Any:
    """One figure with its person. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=metric_id)
    if row is None:
        raise NotFound("No PerformanceMetric matches the given query.")
    return row
