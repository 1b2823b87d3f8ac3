"""Suppliers."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.inventory.models import Supplier

NO_SUPPLIER = "No Supplier matches the given query."

_MINE = Supplier.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid)
_COUNT = Query(sa.select(sa.func.count()).select_from(Supplier).where(_MINE))
SUPPLIER_COLUMNS = (
    Supplier.id.label("supplier_id"),
    Supplier.restaurant_id.label("supplier_restaurant_id"),
    Supplier.name.label("supplier_name"),
    Supplier.contact_person,
    Supplier.phone,
    Supplier.email,
    Supplier.address,
    Supplier.created_at.label("supplier_created_at"),
    Supplier.updated_at.label("supplier_updated_at"),
)
"""A supplier under names that do not collide with those of what it is joined to."""

_ROWS = Query(
    sa.select(*SUPPLIER_COLUMNS)
    .where(_MINE)
    .order_by(Supplier.name)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
)
ALL = Query(sa.select(*SUPPLIER_COLUMNS).where(_MINE))
"""Every supplier of a restaurant, of which there are few."""
_ONE = Query(sa.select(*SUPPLIER_COLUMNS).where(_MINE, Supplier.id == bindparam("id", type_=sa.Uuid)))


async def page_of_suppliers(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many suppliers a restaurant has, and those of one page, by name. Raises NotFound beyond the end."""
    return await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id)


async def supplier(reading: Reading, restaurant_id: UUID, supplier_id: UUID) -> Any:
    """One supplier. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=supplier_id)
    if row is None:
        raise NotFound(NO_SUPPLIER)
    return row
