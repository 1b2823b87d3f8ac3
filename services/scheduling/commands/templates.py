"""Keeping templates of weeks; each state before a change is kept as a version."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.errors import Invalid, NotFound
from servicekit.text import tidy_name
from services.scheduling import events
from services.scheduling.domain.planning import role_code
from services.scheduling.domain.recurrence import rule_of
from services.scheduling.models import ScheduleTemplate, TemplateShift, TemplateVersion
from services.scheduling.queries.templates import NO_TEMPLATE

REPEATS: Final = "A role has two shifts that start at the same time of the same day."


async def create(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any], actor: UUID | None) -> UUID:
    """A new template with its shifts; its id. Raises Invalid for a blank name and for shifts that repeat each other."""
    template = ScheduleTemplate(
        id=uuid4(),
        restaurant_id=restaurant_id,
        name=tidy_name(values["name"]),
        is_active=values.get("is_active", True),
        description=values.get("description"),
        weeks_ahead=values.get("weeks_ahead", 2),
        category=values.get("category"),
        tags=values.get("tags", []),
        is_favorite=values.get("is_favorite", False),
        created_by=actor,
        version=1,
    )
    _recur(template, values)
    session.add(template)
    await session.flush()
    _add_shifts(session, template, values.get("shifts", ()))
    await session.flush()
    events.template_changed(session, facts.TemplateCreated, template)
    return template.id


async def change(
    session: AsyncSession, restaurant_id: UUID, template_id: UUID, changes: Mapping[str, Any], actor: UUID
) -> None:
    """Applies what was sent; shifts that are sent replace all. Raises NotFound or Invalid."""
    template = await locked(session, restaurant_id, template_id)
    await keep_version(session, template, actor)
    if "name" in changes:
        template.name = tidy_name(changes["name"])
    for name in ("is_active", "description", "weeks_ahead", "category", "tags"):
        if name in changes:
            setattr(template, name, changes[name])
    _recur(template, changes)
    if "shifts" in changes:
        await session.execute(sa.delete(TemplateShift).where(TemplateShift.template_id == template_id))
        _add_shifts(session, template, changes["shifts"])
    await changed(session, template)


async def delete(session: AsyncSession, restaurant_id: UUID, template_id: UUID) -> ScheduleTemplate:
    """Removes a template with its versions. Raises NotFound."""
    template = await locked(session, restaurant_id, template_id)
    template.version += 1
    events.template_changed(session, facts.TemplateDeleted, template)
    await session.delete(template)
    return template


async def restore(session: AsyncSession, restaurant_id: UUID, template_id: UUID, number: int, actor: UUID) -> None:
    """Brings an earlier state back as a new one. Raises NotFound."""
    kept = await session.scalar(
        sa.select(TemplateVersion).where(
            TemplateVersion.restaurant_id == restaurant_id,
            TemplateVersion.template_id == template_id,
            TemplateVersion.number == number,
        )
    )
    if kept is None:
        raise NotFound("No ScheduleTemplateVersion matches the given query.")
    shifts = [
        {
            **shift,
            "start_time": _clock(shift.get("start_time")),
            "end_time": _clock(shift.get("end_time")),
        }
        for shift in kept.shifts
        if isinstance(shift, dict)
    ]
    changes = {"name": kept.name, "description": kept.description, "shifts": shifts}
    await change(session, restaurant_id, template_id, changes, actor)


async def count_use(session: AsyncSession, restaurant_id: UUID, template_id: UUID) -> None:
    """Counts a week that was filled from a template; one that was removed meanwhile is passed over."""
    await session.execute(
        sa.update(ScheduleTemplate)
        .where(ScheduleTemplate.id == template_id, ScheduleTemplate.restaurant_id == restaurant_id)
        .values(usage_count=ScheduleTemplate.usage_count + 1, updated_at=ScheduleTemplate.updated_at)
    )


async def locked(session: AsyncSession, restaurant_id: UUID, template_id: UUID) -> ScheduleTemplate:
    """A template, held against others. Raises NotFound."""
    template = await session.scalar(
        sa.select(ScheduleTemplate)
        .where(ScheduleTemplate.id == template_id, ScheduleTemplate.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if template is None:
        raise NotFound(NO_TEMPLATE)
    return template


def _clock(text: Any) -> time | None:
    return time.fromisoformat(text) if isinstance(text, str) and text else None


def _recur(template: ScheduleTemplate, values: Mapping[str, Any]) -> None:
    """How the template comes back. Raises Invalid for what is no rule, and for a rule without its first day."""
    if "recurrence" in values:
        template.recurrence = rule_of(values["recurrence"]) if values["recurrence"] else None
    if "recurs_from" in values:
        template.recurs_from = values["recurs_from"]
    if template.recurrence is not None and template.recurs_from is None:
        raise Invalid.field("recurs_from", "This field is required.", code="required")


async def changed(session: AsyncSession, template: ScheduleTemplate) -> None:
    """Makes a template that was changed in memory its next state."""
    template.version += 1
    await session.flush()
    events.template_changed(session, facts.TemplateUpdated, template)


async def keep_version(session: AsyncSession, template: ScheduleTemplate, actor: UUID) -> None:
    """Keeps a template as it stands before it is changed."""
    rows = await session.scalars(
        sa.select(TemplateShift)
        .where(TemplateShift.template_id == template.id)
        .order_by(TemplateShift.day_of_week, TemplateShift.start_time)
    )
    session.add(
        TemplateVersion(
            id=template.state_id,
            restaurant_id=template.restaurant_id,
            template_id=template.id,
            number=template.version,
            name=template.name,
            description=template.description,
            shifts=[
                {
                    "role": row.role,
                    "day_of_week": row.day_of_week,
                    "start_time": row.start_time.isoformat() if row.start_time else None,
                    "end_time": row.end_time.isoformat() if row.end_time else None,
                    "required_staff": row.required_staff,
                }
                for row in rows
            ],
            created_by=actor,
        )
    )
    template.state_id = uuid4()


def _add_shifts(session: AsyncSession, template: ScheduleTemplate, shifts: Sequence[Mapping[str, Any]]) -> None:
    seen: set[tuple[Any, ...]] = set()
    for shift in shifts:
        role = role_code(shift["role"])
        key = (role, shift.get("day_of_week", 0), shift.get("start_time"))
        if key in seen:
            raise Invalid.field("shifts", REPEATS)
        seen.add(key)
        session.add(
            TemplateShift(
                id=uuid4(),
                restaurant_id=template.restaurant_id,
                template_id=template.id,
                role=role,
                day_of_week=shift.get("day_of_week", 0),
                start_time=shift.get("start_time"),
                end_time=shift.get("end_time"),
                required_staff=shift.get("required_staff", 1),
            )
        )
