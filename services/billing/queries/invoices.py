"""Invoices."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.billing.models import Invoice

_COLUMNS = (
    Invoice.id,
    Invoice.number,
    Invoice.status,
    Invoice.currency,
    Invoice.total,
    Invoice.amount_paid,
    Invoice.amount_remaining,
    Invoice.attempt_count,
    Invoice.created_at,
    Invoice.due_at,
    Invoice.paid_at,
    Invoice.period_start,
    Invoice.period_end,
    Invoice.next_attempt_at,
    Invoice.hosted_url,
    Invoice.pdf_url,
)
_MINE = (
    Invoice.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
    sa.or_(
        bindparam("status", type_=sa.Text).is_(None),
        Invoice.status == bindparam("status", type_=sa.Text),
    ),
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Invoice).where(*_MINE))
_ROWS = Query(
    sa.select(*_COLUMNS)
    .where(*_MINE)
    # Two of one second stand in the order of their numbers.
    .order_by(Invoice.created_at.desc(), Invoice.number.desc(), Invoice.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
_ONE = Query(
    sa.select(*_COLUMNS).where(
        Invoice.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), Invoice.id == bindparam("id", type_=sa.Uuid)
    )
)


async def page_of_invoices(
    reader: Reader, restaurant_id: UUID, page: Page, *, status: str | None
) -> tuple[int, list[Any]]:
    """How many invoices a restaurant has, and those of one page, the newest first. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, status=status)


async def invoice(reader: Reader, restaurant_id: UUID, invoice_id: UUID) -> Any:
    """One invoice. Raises NotFound, also for another restaurant's."""
    row = await reader.first(_ONE, restaurant_id=restaurant_id, id=invoice_id)
    if row is None:
        raise NotFound("No Invoice matches the given query.")
    return row
