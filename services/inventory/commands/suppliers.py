"""Adding to the suppliers, changing and removing them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.errors import UniqueViolation
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.text import tidy_name
from services.inventory import events
from services.inventory.domain.supplier import is_phone
from services.inventory.models import PurchaseOrder, Supplier
from services.inventory.queries.suppliers import NO_SUPPLIER

NAME_TAKEN = "A supplier with this name already exists."
HAS_ORDERS = "Something was ordered from this supplier, so it stays."
NOT_A_PHONE = "Enter a phone number of 10 to 15 digits."

_INSERT = insert(Supplier).on_conflict_do_nothing().returning(Supplier)


async def create_supplier(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> Supplier:
    """A new supplier. Raises Invalid for a name that the restaurant has and for what is no phone number."""
    _check_phone(values)
    row = {**values, "restaurant_id": restaurant_id, "name": tidy_name(values["name"])}
    supplier = (await session.scalars(_INSERT, [row])).one_or_none()
    if supplier is None:
        raise Invalid.field("name", NAME_TAKEN, code="name_taken")
    events.supplier_created(session, supplier)
    return supplier


async def supplier_of(session: AsyncSession, restaurant_id: UUID, supplier_id: UUID, *, lock: bool = False) -> Supplier:
    """A supplier of the restaurant, held against others where it is to change. Raises NotFound."""
    statement = sa.select(Supplier).where(Supplier.restaurant_id == restaurant_id, Supplier.id == supplier_id)
    # A share of the key keeps it from being removed while something is about to refer to it.
    statement = statement.with_for_update() if lock else statement.with_for_update(key_share=True, read=True)
    supplier = await session.scalar(statement)
    if supplier is None:
        raise NotFound(NO_SUPPLIER)
    return supplier


async def change_supplier(
    session: AsyncSession, restaurant_id: UUID, supplier_id: UUID, changes: Mapping[str, Any]
) -> Supplier:
    """Changes a supplier. Raises NotFound, and Invalid as `create_supplier` does."""
    supplier = await supplier_of(session, restaurant_id, supplier_id, lock=True)
    values = {name: value or None for name, value in changes.items()}
    if "name" in changes:
        values["name"] = tidy_name(changes["name"])
    _check_phone(values)
    for name, value in values.items():
        setattr(supplier, name, value)
    supplier.version += 1
    try:
        await session.flush()
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation):
            raise Invalid.field("name", NAME_TAKEN, code="name_taken") from error
        raise
    await session.refresh(supplier)
    return supplier


async def remove_supplier(session: AsyncSession, restaurant_id: UUID, supplier_id: UUID) -> None:
    """Removes a supplier; its items stay without one. Raises NotFound, and Conflict where orders exist."""
    supplier = await supplier_of(session, restaurant_id, supplier_id, lock=True)
    if await session.scalar(sa.select(PurchaseOrder.id).where(PurchaseOrder.supplier_id == supplier.id).limit(1)):
        raise Conflict(HAS_ORDERS, code="supplier_has_orders")
    await session.delete(supplier)
    await session.flush()


def _check_phone(values: Mapping[str, Any]) -> None:
    if values.get("phone") and not is_phone(values["phone"]):
        raise Invalid.field("phone", NOT_A_PHONE)
