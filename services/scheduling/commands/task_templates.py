"""Keeping templates of tasks."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.errors import Invalid, NotFound
from servicekit.text import tidy_name
from services.scheduling import events
from services.scheduling.domain.clock import minutes_of
from services.scheduling.domain.recurrence import rule_of
from services.scheduling.models import TaskTemplate
from services.scheduling.models.task import FREQUENCIES

COLUMNS: Final = ("template_type", "is_active", "is_critical", "ai_generated", "priority_level")
DETAILS: Final = (
    "sop_document",
    "sop_version",
    "verification_type",
    "verification_required",
    "verification_instructions",
    "difficulty_level",
)
LISTS: Final = (
    "sop_steps",
    "compliance_checks",
    "safety_requirements",
    "quality_standards",
    "verification_checklist",
    "required_equipment",
    "required_materials",
    "required_skills",
    "required_certifications",
)
MAX_TASKS: Final = 200


async def create(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any], actor: UUID) -> UUID:
    """A new template; its id. Raises Invalid for a blank name and for lists that are none."""
    template = TaskTemplate(
        id=uuid4(),
        restaurant_id=restaurant_id,
        name=tidy_name(values["name"]),
        description="",
        frequency="DAILY",
        tasks=[],
        i18n={},
        details={},
        version=0,
        created_by=actor,
    )
    _apply(template, values)
    session.add(template)
    await session.flush()
    events.template_changed(session, facts.TemplateCreated, template)
    return template.id


async def change(session: AsyncSession, restaurant_id: UUID, template_id: UUID, changes: Mapping[str, Any]) -> None:
    """Applies what was sent. Raises NotFound or Invalid."""
    template = await locked(session, restaurant_id, template_id)
    _apply(template, changes)
    await session.flush()
    events.template_changed(session, facts.TemplateUpdated, template)


async def delete(session: AsyncSession, restaurant_id: UUID, template_id: UUID) -> TaskTemplate:
    """Removes a template; tasks that were made from it stay. Raises NotFound."""
    template = await locked(session, restaurant_id, template_id)
    template.version += 1
    events.template_changed(session, facts.TemplateDeleted, template)
    await session.delete(template)
    return template


async def duplicate(session: AsyncSession, restaurant_id: UUID, template_id: UUID, actor: UUID) -> UUID:
    """A copy of a template, whole; its id. Raises NotFound."""
    template = await locked(session, restaurant_id, template_id)
    copied = TaskTemplate(
        id=uuid4(),
        restaurant_id=restaurant_id,
        name=f"Copy of {template.name}"[:255],
        created_by=actor,
        version=1,
        **{
            name: getattr(template, name)
            for name in (*COLUMNS, "description", "frequency", "recurrence", "recurs_from", "tasks", "i18n", "details")
        },
    )
    session.add(copied)
    await session.flush()
    events.template_changed(session, facts.TemplateCreated, copied)
    return copied.id


async def locked(session: AsyncSession, restaurant_id: UUID, template_id: UUID) -> TaskTemplate:
    """A template, held against others. Raises NotFound."""
    template = await session.scalar(
        sa.select(TaskTemplate)
        .where(TaskTemplate.id == template_id, TaskTemplate.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if template is None:
        raise NotFound("No TaskTemplate matches the given query.")
    return template


async def active(session: AsyncSession, restaurant_id: UUID, frequency: str | None) -> Sequence[TaskTemplate]:
    """The templates in use, or those of one frequency, by name."""
    chosen = sa.select(TaskTemplate).where(TaskTemplate.restaurant_id == restaurant_id, TaskTemplate.is_active)
    if frequency is not None:
        chosen = chosen.where(TaskTemplate.frequency == frequency)
    return (await session.scalars(chosen.order_by(TaskTemplate.name, TaskTemplate.id))).all()


def title_of(item: Any) -> str:
    """What a task of a template is called; empty for what is no task."""
    if isinstance(item, str):
        return item.strip()[:255]
    if not isinstance(item, dict):
        return ""
    return str(item.get("title") or item.get("name") or item.get("task") or "").strip()[:255]


def _apply(template: TaskTemplate, changes: Mapping[str, Any]) -> None:
    if "name" in changes:
        template.name = tidy_name(changes["name"])
    if "description" in changes:
        template.description = changes["description"] or ""
    for name in COLUMNS:
        if changes.get(name) is not None:
            setattr(template, name, changes[name])
    if "frequency" in changes:
        template.frequency = frequency_of(changes["frequency"])
    if "recurrence" in changes:
        template.recurrence = rule_of(changes["recurrence"]) if changes["recurrence"] else None
    if "recurs_from" in changes:
        template.recurs_from = changes["recurs_from"]
    if "tasks" in changes:
        template.tasks = _tasks(changes["tasks"])
    if "i18n" in changes:
        template.i18n = _object(changes["i18n"], "i18n")
    details = dict(template.details)
    details.update({name: changes[name] for name in DETAILS if name in changes})
    details.update({name: _list(changes[name], name) for name in LISTS if name in changes})
    if "estimated_duration" in changes:
        details["estimated_minutes"] = minutes_of(changes["estimated_duration"], "estimated_duration")
    template.details = details
    template.version += 1


def frequency_of(text: str | None) -> str:
    """How often tasks come back, in any case; nothing is DAILY. Raises Invalid for an unknown word."""
    word = (text or "DAILY").strip().upper() or "DAILY"
    word = "ANNUALLY" if word == "YEARLY" else word
    if word not in FREQUENCIES:
        raise Invalid.field("frequency", f'"{text}" is not a valid choice.', code="invalid_choice")
    return word


def _tasks(value: Any) -> list[Any]:
    items = _list(value, "tasks")
    if len(items) > MAX_TASKS:
        raise Invalid.field("tasks", f"At most {MAX_TASKS} tasks.")
    if not all(title_of(item) for item in items):
        raise Invalid.field("tasks", "Every task needs a title.")
    return items


def _list(value: Any, field: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid.field(field, "Expected a list of items.")
    return value


def _object(value: Any, field: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid.field(field, "Expected an object.")
    return value
