"""Adding to the categories of tasks."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Invalid
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
    events.task_category_created(session, category)
    return category
