"""Discount codes."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.pos.models import Discount
from services.pos.queries.filters import LIMIT, OFFSET, contains, is_or_any, mine

NO_DISCOUNT = "No Discount matches the given query."
_FILTERS = (
    mine(Discount.restaurant_id),
    is_or_any(Discount.is_active, "is_active", sa.Boolean),
    is_or_any(Discount.discount_type, "discount_type", sa.Text),
    contains("search", Discount.discount_code, Discount.description),
)
_ORDERS: dict[str, Any] = {
    f"{sign}{column.key}": column.desc() if sign else column
    for column in (Discount.created_at, Discount.discount_value, Discount.usage_count)
    for sign in ("", "-")
}
_ROW = sa.select(Discount.__table__)
_COUNT = Query(sa.select(sa.func.count()).select_from(Discount).where(*_FILTERS))
_ROWS = {
    name: Query(_ROW.where(*_FILTERS).order_by(order, Discount.id).limit(LIMIT).offset(OFFSET))
    for name, order in _ORDERS.items()
}
_ONE = Query(_ROW.where(mine(Discount.restaurant_id), Discount.id == bindparam("id", type_=sa.Uuid)))
_NOW: Any = bindparam("now", type_=sa.DateTime(timezone=True))
_VALID = Query(
    _ROW.where(
        mine(Discount.restaurant_id),
        Discount.is_active,
        Discount.valid_from <= _NOW,
        sa.or_(Discount.valid_until.is_(None), Discount.valid_until >= _NOW),
        sa.or_(Discount.max_usage.is_(None), Discount.usage_count < Discount.max_usage),
    )
    .order_by(Discount.discount_code)
    .limit(500)
)


async def page_of_discounts(
    reader: Reader,
    restaurant_id: UUID,
    page: Page,
    *,
    is_active: bool | None = None,
    discount_type: str | None = None,
    search: str | None = None,
    ordering: str = "-created_at",
) -> tuple[int, list[Any]]:
    """How many codes match, and those of one page. Raises NotFound beyond the end."""
    filters = {"is_active": is_active, "discount_type": discount_type, "search": search}
    return await read_page(reader, _COUNT, _ROWS[ordering], page, restaurant_id=restaurant_id, **filters)


async def discount(reader: Reader, restaurant_id: UUID, discount_id: UUID) -> Any:
    """One code. Raises NotFound."""
    row = await reader.first(_ONE, restaurant_id=restaurant_id, id=discount_id)
    if row is None:
        raise NotFound(NO_DISCOUNT)
    return row


async def valid(reader: Reader, restaurant_id: UUID, now: datetime) -> list[Any]:
    """The codes that can be used at an instant."""
    return list(await reader.all(_VALID, restaurant_id=restaurant_id, now=now))
