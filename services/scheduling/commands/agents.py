"""What agents plan: a shift with the work that fits it, and having people told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit import events as bus
from servicekit.db import SessionReader
from servicekit.errors import Conflict
from services.scheduling import events
from services.scheduling.commands import shift_tasks
from services.scheduling.commands import shifts as shift_commands
from services.scheduling.commands.checklists import begin_for
from services.scheduling.commands.shifts import Plan, as_json
from services.scheduling.commands.task_templates import title_of as task_title
from services.scheduling.domain.shift_context import context_of, fitting, title_of
from services.scheduling.models import ChecklistTemplate, Shift, WeeklySchedule
from services.scheduling.models.task import PRIORITIES
from services.scheduling.queries.agents import task_templates


@dataclass(slots=True)
class Fitted:
    """A shift with the work that was found to fit it."""

    plan: Plan
    context: str
    template_names: list[str] = field(default_factory=list)
    tasks: int = 0
    checklists: int = 0


async def create_shift(
    session: AsyncSession, tenant: UUID, zone: ZoneInfo, values: Mapping[str, Any], actor: UUID | None, now: datetime
) -> Fitted:
    """A shift for one person, with its tasks and checklists; whoever is on it is told.

    Raises what planning by hand raises, and Conflict for what only warns there too: an agent has nobody to weigh it.
    """
    plan = await shift_commands.create(session, tenant, values, actor)
    if plan.warnings:
        raise Conflict(
            plan.warnings[0].message,
            code="conflict",
            extra={"conflicts": [as_json(finding) for finding in plan.warnings]},
        )
    shift = plan.shift
    person = plan.people[0]
    start, end = (moment.astimezone(zone).time() for moment in (shift.starts_at, shift.ends_at))
    title, instructions = values.get("notes") or "", values.get("preparation_instructions") or ""
    context = context_of(f"{title} {instructions}", start, end)
    if not title:
        shift.notes = title_of(context, shift.department or "", shift.workspace_location or "", shift.role)
    chosen = fitting(await task_templates(SessionReader(session), tenant), context, title, shift.role)
    fitted = Fitted(plan, context, [template.name for template in chosen])
    if chosen:
        shift.task_templates = [template.id for template in chosen]
        for template in chosen:
            drafts = [_draft(item, person, template.id) for item in template.tasks if task_title(item)]
            await shift_tasks.write_all(session, tenant, shift.id, drafts, actor, now)
            fitted.tasks += len(drafts)
        fitted.checklists = await _begin_checklists(session, shift, person, actor)
    await session.flush()
    request_notice(session, shift, [person], await _is_published(session, shift), actor)
    return fitted


def request_notice(
    session: AsyncSession, shift: Shift, people: Sequence[UUID], is_published: bool, actor: UUID | None
) -> None:
    """Has people told of a shift now."""
    message = facts.ShiftNoticeRequested(
        shift=events.shift_facts(shift, people, is_published=is_published),
        staff_ids=[str(person) for person in people],
        requested_by=str(actor or ""),
    )
    bus.emit(session, message, restaurant_id=shift.restaurant_id, aggregate_id=shift.id, version=shift.version)


async def notify(
    session: AsyncSession, tenant: UUID, shift_id: UUID, only: UUID | None, actor: UUID | None
) -> list[UUID]:
    """Has the people of a shift told of it again, or one of them; whom. Raises NotFound."""
    shift, people = await shift_commands.locked(session, tenant, shift_id)
    told = [person for person in people if only is None or person == only]
    if told:
        request_notice(session, shift, told, await _is_published(session, shift), actor)
    return told


async def _is_published(session: AsyncSession, shift: Shift) -> bool:
    return bool(
        await session.scalar(sa.select(WeeklySchedule.is_published).where(WeeklySchedule.id == shift.schedule_id))
    )


async def _begin_checklists(session: AsyncSession, shift: Shift, person: UUID, actor: UUID | None) -> int:
    templates = await session.scalars(
        sa.select(ChecklistTemplate)
        .where(
            ChecklistTemplate.restaurant_id == shift.restaurant_id,
            ChecklistTemplate.is_active,
            ChecklistTemplate.task_template_id.in_(shift.task_templates),
        )
        .order_by(ChecklistTemplate.name, ChecklistTemplate.id)
    )
    begun = 0
    for template in templates.all():
        _, is_new = await begin_for(session, template, person, by=actor, shift_id=shift.id, due_date=shift.ends_at)
        begun += is_new
    return begun


def _draft(item: Any, person: UUID, template_id: UUID) -> dict[str, Any]:
    details = item if isinstance(item, dict) else {}
    priority = str(details.get("priority") or "MEDIUM").upper()
    return {
        "title": task_title(item),
        "description": str(details.get("description") or details.get("details") or "") or None,
        "priority": priority if priority in PRIORITIES else "MEDIUM",
        "assigned_to": person,
        "template": template_id,
    }
