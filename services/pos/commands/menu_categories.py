"""The sections of the menu."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Invalid, NotFound
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


async def change_category(
    session: AsyncSession, restaurant_id: UUID, category_id: UUID, changes: Mapping[str, Any]
) -> MenuCategory:
    """Changes a section. Raises NotFound, and Invalid for a name that another section has."""
    category = await _held(session, restaurant_id, category_id)
    values = dict(changes)
    if "name" in values:
        values["name"] = tidy_name(values["name"])
        others = sa.select(MenuCategory.id).where(
            MenuCategory.restaurant_id == restaurant_id,
            MenuCategory.name == values["name"],
            MenuCategory.id != category_id,
        )
        if await session.scalar(others) is not None:
            raise Invalid.field("name", NAME_TAKEN, code="name_taken")
    for name, value in values.items():
        setattr(category, name, value)
    category.version += 1
    try:
        await session.flush()
    except sa.exc.IntegrityError as error:
        raise Invalid.field("name", NAME_TAKEN, code="name_taken") from error
    await session.refresh(category)
    return category


async def delete_category(session: AsyncSession, restaurant_id: UUID, category_id: UUID) -> None:
    """Removes a section; its items stay without one. Raises NotFound."""
    await session.delete(await _held(session, restaurant_id, category_id))
    await session.flush()


async def _held(session: AsyncSession, restaurant_id: UUID, category_id: UUID) -> MenuCategory:
    category = await session.scalar(
        sa.select(MenuCategory)
        .where(MenuCategory.id == category_id, MenuCategory.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if category is None:
        raise NotFound("No MenuCategory matches the given query.")
    return category
