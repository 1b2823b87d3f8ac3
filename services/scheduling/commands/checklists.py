"""Working through checklists: given to somebody, begun, handed in, reviewed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from services.scheduling import events
from services.scheduling.commands import checklist_templates
from services.scheduling.commands.shifts import active_people
from services.scheduling.domain.checklists import analysis, problems, summary
from services.scheduling.models import (
    ChecklistAction,
    ChecklistExecution,
    ChecklistStep,
    ChecklistTemplate,
    ShiftPerson,
    ShiftTask,
    StepResponse,
    Submission,
    TaskCategory,
    TaskTemplate,
)
from services.scheduling.models.checklist import OPEN
from services.scheduling.queries.checklists import NO_EXECUTION, Worked, one_execution
from services.scheduling.queries.shifts import NO_SHIFT

PLAN: Final = "schedule.manage"
NOT_YOURS: Final = "Only the person a checklist was given to can do this."
NO_TEMPLATE_FOR_TASK: Final = "No active checklist template linked to this task."


async def begin_for(
    session: AsyncSession,
    template: ChecklistTemplate,
    person: UUID,
    *,
    by: UUID | None,
    shift_id: UUID | None = None,
    task_id: UUID | None = None,
    due_date: datetime | None = None,
    notes: str | None = None,
) -> tuple[UUID, bool]:
    """A checklist for somebody, and whether it is new: of a shift or a task there is one, whoever asks for it first."""
    row = {
        "id": uuid4(),
        "restaurant_id": template.restaurant_id,
        "template_id": template.id,
        "assigned_to": person,
        "shift_id": shift_id,
        "task_id": task_id,
        "due_date": due_date,
        "completion_notes": notes,
    }
    made = (
        await session.scalars(insert(ChecklistExecution).on_conflict_do_nothing().returning(ChecklistExecution), [row])
    ).one_or_none()
    if made is None:
        return await _present(session, template, person, shift_id, task_id), False
    steps = await _step_ids(session, template.id)
    if steps:
        rows = [
            {"id": uuid4(), "restaurant_id": template.restaurant_id, "execution_id": made.id, "step_id": step}
            for step in steps
        ]
        await session.execute(insert(StepResponse), rows)
    about = events.checklist_facts(made, template)
    events.checklist_changed(session, facts.ChecklistAssigned(checklist=about, assigned_by=str(by or "")))
    return made.id, True


async def create(session: AsyncSession, principal: Principal, values: Mapping[str, Any]) -> UUID:
    """A checklist for the caller; its id. Raises NotFound for a checklist or a shift that is not there for them."""
    template = await _active(session, principal.tenant, values["template_id"])
    shift_id = values.get("assigned_shift")
    if shift_id is not None:
        await _ensure_on_shift(session, principal.tenant, shift_id, principal.user_id)
    execution_id, _ = await begin_for(
        session,
        template,
        principal.user_id,
        by=principal.user_id,
        shift_id=shift_id,
        due_date=values.get("due_date"),
        notes=values.get("completion_notes"),
    )
    return execution_id


async def assign(session: AsyncSession, principal: Principal, template_id: UUID, values: Mapping[str, Any]) -> UUID:
    """Gives a checklist to somebody; its id. Raises Forbidden for another person without the right to plan."""
    if values["user_id"] != principal.user_id and not principal.may(PLAN):
        raise Forbidden
    template = await _active(session, principal.tenant, template_id)
    (person,) = await active_people(session, principal.tenant, [values["user_id"]], "user_id")
    execution_id, _ = await begin_for(
        session, template, person.user_id, by=principal.user_id, due_date=values.get("due_date")
    )
    return execution_id


async def ensure_for_task(session: AsyncSession, principal: Principal, task_id: UUID) -> tuple[UUID, bool]:
    """The checklist of a task of a shift, made when there is none: of the task's category, else of its template's kind.

    Raises NotFound for a task that is not there, Forbidden for one of others, Invalid when no checklist fits it.
    """
    tenant = principal.tenant
    task = await session.scalar(
        sa.select(ShiftTask).where(ShiftTask.id == task_id, ShiftTask.restaurant_id == tenant).with_for_update()
    )
    if task is None:
        raise NotFound("No ShiftTask matches the given query.")
    person = task.assigned_to or principal.user_id
    if person != principal.user_id and not principal.may(PLAN):
        raise Forbidden("This task belongs to somebody else.")
    if task.assigned_to is None and task.shift_id is not None and not principal.may(PLAN):
        await _ensure_on_shift(session, tenant, task.shift_id, principal.user_id)
    present = await session.scalar(
        sa.select(ChecklistExecution.id).where(
            ChecklistExecution.restaurant_id == tenant, ChecklistExecution.task_id == task_id
        )
    )
    if present is not None:
        return present, False
    template = await _template_for(session, task)
    if template is None:
        raise Invalid(NO_TEMPLATE_FOR_TASK, code="no_checklist_template")
    return await begin_for(session, template, person, by=principal.user_id, task_id=task_id, due_date=task.due_at)


async def start(session: AsyncSession, execution: ChecklistExecution, now: datetime) -> None:
    """Begins a checklist; doing it again changes nothing. Raises Conflict once it was handed in and not rejected."""
    if execution.status == "IN_PROGRESS":
        return
    is_rejected = execution.status == "COMPLETED" and execution.review_status == "REJECTED"
    if execution.status != "NOT_STARTED" and not is_rejected:
        raise Conflict(f"The checklist is {execution.status.lower()}.", code="checklist_over")
    execution.status = "IN_PROGRESS"
    execution.started_at = execution.started_at or now
    if is_rejected:
        execution.completed_at = execution.review_status = execution.reviewed_by = execution.reviewed_at = None
    await _changed(session, execution)
    template = await _template(session, execution)
    about = events.checklist_facts(execution, template)
    events.checklist_changed(session, facts.ChecklistStarted(checklist=about))


async def complete(session: AsyncSession, execution: ChecklistExecution, notes: str | None, now: datetime) -> None:
    """Hands a checklist in. Raises Invalid unless it was begun and nothing is missing; it says what is."""
    if execution.status != "IN_PROGRESS":
        raise Invalid("Checklist execution must be in progress", code="checklist_not_in_progress")
    await session.flush()
    worked = await one_execution(SessionReader(session), execution.restaurant_id, execution.id)
    missing = problems(worked.steps, worked.responses, worked.photos)
    if missing:
        raise Invalid(
            missing[0].message,
            code="checklist_incomplete",
            extra={"validation_errors": [problem.as_json() for problem in missing]},
        )
    execution.status = "COMPLETED"
    execution.completed_at = now
    execution.progress = 100
    if notes is not None:
        execution.completion_notes = notes
    found = summary_of(worked, completed_at=now)
    person = worked.people.get(execution.assigned_to)
    name = f"{person.first_name} {person.last_name}".strip() if person is not None else "Somebody"
    execution.analysis_results = dict(
        analysis(
            name,
            worked.steps,
            worked.responses,
            found,
            estimated_minutes=worked.template.estimated_minutes,
            now=now,
        )
    )
    await _changed(session, execution)
    about = events.checklist_facts(execution, await _template(session, execution))
    message = facts.ChecklistCompleted(
        checklist=about,
        total_steps=found.total_steps,
        completed_steps=found.completed_steps,
        out_of_range_measurements=found.out_of_range_measurements,
    )
    events.checklist_changed(session, message)


async def review(
    session: AsyncSession, principal: Principal, execution_id: UUID, decision: str, reason: str, now: datetime
) -> None:
    """Approves or rejects what was handed in; a rejection leaves a follow-up for the person.

    The same decision again changes nothing. Raises NotFound, or Conflict for what was not handed in.
    """
    execution = await locked(session, principal.tenant, execution_id)
    if execution.status != "COMPLETED":
        raise Conflict("Only a checklist that was handed in can be reviewed.", code="checklist_not_completed")
    if execution.review_status == decision:
        return
    execution.review_status, execution.reviewed_by, execution.reviewed_at = decision, principal.user_id, now
    if decision == "REJECTED":
        await add_action(
            session,
            execution,
            {
                "title": "Checklist Rejected",
                "description": reason or "Please look at this checklist again.",
                "priority": "HIGH",
                "assigned_to_id": execution.assigned_to,
            },
            principal.user_id,
        )
    await _changed(session, execution)
    about = events.checklist_facts(execution, await _template(session, execution))
    message = facts.ChecklistReviewed(checklist=about, reviewed_by=str(principal.user_id), reason=reason)
    events.checklist_changed(session, message)


async def cancel(session: AsyncSession, execution: ChecklistExecution) -> None:
    """Takes a checklist back. Raises Conflict once it was handed in."""
    if execution.status == "CANCELLED":
        return
    if execution.status not in OPEN:
        raise Conflict(f"The checklist is {execution.status.lower()}.", code="checklist_over")
    execution.status = "CANCELLED"
    await _changed(session, execution)
    about = events.checklist_facts(execution, await _template(session, execution))
    events.checklist_changed(session, facts.ChecklistCancelled(checklist=about))


async def delete(session: AsyncSession, restaurant_id: UUID, execution_id: UUID) -> ChecklistExecution:
    """Removes a checklist that was not handed in. Raises NotFound or Conflict."""
    execution = await locked(session, restaurant_id, execution_id)
    if execution.status == "COMPLETED":
        raise Conflict("A checklist that was handed in is kept.", code="checklist_over")
    await session.delete(execution)
    return execution


async def log_submission(
    session: AsyncSession, principal: Principal, execution_id: UUID, status: str, message: str
) -> UUID:
    """Records an attempt to hand in, as the client saw it; its id. Raises NotFound."""
    await own(session, principal, execution_id)
    entry = Submission(
        id=uuid4(),
        restaurant_id=principal.tenant,
        execution_id=execution_id,
        status=status,
        message=message,
        submitted_by=principal.user_id,
    )
    session.add(entry)
    await session.flush()
    return entry.id


async def locked(session: AsyncSession, restaurant_id: UUID, execution_id: UUID) -> ChecklistExecution:
    """A checklist, held against others. Raises NotFound."""
    execution = await session.scalar(
        sa.select(ChecklistExecution)
        .where(ChecklistExecution.id == execution_id, ChecklistExecution.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if execution is None:
        raise NotFound(NO_EXECUTION)
    return execution


async def own(session: AsyncSession, principal: Principal, execution_id: UUID) -> ChecklistExecution:
    """The caller's own checklist, held against others. Raises NotFound, or Forbidden for who may only see it."""
    execution = await locked(session, principal.tenant, execution_id)
    if execution.assigned_to != principal.user_id:
        if principal.may(PLAN):
            raise Forbidden(NOT_YOURS)
        raise NotFound(NO_EXECUTION)
    return execution


