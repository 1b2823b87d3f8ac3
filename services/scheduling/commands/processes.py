"""Keeping processes and their tasks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.errors import Conflict, Invalid, NotFound
from servicekit.identity import Principal
from servicekit.text import tidy_name
from services.scheduling import events
from services.scheduling.commands.shift_tasks import category_of
from services.scheduling.commands.shifts import active_people
from services.scheduling.domain.clock import minutes_of
from services.scheduling.models import Process, ProcessTask
from services.scheduling.queries.processes import NO_PROCESS, NO_TASK

PROCESS_FIELDS = ("description", "status", "priority", "is_active", "sop_document", "is_critical")
TASK_FIELDS = (
    "description",
    "priority",
    "due_date",
    "due_time",
    "verification_type",
    "verification_required",
    "progress",
    "completion_notes",
)


async def create(session: AsyncSession, principal: Principal, values: Mapping[str, Any], now: datetime) -> UUID:
    """A new process with its tasks; its id. Raises Invalid or NotFound for what it names."""
    process = Process(
        id=uuid4(),
        restaurant_id=principal.tenant,
        created_by=principal.user_id,
        updated_by=principal.user_id,
        version=1,
    )
    _apply(process, values)
    session.add(process)
    await session.flush()
    events.process_changed(session, facts.ProcessCreated, process)
    await _add_tasks(session, principal, process.id, values.get("tasks", ()), now)
    return process.id


async def change(
    session: AsyncSession, principal: Principal, process_id: UUID, changes: Mapping[str, Any], now: datetime
) -> None:
    """Applies what was sent; tasks that are sent replace all. Raises NotFound or Invalid."""
    process = await locked(session, principal.tenant, process_id)
    _apply(process, changes)
    process.updated_by = principal.user_id
    process.version += 1
    await session.flush()
    events.process_changed(session, facts.ProcessUpdated, process)
    if "tasks" in changes:
        await _remove_tasks(session, ProcessTask.process_id == process_id)
        await _add_tasks(session, principal, process_id, changes["tasks"], now)


async def archive(session: AsyncSession, principal: Principal, process_id: UUID) -> None:
    """Puts a process away; doing it again changes nothing. Raises NotFound."""
    process = await locked(session, principal.tenant, process_id)
    if process.status == "ARCHIVED" and not process.is_active:
        return
    process.status, process.is_active = "ARCHIVED", False
    process.updated_by = principal.user_id
    process.version += 1
    await session.flush()
    events.process_changed(session, facts.ProcessUpdated, process)


async def delete(session: AsyncSession, restaurant_id: UUID, process_id: UUID) -> Process:
    """Removes a process with its tasks. Raises NotFound."""
    process = await locked(session, restaurant_id, process_id)
    process.version += 1
    events.process_changed(session, facts.ProcessDeleted, process)
    await session.delete(process)
    return process


async def locked(session: AsyncSession, restaurant_id: UUID, process_id: UUID) -> Process:
    """A process, held against others. Raises NotFound."""
    process = await session.scalar(
        sa.select(Process).where(Process.id == process_id, Process.restaurant_id == restaurant_id).with_for_update()
    )
    if process is None:
        raise NotFound(NO_PROCESS)
    return process


async def create_task(session: AsyncSession, principal: Principal, values: Mapping[str, Any], now: datetime) -> UUID:
    """A new task of a process; its id. Raises NotFound or Invalid."""
    process = await locked(session, principal.tenant, values["process"])
    return await _add_task(session, principal, process.id, values, now)


async def change_task(
    session: AsyncSession, principal: Principal, task_id: UUID, changes: Mapping[str, Any], now: datetime
) -> None:
    """Applies what was sent. Raises NotFound or Invalid."""
    task = await locked_task(session, principal.tenant, task_id)
    await _apply_task(session, task, changes, now)
    task.updated_by = principal.user_id
    task.version += 1
    await session.flush()
    events.process_task_changed(session, facts.ProcessTaskUpdated, task)


async def set_task_status(
    session: AsyncSession, principal: Principal, task_id: UUID, status: str, now: datetime, notes: str = ""
) -> None:
    """Begins or ends a task; doing it again changes nothing. Raises NotFound, or Conflict once it is over."""
    task = await locked_task(session, principal.tenant, task_id)
    if task.status == "CANCELLED" or (status == "IN_PROGRESS" and task.status == "COMPLETED"):
        raise Conflict(f"The task is {task.status.lower()}.", code="task_over")
    changes = {"status": status, **({"completion_notes": notes} if notes else {})}
    if task.status == status and not notes:
        return
    await change_task(session, principal, task_id, changes, now)


async def delete_task(session: AsyncSession, restaurant_id: UUID, task_id: UUID) -> ProcessTask:
    """Removes a task of a process with its parts. Raises NotFound."""
    task = await locked_task(session, restaurant_id, task_id)
    await _remove_tasks(session, sa.or_(ProcessTask.id == task_id, ProcessTask.parent_id == task_id))
    return task


async def locked_task(session: AsyncSession, restaurant_id: UUID, task_id: UUID) -> ProcessTask:
    """A task of a process, held against others. Raises NotFound."""
    task = await session.scalar(
        sa.select(ProcessTask)
        .where(ProcessTask.id == task_id, ProcessTask.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if task is None:
        raise NotFound(NO_TASK)
    return task


async def _remove_tasks(session: AsyncSession, chosen: sa.ColumnElement[bool]) -> None:
    # In one statement, since a task takes its parts with it.
    tasks = list(await session.scalars(sa.select(ProcessTask).where(chosen)))
    for task in tasks:
        task.version += 1
        events.process_task_changed(session, facts.ProcessTaskDeleted, task)
    await session.execute(sa.delete(ProcessTask).where(ProcessTask.id.in_([task.id for task in tasks])))


async def _add_tasks(
    session: AsyncSession, principal: Principal, process_id: UUID, drafts: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    for draft in drafts:
        await _add_task(session, principal, process_id, draft, now)


async def _add_task(
    session: AsyncSession, principal: Principal, process_id: UUID, values: Mapping[str, Any], now: datetime
) -> UUID:
    task = ProcessTask(
        id=uuid4(),
        restaurant_id=principal.tenant,
        process_id=process_id,
        status="TODO",
        progress=0,
        created_by=principal.user_id,
        updated_by=principal.user_id,
        version=1,
    )
    await _apply_task(session, task, values, now)
    session.add(task)
    await session.flush()
    events.process_task_changed(session, facts.ProcessTaskCreated, task)
    return task.id


def _apply(process: Process, changes: Mapping[str, Any]) -> None:
    if "name" in changes:
        process.name = tidy_name(changes["name"])
    for name in PROCESS_FIELDS:
        if name in changes:
            setattr(process, name, changes[name])
    if "sop_steps" in changes:
        if not isinstance(changes["sop_steps"], list | None):
            raise Invalid.field("sop_steps", "Expected a list of items.")
        process.sop_steps = changes["sop_steps"] or []


async def _apply_task(session: AsyncSession, task: ProcessTask, changes: Mapping[str, Any], now: datetime) -> None:
    tenant = task.restaurant_id
    if "title" in changes:
        task.title = tidy_name(changes["title"], "title")
    for name in TASK_FIELDS:
        if name in changes:
            setattr(task, name, changes[name])
    if "estimated_duration" in changes:
        task.estimated_minutes = minutes_of(changes["estimated_duration"], "estimated_duration")
    if "category" in changes:
        task.category_id = await category_of(session, tenant, changes["category"]) if changes["category"] else None
    if "assigned_to" in changes:
        wanted = [changes["assigned_to"]] if changes["assigned_to"] else []
        people = await active_people(session, tenant, wanted, "assigned_to")
        task.assigned_to = people[0].user_id if people else None
    if "parent_task" in changes:
        task.parent_id = await _parent(session, task, changes["parent_task"]) if changes["parent_task"] else None
    status = changes.get("status")
    if status and status != task.status:
        task.status = status
        if status == "IN_PROGRESS" and task.started_at is None:
            task.started_at = now
        task.completed_at = now if status == "COMPLETED" else None
        if status == "COMPLETED":
            task.progress = 100


async def _parent(session: AsyncSession, task: ProcessTask, parent_id: UUID) -> UUID:
    """The task that another is a part of. Raises NotFound outside the process, and Invalid for a third level."""
    parent = await session.scalar(
        sa.select(ProcessTask).where(
            ProcessTask.restaurant_id == task.restaurant_id,
            ProcessTask.process_id == task.process_id,
            ProcessTask.id == parent_id,
        )
    )
    if parent is None:
        raise NotFound(NO_TASK)
    has_parts = await session.scalar(sa.select(sa.exists().where(ProcessTask.parent_id == task.id)))
    if parent.parent_id is not None or parent.id == task.id or has_parts:
        raise Invalid.field("parent_task", "A subtask has no subtasks of its own.")
    return parent_id
