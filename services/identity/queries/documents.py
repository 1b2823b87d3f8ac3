"""HR documents."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page
from services.identity.models import Restaurant, StaffDocument, User

_COLUMNS: list[Any] = [
    StaffDocument.id,
    StaffDocument.restaurant_id,
    StaffDocument.staff_id,
    StaffDocument.title,
    StaffDocument.file_key,
    StaffDocument.content_type,
    StaffDocument.size,
    StaffDocument.expires_on,
    StaffDocument.uploaded_by,
    StaffDocument.uploaded_at,
]
_MINE = StaffDocument.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_ABOUT = StaffDocument.staff_id == bindparam("staff_id", type_=sa.Uuid)

_ONE = Query(sa.select(*_COLUMNS).where(_MINE, StaffDocument.id == bindparam("id", type_=sa.Uuid)))
_ANYWHERE = Query(sa.select(*_COLUMNS).where(StaffDocument.id == bindparam("id", type_=sa.Uuid)))
_EXPIRING = Query(
    sa.select(
        StaffDocument.id,
        StaffDocument.restaurant_id,
        StaffDocument.staff_id,
        StaffDocument.title,
        StaffDocument.expires_on,
        StaffDocument.reminded_days,
        Restaurant.timezone,
    )
    .join(Restaurant, Restaurant.id == StaffDocument.restaurant_id)
    .join(User, User.id == StaffDocument.staff_id)
    .where(
        User.is_active,
        StaffDocument.expires_on.between(bindparam("earliest", type_=sa.Date), bindparam("latest", type_=sa.Date)),
        StaffDocument.id > bindparam("after", type_=sa.Uuid),
    )
    .order_by(StaffDocument.id)
    .limit(bindparam("limit", type_=sa.Integer))
)


@cache
def _list(*, about_one: bool) -> tuple[Query, Query]:
    where = [_MINE, _ABOUT] if about_one else [_MINE]
    return (
        Query(sa.select(sa.func.count()).select_from(StaffDocument).where(*where)),
        Query(
            sa.select(*_COLUMNS)
            .where(*where)
            .order_by(StaffDocument.uploaded_at.desc(), StaffDocument.id)
            .limit(bindparam("limit", type_=sa.Integer))
            .offset(bindparam("offset", type_=sa.BigInteger))
        ),
    )


async def documents(
    reader: Reader, restaurant_id: UUID, page: Page, staff_id: UUID | None = None
) -> tuple[int, list[Any]]:
    """How many documents there are, about one person or about all, and one page, the newest first.

    Raises NotFound for a page beyond the end.
    """
    count_query, list_query = _list(about_one=staff_id is not None)
    about = {"restaurant_id": restaurant_id} | ({"staff_id": staff_id} if staff_id else {})
    count, rows = await reader.batch(
        (count_query, about), (list_query, {**about, "limit": page.limit, "offset": page.offset})
    )
    page.check(count[0][0])
    return count[0][0], rows


async def document(reading: Reading, restaurant_id: UUID, document_id: UUID) -> Any:
    """One document. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=document_id)
    if row is None:
        raise NotFound("No StaffDocument matches the given query.")
    return row


async def document_anywhere(reading: Reading, document_id: UUID) -> Any | None:
    """A document of any restaurant, or None; its reader must prove a right to it."""
    return await reading.first(_ANYWHERE, id=document_id)


async def expiring(reading: Reading, earliest: date, latest: date, *, after: UUID, limit: int) -> Sequence[Any]:
    """Documents of active people, of every restaurant, that expire within some days; in the order of their ids."""
    return await reading.all(_EXPIRING, earliest=earliest, latest=latest, after=after, limit=limit)