async def add_action(
    session: AsyncSession, execution: ChecklistExecution, values: Mapping[str, Any], actor: UUID
) -> ChecklistAction:
    """Something to follow up. Raises NotFound or Invalid for whom it is given to."""
    person = values.get("assigned_to_id")
    if person is not None:
        await active_people(session, execution.restaurant_id, [person], "assigned_to")
    action = ChecklistAction(
        id=uuid4(),
        restaurant_id=execution.restaurant_id,
        execution_id=execution.id,
        response_id=values.get("step_response"),
        title=values["title"],
        description=values.get("description") or values["title"],
        priority=values.get("priority") or "MEDIUM",
        status=values.get("status") or "OPEN",
        assigned_to=person,
        due_date=values.get("due_date"),
        resolution_notes=values.get("resolution_notes"),
        created_by=actor,
    )
    session.add(action)
    await session.flush()
    events.action_opened(session, action)
    return action


def summary_of(worked: Worked, *, completed_at: datetime | None = None) -> Any:
    """What a checklist comes to."""
    return summary(
        worked.steps,
        worked.responses,
        evidence=sum(map(len, worked.evidence.values())),
        actions=[action.status for action in worked.actions],
        started_at=worked.row.started_at,
        completed_at=completed_at or worked.row.completed_at,
    )


