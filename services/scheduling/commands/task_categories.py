"""Keeping the categories of tasks."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.errors import Invalid, NotFound
from servicekit.text import tidy_name
from services.scheduling import events
from services.scheduling.domain.task_category import normal_color
from services.scheduling.models import TaskCategory

NAME_TAKEN = "A task category with this name already exists."

_INSERT = insert(TaskCategory).on_conflict_do_nothing().returning(TaskCategory)


async def create_category(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> TaskCategory:
    """A new category. Raises Invalid for a blank name and for one that the restaurant has."""
    row = {
        "id": values.get("id") or uuid4(),
        "restaurant_id": restaurant_id,
        "name": tidy_name(values["name"]),
        "description": values.get("description"),
        "color": normal_color(values.get("color")),
    }
    category = (await session.scalars(_INSERT, [row])).one_or_none()
    if category is None:
        raise Invalid.field("name", NAME_TAKEN, code="name_taken")
    events.task_category_changed(session, facts.TaskCategoryCreated, category)
    return category


async def change(session: AsyncSession, restaurant_id: UUID, category_id: UUID, changes: Mapping[str, Any]) -> None:
    """Applies what was sent. Raises NotFound, or Invalid for a name that another category has."""
    category = await locked(session, restaurant_id, category_id)
    if "name" in changes:
        category.name = tidy_name(changes["name"])
    if "description" in changes:
        category.description = changes["description"]
    if changes.get("color"):
        category.color = normal_color(changes["color"])
    category.version += 1
    try:
        async with session.begin_nested():
            await session.flush()
    except IntegrityError as error:
        raise Invalid.field("name", NAME_TAKEN, code="name_taken") from error
    events.task_category_changed(session, facts.TaskCategoryUpdated, category)


async def delete(session: AsyncSession, restaurant_id: UUID, category_id: UUID) -> TaskCategory:
    """Removes a category; its tasks stay without one. Raises NotFound."""
    category = await locked(session, restaurant_id, category_id)
    category.version += 1
    events.task_category_changed(session, facts.TaskCategoryDeleted, category)
    await session.delete(category)
    return category


async def locked(session: AsyncSession, restaurant_id: UUID, category_id: UUID) -> TaskCategory:
    """A category, held against others. Raises NotFound."""
    category = await session.scalar(
        sa.select(TaskCategory)
        .where(TaskCategory.id == category_id, TaskCategory.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if category is None:
        raise NotFound("No TaskCategory matches the given query.")
    return category
