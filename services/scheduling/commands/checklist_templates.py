"""Keeping checklists."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.text import tidy_name
from services.scheduling import events
from services.scheduling.commands.task_templates import locked as locked_task_template
from services.scheduling.domain.clock import minutes_of
from services.scheduling.models import ChecklistExecution, ChecklistStep, ChecklistTemplate
from services.scheduling.queries.checklist_templates import NO_TEMPLATE

STEP_FLAGS: Final = ("is_required", "requires_photo", "requires_note", "requires_signature")
STEP_PLAIN: Final = (
    "description",
    "step_type",
    "measurement_type",
    "measurement_unit",
    "min_value",
    "max_value",
    "target_value",
)


async def create(
    session: AsyncSession,
    restaurant_id: UUID,
    values: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
    actor: UUID | None,
) -> UUID:
    """A new checklist with its steps; its id. Raises Invalid for steps that make no list, or NotFound."""
    template = ChecklistTemplate(
        id=uuid4(), restaurant_id=restaurant_id, name="", label="1.0", is_active=True, version=0, created_by=actor
    )
    await _apply(session, template, values)
    session.add(template)
    await session.flush()
    session.add_all(_steps(template, steps))
    await session.flush()
    events.template_changed(session, facts.TemplateCreated, template)
    return template.id


async def change(session: AsyncSession, restaurant_id: UUID, template_id: UUID, changes: Mapping[str, Any]) -> None:
    """Applies what was sent. Raises NotFound or Invalid."""
    template = await locked(session, restaurant_id, template_id)
    await _apply(session, template, changes)
    await session.flush()
    events.template_changed(session, facts.TemplateUpdated, template)


async def delete(session: AsyncSession, restaurant_id: UUID, template_id: UUID) -> ChecklistTemplate:
    """Removes a checklist. Raises NotFound, and Conflict once somebody has worked through it: that is evidence."""
    template = await locked(session, restaurant_id, template_id)
    is_used = await session.scalar(sa.select(sa.exists().where(ChecklistExecution.template_id == template_id)))
    if is_used:
        raise Conflict("The checklist was used already; make it inactive instead.", code="checklist_used")
    template.version += 1
    events.template_changed(session, facts.TemplateDeleted, template)
    await session.delete(template)
    return template


async def duplicate(session: AsyncSession, restaurant_id: UUID, template_id: UUID, actor: UUID) -> UUID:
    """A copy of a checklist with its steps; its id. Raises NotFound."""
    template = await locked(session, restaurant_id, template_id)
    copied = ChecklistTemplate(
        id=uuid4(),
        restaurant_id=restaurant_id,
        name=f"{template.name[:248]} (Copy)",
        version=1,
        created_by=actor,
        **{
            name: getattr(template, name)
            for name in (
                "description",
                "category",
                "task_template_id",
                "label",
                "is_active",
                "estimated_minutes",
                "requires_supervisor_approval",
            )
        },
    )
    session.add(copied)
    await session.flush()
    steps = list(
        await session.scalars(
            sa.select(ChecklistStep).where(ChecklistStep.template_id == template_id).order_by(ChecklistStep.place)
        )
    )
    new_ids = {step.id: uuid4() for step in steps}
    names = [
        column.name
        for column in ChecklistStep.__table__.columns
        if column.name not in ("id", "template_id", "depends_on_step")
    ]
    session.add_all(
        ChecklistStep(
            id=new_ids[step.id],
            template_id=copied.id,
            depends_on_step=new_ids.get(step.depends_on_step) if step.depends_on_step else None,
            **{name: getattr(step, name) for name in names},
        )
        for step in steps
    )
    await session.flush()
    events.template_changed(session, facts.TemplateCreated, copied)
    return copied.id


async def locked(session: AsyncSession, restaurant_id: UUID, template_id: UUID) -> ChecklistTemplate:
    """A checklist, held against others. Raises NotFound."""
    template = await session.scalar(
        sa.select(ChecklistTemplate)
        .where(ChecklistTemplate.id == template_id, ChecklistTemplate.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if template is None:
        raise NotFound(NO_TEMPLATE)
    return template


async def _apply(session: AsyncSession, template: ChecklistTemplate, changes: Mapping[str, Any]) -> None:
    if "name" in changes:
        template.name = tidy_name(changes["name"])
    for name in ("description", "category"):
        if name in changes:
            setattr(template, name, changes[name] or None)
    if changes.get("version"):
        template.label = changes["version"]
    for name in ("is_active", "requires_supervisor_approval"):
        if changes.get(name) is not None:
            setattr(template, name, changes[name])
    if "estimated_duration" in changes:
        template.estimated_minutes = minutes_of(changes["estimated_duration"], "estimated_duration")
    if "task_template" in changes:
        wanted = changes["task_template"]
        template.task_template_id = (
            (await locked_task_template(session, template.restaurant_id, wanted)).id if wanted else None
        )
    template.version = (template.version or 0) + 1


def _steps(template: ChecklistTemplate, drafts: Sequence[Mapping[str, Any]]) -> list[ChecklistStep]:
    places: dict[int, UUID] = {}
    made = []
    for number, draft in enumerate(drafts):
        place = draft["order"] if draft.get("order") is not None else number + 1
        if place in places:
            raise Invalid.field(f"steps.{number}.order", "Another step has this place.", code="duplicate_order")
        _check_range(number, draft)
        before = draft.get("depends_on_step")
        if before is not None and before not in places:
            raise Invalid.field(f"steps.{number}.depends_on_step", "Must be the order of an earlier step.")
        step = ChecklistStep(
            id=uuid4(),
            restaurant_id=template.restaurant_id,
            template_id=template.id,
            place=place,
            title=tidy_name(draft["title"], f"steps.{number}.title"),
            depends_on_step=places[before] if before is not None else None,
            conditional_logic=_json(draft, "conditional_logic", dict, number),
            validation_rules=_json(draft, "validation_rules", list, number),
            **{name: draft[name] for name in (*STEP_FLAGS, *STEP_PLAIN) if draft.get(name) is not None},
        )
        places[place] = step.id
        made.append(step)
    return made


def _check_range(number: int, draft: Mapping[str, Any]) -> None:
    low, high = draft.get("min_value"), draft.get("max_value")
    if low is not None and high is not None and low > high:
        raise Invalid.field(f"steps.{number}.max_value", "Must not be below the minimum.")


def _json(draft: Mapping[str, Any], name: str, kind: type, number: int) -> Any:
    value = draft.get(name)
    # An empty object stands for no rules in what clients send.
    if value is None or value in ({}, []):
        return kind()
    if not isinstance(value, kind):
        raise Invalid.field(f"steps.{number}.{name}", "Expected an object." if kind is dict else "Expected a list.")
    return value