async def _changed(session: AsyncSession, execution: ChecklistExecution) -> None:
    execution.version += 1
    await session.flush()


async def _template(session: AsyncSession, execution: ChecklistExecution) -> ChecklistTemplate:
    return await session.get_one(ChecklistTemplate, execution.template_id)


async def _active(session: AsyncSession, tenant: UUID, template_id: UUID) -> ChecklistTemplate:
    template = await checklist_templates.locked(session, tenant, template_id)
    if not template.is_active:
        raise Invalid.field("template_id", "This checklist is not used any more.", code="checklist_inactive")
    return template


async def _present(
    session: AsyncSession, template: ChecklistTemplate, person: UUID, shift_id: UUID | None, task_id: UUID | None
) -> UUID:
    found = await session.scalar(
        sa.select(ChecklistExecution.id).where(
            ChecklistExecution.restaurant_id == template.restaurant_id,
            ChecklistExecution.task_id == task_id
            if task_id is not None
            else sa.and_(
                ChecklistExecution.template_id == template.id,
                ChecklistExecution.shift_id == shift_id,
                ChecklistExecution.assigned_to == person,
            ),
        )
    )
    if found is None:
        raise Conflict("The checklist was removed meanwhile. Please try again.")
    return found


async def _step_ids(session: AsyncSession, template_id: UUID) -> Sequence[UUID]:
    return (
        await session.scalars(
            sa.select(ChecklistStep.id).where(ChecklistStep.template_id == template_id).order_by(ChecklistStep.place)
        )
    ).all()


