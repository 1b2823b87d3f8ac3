"""Tasks that stand alone."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from servicekit.text import tidy_name
from services.scheduling import events
from services.scheduling.commands import task_checkpoints as checkpoints
from services.scheduling.commands.shift_tasks import PLAN, category_of, shift_of_restaurant
from services.scheduling.commands.shifts import active_people
from services.scheduling.commands.task_checkpoints import Note
from services.scheduling.commands.task_templates import locked as locked_template
from services.scheduling.commands.task_templates import title_of
from services.scheduling.domain.clock import LONGEST_MINUTES, minutes_of
from services.scheduling.domain.progress import lacks, status_at
from services.scheduling.models import Task, TaskTemplate
from services.scheduling.models.task import PRIORITIES
from services.scheduling.queries.tasks import NO_TASK

OWN = frozenset({"status", "progress", "completion_notes"})
"""What the people who do a task may change of it."""

PLAIN = ("description", "due_date", "due_time", "completion_notes")
NOTHING = Note()


async def create(session: AsyncSession, principal: Principal, values: Mapping[str, Any], now: datetime) -> UUID:
    """A new task; its id. Who may not plan gets it themselves. Raises NotFound or Invalid for what it names."""
    given = dict(values)
    if not principal.may(PLAN):
        given["assigned_to"] = [principal.user_id]
    task = _new(principal.tenant, tidy_name(given["title"], "title"), principal.user_id)
    await _apply(session, task, given, principal, now)
    session.add(task)
    await session.flush()
    events.task_changed(session, facts.TaskCreated(task=events.task_facts(task)))
    return task.id


async def change(
    session: AsyncSession, principal: Principal, task_id: UUID, changes: Mapping[str, Any], now: datetime
) -> None:
    """Applies what was sent. Raises NotFound, Forbidden or Invalid."""
    task = await locked(session, principal, task_id)
    if not principal.may(PLAN) and changes.keys() - OWN:
        raise Forbidden("Only the status, progress and notes of your own tasks can be changed.")
    before = events.task_facts(task)
    await _apply(session, task, changes, principal, now)
    task.version += 1
    await _told(session, task, before)


async def set_status(
    session: AsyncSession,
    principal: Principal,
    task_id: UUID,
    status: str,
    now: datetime,
    notes: str = "",
    evidence: Note = NOTHING,
) -> None:
    """Begins or ends a task; doing it again adds evidence at most. Raises NotFound, or Conflict once it is over."""
    task = await locked(session, principal, task_id)
    if task.status == "CANCELLED" or (status == "IN_PROGRESS" and task.status == "COMPLETED"):
        raise Conflict(f"The task is {task.status.lower()}.", code="task_over")
    before = events.task_facts(task)
    if notes:
        task.completion_notes = notes
    _set_status(task, status, principal.user_id, now)
    checkpoints.add_evidence(session, principal, task, evidence, now)
    await _told(session, task, before)


async def verify(
    session: AsyncSession, principal: Principal, task_id: UUID, now: datetime, notes: str, evidence: Note
) -> None:
    """Ends a task with the evidence that its template asks for.

    Raises NotFound, Forbidden where somebody who plans has to approve, Invalid without evidence, Conflict once it is
    cancelled.
    """
    task = await locked(session, principal, task_id)
    wanted = await _verification(session, task)
    if wanted == "SUPERVISOR_APPROVAL" and not principal.may(PLAN):
        raise Forbidden("Somebody who plans has to approve that this task is done.")
    lacking = lacks(wanted, has_photo=evidence.photo is not None, has_notes=bool(notes))
    if lacking == "photo":
        raise Invalid.field("completion_photo", "This task is completed with a picture.", code="missing_photo")
    if lacking == "notes":
        raise Invalid.field("notes", "This task is completed with notes or a picture.", code="missing_notes")
    await set_status(session, principal, task_id, "COMPLETED", now, notes, evidence)


async def note_progress(
    session: AsyncSession,
    principal: Principal,
    task_id: UUID,
    progress: int,
    now: datetime,
    notes: str = "",
    location: str = "",
) -> None:
    """Notes how far a task is: 0 puts it back, 100 completes it. Raises NotFound, or Conflict once it is over."""
    task = await locked(session, principal, task_id)
    checkpoints.ensure_open(task)
    before = events.task_facts(task)
    if notes:
        task.completion_notes = notes
    _set_progress(task, progress, principal.user_id, now)
    checkpoints.add_evidence(session, principal, task, Note(location=location), now)
    await _told(session, task, before)


async def add_checkpoint(session: AsyncSession, principal: Principal, task_id: UUID, note: Note, now: datetime) -> None:
    """Keeps what somebody noted about a task, and how far it is when they said so. Raises NotFound or Conflict."""
    task = await locked(session, principal, task_id)
    before = events.task_facts(task)
    checkpoints.add_checkpoint(session, principal, task, note, now)
    if note.progress is not None:
        _set_progress(task, note.progress, principal.user_id, now)
    await _told(session, task, before)


async def delete(session: AsyncSession, principal: Principal, task_id: UUID) -> Task:
    """Removes a task with those under it. Raises NotFound."""
    task = await locked(session, principal, task_id)
    task.version += 1
    events.task_changed(session, facts.TaskDeleted(task=events.task_facts(task)))
    await session.delete(task)
    return task


async def generate(
    session: AsyncSession,
    principal: Principal,
    template_id: UUID,
    people: Iterable[UUID],
    due_date: date | None,
    now: datetime,
) -> list[UUID]:
    """One task for each that a template names; their ids. Raises NotFound for the template or a person."""
    template = await locked_template(session, principal.tenant, template_id)
    found = await active_people(session, principal.tenant, list(people), "assigned_to")
    return await write_from(session, template, [person.user_id for person in found], due_date, now, principal.user_id)


async def write_from(
    session: AsyncSession,
    template: TaskTemplate,
    people: list[UUID],
    due_date: date | None,
    now: datetime,
    actor: UUID | None,
    *,
    pattern: str | None = None,
) -> list[UUID]:
    """One task for each that a template names; their ids. With a pattern they are tasks that come back."""
    made: list[Task] = []
    for item in template.tasks:
        task = _new(template.restaurant_id, title_of(item), actor)
        details = item if isinstance(item, dict) else {}
        task.description = str(details.get("description") or details.get("details") or "") or None
        wanted = str(details.get("priority") or template.priority_level).upper()
        task.priority = wanted if wanted in PRIORITIES else template.priority_level
        minutes = details.get("estimated_duration")
        is_number = isinstance(minutes, int) and not isinstance(minutes, bool) and 0 <= minutes <= LONGEST_MINUTES
        task.estimated_minutes = minutes if is_number else None
        task.template_id = template.id
        task.assigned_to = list(people)
        task.due_date = due_date
        task.is_recurring, task.recurrence_pattern = pattern is not None, pattern
        session.add(task)
        made.append(task)
    template.usage_count += 1
    template.last_used = now
    await session.flush()
    for task in made:
        events.task_changed(session, facts.TaskCreated(task=events.task_facts(task)))
    return [task.id for task in made]


async def locked(session: AsyncSession, principal: Principal, task_id: UUID) -> Task:
    """A task that the caller may work on, held against others. Raises NotFound for those of others."""
    task = await session.scalar(
        sa.select(Task).where(Task.id == task_id, Task.restaurant_id == principal.tenant).with_for_update()
    )
    if task is None:
        raise NotFound(NO_TASK)
    ensure_visible(principal, task.assigned_to)
    return task


def ensure_visible(principal: Principal, assigned_to: Iterable[UUID]) -> None:
    """Raises NotFound for a task of others, unless the caller plans."""
    if not (principal.may(PLAN) or principal.user_id in assigned_to):
        raise NotFound(NO_TASK)


async def _told(session: AsyncSession, task: Task, before: facts.TaskFacts) -> None:
    """Writes a task that was changed, and says so."""
    await session.flush()
    message = facts.TaskUpdated(
        task=events.task_facts(task), previous_assigned_to=before.assigned_to, previous_status=before.status
    )
    if message.task != before:
        events.task_changed(session, message)


def _new(tenant: UUID, title: str, actor: UUID | None) -> Task:
    return Task(
        id=uuid4(),
        restaurant_id=tenant,
        title=title,
        priority="MEDIUM",
        status="TODO",
        progress=0,
        assigned_to=[],
        version=1,
        created_by=actor,
    )


async def _apply(
    session: AsyncSession, task: Task, changes: Mapping[str, Any], principal: Principal, now: datetime
) -> None:
    tenant = task.restaurant_id
    if "title" in changes:
        task.title = tidy_name(changes["title"], "title")
    for name in PLAIN:
        if name in changes:
            setattr(task, name, changes[name])
    if changes.keys() & {"due_date", "due_time"}:
        task.overdue_at = None
    if changes.get("priority"):
        task.priority = changes["priority"]
    if "estimated_duration" in changes:
        task.estimated_minutes = minutes_of(changes["estimated_duration"], "estimated_duration")
    if "category" in changes:
        task.category_id = await category_of(session, tenant, changes["category"]) if changes["category"] else None
    if "assigned_to" in changes:
        people = await active_people(session, tenant, changes["assigned_to"], "assigned_to")
        task.assigned_to = [person.user_id for person in people]
    if "assigned_shift" in changes:
        shift_id = changes["assigned_shift"]
        task.shift_id = await shift_of_restaurant(session, tenant, shift_id) if shift_id else None
    if "template" in changes:
        template_id = changes["template"]
        task.template_id = (await locked_template(session, tenant, template_id)).id if template_id else None
    if "parent_task" in changes:
        task.parent_id = await _parent(session, task, changes["parent_task"]) if changes["parent_task"] else None
    if changes.get("progress") is not None:
        task.progress = changes["progress"]
    if changes.get("status"):
        _set_status(task, changes["status"], principal.user_id, now)


def _set_status(task: Task, status: str, actor: UUID, now: datetime) -> None:
    if task.status == status:
        return
    task.status = status
    task.version += 1
    if status == "IN_PROGRESS" and task.started_at is None:
        task.started_at, task.started_by = now, actor
    is_done = status == "COMPLETED"
    task.completed_at, task.completed_by = (now, actor) if is_done else (None, None)
    if is_done:
        task.progress = 100


def _set_progress(task: Task, progress: int, actor: UUID, now: datetime) -> None:
    _set_status(task, status_at(progress), actor, now)
    task.progress = progress
    task.version += 1


async def _verification(session: AsyncSession, task: Task) -> str:
    """What a task's template asks for as evidence."""
    template = await session.get(TaskTemplate, task.template_id) if task.template_id else None
    asked = template.details if template is not None and template.details.get("verification_required") else {}
    return str(asked.get("verification_type") or "NONE")


async def _parent(session: AsyncSession, task: Task, parent_id: UUID) -> UUID:
    parent = await session.scalar(sa.select(Task).where(Task.restaurant_id == task.restaurant_id, Task.id == parent_id))
    if parent is None:
        raise NotFound(NO_TASK)
    if parent.parent_id is not None or parent.id == task.id:
        raise Invalid.field("parent_task", "A subtask has no subtasks of its own.")
    return parent_id
