"""Adding to the sections of the menu."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Invalid
from servicekit.text import tidy_name
from services.pos import events
from services.pos.domain.menu_category import external_problem
from services.pos.models import MenuCategory

NAME_TAKEN = "A menu category with this name already exists."
EXTERNAL_TAKEN = "This category of the provider is in the menu already."

_INSERT = insert(MenuCategory).on_conflict_do_nothing().returning(MenuCategory)


async def create_category(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> MenuCategory:
    """A new section. Raises Invalid for a name or an external id that the menu has, and for half an external id."""
    if problem := external_problem(values.get("external_provider"), values.get("external_id")):
        raise Invalid.field(*problem)
    row = {**values, "restaurant_id": restaurant_id, "name": tidy_name(values["name"])}
    category = (await session.scalars(_INSERT, [row])).one_or_none()
    if category is None:
        raise await _conflict(session, restaurant_id, row["name"])
    events.menu_category_created(session, category)
    return category


async def _conflict(session: AsyncSession, restaurant_id: UUID, name: str) -> Invalid:
    named = sa.select(MenuCategory.id).where(MenuCategory.restaurant_id == restaurant_id, MenuCategory.name == name)
    if await session.scalar(named) is not None:
        return Invalid.field("name", NAME_TAKEN, code="name_taken")
    return Invalid.field("external_id", EXTERNAL_TAKEN, code="external_id_taken")
