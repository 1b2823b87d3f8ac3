"""Choosing the templates of tasks for somebody's shifts."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduling.commands.shifts import known_templates
from services.scheduling.models import TemplateSelection

_INSERT = insert(TemplateSelection)
_SAVE = _INSERT.on_conflict_do_update(
    index_elements=["restaurant_id", "staff_id"],
    set_={"template_ids": _INSERT.excluded.template_ids, "updated_at": sa.func.now()},
)


async def save(session: AsyncSession, restaurant_id: UUID, staff_id: UUID, templates: Sequence[UUID]) -> None:
    """Replaces the choice for a person. Raises NotFound for a template that the restaurant does not have."""
    chosen = await known_templates(session, restaurant_id, templates)
    await session.execute(_SAVE, {"restaurant_id": restaurant_id, "staff_id": staff_id, "template_ids": chosen})


async def clear(session: AsyncSession, restaurant_id: UUID, staff_id: UUID) -> None:
    """Forgets the choice for a person; without one nothing happens."""
    await session.execute(
        sa.delete(TemplateSelection).where(
            TemplateSelection.restaurant_id == restaurant_id, TemplateSelection.staff_id == staff_id
        )
    )
