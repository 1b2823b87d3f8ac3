"""Suppliers."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader
from servicekit.paging import Page, read_page
from services.inventory.models import Supplier

_MINE = Supplier.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_COUNT = Query(sa.select(sa.func.count()).select_from(Supplier).where(_MINE))
_ROWS = Query(
    sa.select(
        Supplier.id,
        Supplier.restaurant_id,
        Supplier.name,
        Supplier.contact_person,
        Supplier.phone,
        Supplier.email,
        Supplier.address,
        Supplier.created_at,
        Supplier.updated_at,
    )
    .where(_MINE)
    .order_by(Supplier.name)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)


async def page_of_suppliers(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many suppliers a restaurant has, and those of one page, by name. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id)
