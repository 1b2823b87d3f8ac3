"""Copying, marking and moving templates of weeks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import NotFound
from services.scheduling.commands import templates
from services.scheduling.domain.template_library import copy_name
from services.scheduling.models import ScheduleTemplate
from services.scheduling.queries.templates import NO_TEMPLATE, one_template

_COPIED = ("description", "category", "recurrence", "recurs_from", "weeks_ahead")
_SHIFT = ("role", "day_of_week", "start_time", "end_time", "required_staff")


async def duplicate(session: AsyncSession, restaurant_id: UUID, template_id: UUID, actor: UUID) -> UUID:
    """A copy of a template with its shifts, not in use; its id. Raises NotFound."""
    row, shifts = await one_template(SessionReader(session), restaurant_id, template_id)
    values = {
        **{name: getattr(row, name) for name in _COPIED},
        "name": copy_name(row.name),
        "tags": list(row.tags),
        "is_active": False,
        "shifts": [{name: getattr(shift, name) for name in _SHIFT} for shift in shifts],
    }
    return await templates.create(session, restaurant_id, values, actor)


async def toggle_favorite(session: AsyncSession, restaurant_id: UUID, template_id: UUID) -> bool:
    """Marks a template as a favourite, or no longer; whether it is one now. Raises NotFound."""
    template = await templates.locked(session, restaurant_id, template_id)
    template.is_favorite = not template.is_favorite
    await session.flush()
    return template.is_favorite


async def act(
    session: AsyncSession, restaurant_id: UUID, ids: Iterable[UUID], action: str, actor: UUID
) -> tuple[int, list[str]]:
    """Does the same to several templates: to how many, and why not to the others. Raises NotFound for none of them."""
    wanted = sorted(set(ids))
    found = set(
        await session.scalars(
            sa.select(ScheduleTemplate.id).where(
                ScheduleTemplate.restaurant_id == restaurant_id, ScheduleTemplate.id == sa.any_(sa.literal(wanted))
            )
        )
    )
    if not found:
        raise NotFound(NO_TEMPLATE)
    for template_id in (one for one in wanted if one in found):
        await _act(session, restaurant_id, template_id, action, actor)
    return len(found), [f"{template_id}: {NO_TEMPLATE}" for template_id in wanted if template_id not in found]


async def take_in(
    session: AsyncSession, restaurant_id: UUID, drafts: Sequence[Mapping[str, Any]], actor: UUID
) -> list[UUID]:
    """New templates, each with its shifts; their ids."""
    return [await templates.create(session, restaurant_id, draft, actor) for draft in drafts]


async def _act(session: AsyncSession, restaurant_id: UUID, template_id: UUID, action: str, actor: UUID) -> None:
    if action == "delete":
        await templates.delete(session, restaurant_id, template_id)
        return
    template = await templates.locked(session, restaurant_id, template_id)
    if action in ("add_to_favorites", "remove_from_favorites"):
        template.is_favorite = action == "add_to_favorites"
        await session.flush()
        return
    is_active = action == "activate"
    if template.is_active != is_active:
        await templates.change(session, restaurant_id, template_id, {"is_active": is_active}, actor)