async def _ensure_on_shift(session: AsyncSession, tenant: UUID, shift_id: UUID, person: UUID) -> None:
    found = await session.scalar(
        sa.select(ShiftPerson.user_id).where(
            ShiftPerson.restaurant_id == tenant, ShiftPerson.shift_id == shift_id, ShiftPerson.user_id == person
        )
    )
    if found is None:
        raise NotFound(NO_SHIFT)


async def _template_for(session: AsyncSession, task: ShiftTask) -> ChecklistTemplate | None:
    """By the name of the task's category, else linked to its template, else of its template's or category's kind."""
    active = sa.select(ChecklistTemplate).where(
        ChecklistTemplate.restaurant_id == task.restaurant_id, ChecklistTemplate.is_active
    )
    order = (ChecklistTemplate.name, ChecklistTemplate.id)
    category = None
    if task.category_id is not None:
        category = await session.scalar(sa.select(TaskCategory.name).where(TaskCategory.id == task.category_id))
    if category is not None:
        found = await session.scalar(
            active.where(sa.func.lower(ChecklistTemplate.category) == category.lower()).order_by(*order).limit(1)
        )
        if found is not None:
            return found
        found = await session.scalar(
            active.join(TaskTemplate, TaskTemplate.id == ChecklistTemplate.task_template_id)
            .where(sa.func.lower(TaskTemplate.template_type) == category.lower())
            .order_by(*order)
            .limit(1)
        )
        if found is not None:
            return found
    if task.template_id is None:
        return None
    kind = sa.select(TaskTemplate.template_type).where(TaskTemplate.id == task.template_id).scalar_subquery()
    return await session.scalar(
        active.where(sa.or_(ChecklistTemplate.task_template_id == task.template_id, ChecklistTemplate.category == kind))
        .order_by((ChecklistTemplate.task_template_id == task.template_id).desc().nulls_last(), *order)
        .limit(1)
    )
