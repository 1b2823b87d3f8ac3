"""Payments."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.pos.models import Payment
from services.pos.queries.filters import LIMIT, OFFSET, is_or_any, mine

NO_PAYMENT = "No Payment matches the given query."
_FILTERS = (
    mine(Payment.restaurant_id),
    is_or_any(Payment.payment_method, "payment_method", sa.Text),
    is_or_any(Payment.status, "status", sa.Text),
    is_or_any(Payment.order_id, "order_id", sa.Uuid),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Payment).where(*_FILTERS))
_ORDERS: dict[str, Any] = {"payment_time": Payment.payment_time, "-payment_time": Payment.payment_time.desc()}
_ROWS = {
    name: Query(sa.select(Payment.__table__).where(*_FILTERS).order_by(order, Payment.id).limit(LIMIT).offset(OFFSET))
    for name, order in _ORDERS.items()
}
_ONE = Query(
    sa.select(Payment.__table__).where(mine(Payment.restaurant_id), Payment.id == bindparam("id", type_=sa.Uuid))
)


async def page_of_payments(
    reader: Reader,
    restaurant_id: UUID,
    page: Page,
    *,
    payment_method: str | None = None,
    status: str | None = None,
    order_id: UUID | None = None,
    ordering: str = "-payment_time",
) -> tuple[int, list[Any]]:
    """How many payments match, and those of one page. Raises NotFound beyond the end."""
    filters = {"payment_method": payment_method, "status": status, "order_id": order_id}
    return await read_page(reader, _COUNT, _ROWS[ordering], page, restaurant_id=restaurant_id, **filters)


async def payment(reader: Reader, restaurant_id: UUID, payment_id: UUID) -> Any:
    """One payment. Raises NotFound."""
    row = await reader.first(_ONE, restaurant_id=restaurant_id, id=payment_id)
    if row is None:
        raise NotFound(NO_PAYMENT)
    return row
