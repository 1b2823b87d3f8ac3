"""Changing single shifts of a template; the template's state before each change is kept as a version."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Invalid
from services.scheduling.commands import templates
from services.scheduling.domain.planning import role_code
from services.scheduling.models import ScheduleTemplate, TemplateShift
from services.scheduling.queries.templates import no_shift

MOST_SHIFTS: Final = 500
"""As many as a template that is sent whole may have."""


async def create(
    session: AsyncSession, restaurant_id: UUID, template_id: UUID, values: Mapping[str, Any], actor: UUID
) -> UUID:
    """A new shift of a template; its id. Raises NotFound, or Invalid for one that repeats another."""
    template, shifts = await _changing(session, restaurant_id, template_id, actor)
    if len(shifts) >= MOST_SHIFTS:
        raise Invalid(f"A template has {MOST_SHIFTS} shifts at most.", code="too_many_shifts")
    shift = TemplateShift(
        id=uuid4(),
        restaurant_id=restaurant_id,
        template_id=template_id,
        role=role_code(values["role"]),
        day_of_week=values["day_of_week"],
        start_time=values.get("start_time"),
        end_time=values.get("end_time"),
        required_staff=values.get("required_staff", 1),
    )
    session.add(shift)
    await _changed(session, template, [*shifts.values(), shift])
    return shift.id


async def change(
    session: AsyncSession,
    restaurant_id: UUID,
    template_id: UUID,
    shift_id: UUID,
    changes: Mapping[str, Any],
    actor: UUID,
) -> None:
    """Applies what was sent. Raises NotFound, or Invalid for what makes it repeat another."""
    template, shifts = await _changing(session, restaurant_id, template_id, actor)
    shift = _one(shifts, shift_id)
    for name, value in changes.items():
        setattr(shift, name, role_code(value) if name == "role" else value)
    await _changed(session, template, list(shifts.values()))


async def delete(
    session: AsyncSession, restaurant_id: UUID, template_id: UUID, shift_id: UUID, actor: UUID
) -> TemplateShift:
    """Takes a shift out of a template. Raises NotFound."""
    template, shifts = await _changing(session, restaurant_id, template_id, actor)
    shift = _one(shifts, shift_id)
    await session.delete(shift)
    await _changed(session, template, [other for other in shifts.values() if other is not shift])
    return shift


async def _changing(
    session: AsyncSession, restaurant_id: UUID, template_id: UUID, actor: UUID
) -> tuple[ScheduleTemplate, dict[UUID, TemplateShift]]:
    """A template, held against others and kept as it is, with its shifts by id. Raises NotFound."""
    template = await templates.locked(session, restaurant_id, template_id)
    await templates.keep_version(session, template, actor)
    rows = await session.scalars(
        sa.select(TemplateShift).where(
            TemplateShift.restaurant_id == restaurant_id, TemplateShift.template_id == template_id
        )
    )
    return template, {row.id: row for row in rows}


async def _changed(session: AsyncSession, template: ScheduleTemplate, shifts: list[TemplateShift]) -> None:
    keys = [(shift.role, shift.day_of_week, shift.start_time) for shift in shifts]
    if len(set(keys)) < len(keys):
        raise Invalid(templates.REPEATS, code="repeated_shift", fields={"non_field_errors": templates.REPEATS})
    await templates.changed(session, template)


def _one(shifts: Mapping[UUID, TemplateShift], shift_id: UUID) -> TemplateShift:
    if shift_id not in shifts:
        raise no_shift()
    return shifts[shift_id]
