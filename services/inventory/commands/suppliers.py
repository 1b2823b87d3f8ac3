"""Adding to the suppliers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Invalid
from servicekit.text import tidy_name
from services.inventory import events
from services.inventory.domain.supplier import is_phone
from services.inventory.models import Supplier

NAME_TAKEN = "A supplier with this name already exists."
NOT_A_PHONE = "Enter a phone number of 10 to 15 digits."

_INSERT = insert(Supplier).on_conflict_do_nothing().returning(Supplier)


async def create_supplier(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> Supplier:
    """A new supplier. Raises Invalid for a name that the restaurant has and for what is no phone number."""
    if "phone" in values and not is_phone(values["phone"]):
        raise Invalid.field("phone", NOT_A_PHONE)
    row = {**values, "restaurant_id": restaurant_id, "name": tidy_name(values["name"])}
    supplier = (await session.scalars(_INSERT, [row])).one_or_none()
    if supplier is None:
        raise Invalid.field("name", NAME_TAKEN, code="name_taken")
    events.supplier_created(session, supplier)
    return supplier
