"""Tasks of shifts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from servicekit.text import tidy_name
from services.scheduling import events
from services.scheduling.commands import task_checkpoints as checkpoints
from services.scheduling.commands.task_checkpoints import Note, Photo
from services.scheduling.domain.clock import minutes_of
from services.scheduling.domain.progress import status_at
from services.scheduling.domain.task_category import DEFAULT_COLOR
from services.scheduling.models import Procedure, SafetyChecklist, Shift, ShiftPerson, ShiftTask, TaskCategory
from services.scheduling.queries.shift_tasks import NO_TASK, one_task
from services.scheduling.queries.shifts import NO_SHIFT

PLAN = "schedule.manage"
OWN = frozenset({"status", "notes"})
"""What the person who does a task may change of it."""

PLAIN = ("description", "priority", "due_date", "due_at", "notes", "kind")
NOTHING = Note()


async def create(session: AsyncSession, principal: Principal, values: Mapping[str, Any], now: datetime) -> UUID:
    """A new task; its id. Who may not plan gets it themselves. Raises NotFound or Invalid for what it names."""
    tenant = principal.tenant
    given = dict(values)
    if not principal.may(PLAN):
        given["assigned_to"] = principal.user_id
        await _ensure_on_shift(session, principal, given.get("shift"))
    return (await _write(session, tenant, given, principal.user_id, now)).id


async def change(
    session: AsyncSession, principal: Principal, task_id: UUID, changes: Mapping[str, Any], now: datetime
) -> None:
    """Applies what was sent. Raises NotFound, Forbidden or Invalid."""
    task = await locked(session, principal, task_id)
    if not principal.may(PLAN) and changes.keys() - OWN:
        raise Forbidden("Only the status and the notes of your own tasks can be changed.")
    before = events.task_facts(task)
    await _apply(session, task, changes, now, principal.user_id)
    await _told(session, task, before)


async def set_status(
    session: AsyncSession,
    principal: Principal,
    task_id: UUID,
    status: str,
    now: datetime,
    notes: str | None = None,
    evidence: Note = NOTHING,
) -> None:
    """Begins or ends a task; doing it again adds evidence at most. Raises NotFound, or Conflict once cancelled."""
    task = await locked(session, principal, task_id)
    if task.status == "CANCELLED":
        raise Conflict("The task was cancelled.", code="task_cancelled")
    if status == "IN_PROGRESS" and task.status == "COMPLETED":
        raise Conflict("The task is completed already.", code="task_completed")
    before = events.task_facts(task)
    if notes:
        task.notes = notes
    _set_status(task, status, now, principal.user_id)
    checkpoints.add_evidence(session, principal, task, evidence, now)
    await _told(session, task, before)


async def note_progress(
    session: AsyncSession, principal: Principal, task_id: UUID, progress: int, now: datetime, notes: str, location: str
) -> None:
    """Notes how far a task is: 0 puts it back, 100 completes it. Raises NotFound, or Conflict once it is over."""
    task = await locked(session, principal, task_id)
    checkpoints.ensure_open(task)
    before = events.task_facts(task)
    if notes:
        task.notes = notes
    _set_progress(task, progress, now, principal.user_id)
    checkpoints.add_evidence(session, principal, task, Note(location=location), now)
    await _told(session, task, before)


async def add_checkpoint(session: AsyncSession, principal: Principal, task_id: UUID, note: Note, now: datetime) -> None:
    """Keeps what somebody noted about a task, and how far it is when they said so. Raises NotFound or Conflict."""
    task = await locked(session, principal, task_id)
    before = events.task_facts(task)
    checkpoints.add_checkpoint(session, principal, task, note, now)
    if note.progress is not None:
        _set_progress(task, note.progress, now, principal.user_id)
    await _told(session, task, before)


async def replace_evidence(
    session: AsyncSession, principal: Principal, task_id: UUID, photo: Photo | None, now: datetime
) -> None:
    """Makes a picture, or none, what shows that a task is done. Raises NotFound."""
    task = await locked(session, principal, task_id)
    before = events.task_facts(task)
    await checkpoints.replace_evidence(session, principal, task, photo, now)
    await _told(session, task, before)


async def reassign(session: AsyncSession, principal: Principal, task_id: UUID, person: UUID) -> None:
    """Gives a task to somebody else. Raises NotFound or Invalid."""
    task = await locked(session, principal, task_id)
    before = events.task_facts(task)
    task.assigned_to = await _person(session, principal.tenant, person)
    task.version += 1
    await _told(session, task, before)


async def delete(session: AsyncSession, principal: Principal, task_id: UUID) -> ShiftTask:
    """Removes a task with those under it. Raises NotFound."""
    task = await locked(session, principal, task_id)
    task.version += 1
    events.task_changed(session, facts.TaskDeleted(task=events.task_facts(task)))
    await session.delete(task)
    return task


async def locked(session: AsyncSession, principal: Principal, task_id: UUID) -> ShiftTask:
    """A task that the caller may work on, held against others. Raises NotFound for those of others."""
    task = await session.scalar(
        sa.select(ShiftTask)
        .where(ShiftTask.id == task_id, ShiftTask.restaurant_id == principal.tenant)
        .with_for_update()
    )
    if task is None:
        raise NotFound(NO_TASK)
    if not principal.may(PLAN):
        # Tasks of a shift that nobody has are for everybody on it.
        await one_task(SessionReader(session), principal.tenant, task_id, principal.user_id)
    return task


async def write_all(
    session: AsyncSession,
    tenant: UUID,
    shift_id: UUID,
    drafts: Sequence[Mapping[str, Any]],
    actor: UUID | None,
    now: datetime,
) -> None:
    """The tasks that a new shift is sent with; an id among them names nothing yet."""
    for draft in drafts:
        if draft.get("id"):
            raise NotFound(NO_TASK)
        await _write(session, tenant, {**draft, "shift": shift_id}, actor, now)


async def replace_all(
    session: AsyncSession,
    tenant: UUID,
    shift_id: UUID,
    drafts: Sequence[Mapping[str, Any]],
    actor: UUID | None,
    now: datetime,
) -> None:
    """Makes the tasks of a shift those that are sent: one with an id is changed, one without added, the others go."""
    present = {
        task.id: task
        for task in await session.scalars(
            sa.select(ShiftTask)
            .where(ShiftTask.restaurant_id == tenant, ShiftTask.shift_id == shift_id)
            .with_for_update()
        )
    }
    kept: set[UUID] = set()
    for draft in drafts:
        if draft.get("id") is None:
            await _write(session, tenant, {**draft, "shift": shift_id}, actor, now)
        elif draft["id"] in present:
            kept.add(draft["id"])
            before = events.task_facts(present[draft["id"]])
            changes = {k: v for k, v in draft.items() if k != "id"}
            await _apply(session, present[draft["id"]], changes, now, actor)
            await _told(session, present[draft["id"]], before)
        else:
            raise NotFound(NO_TASK)
    gone = [task_id for task_id, task in present.items() if task_id not in kept and task.parent_id is None]
    await session.flush()
    for task_id in gone:
        present[task_id].version += 1
        events.task_changed(session, facts.TaskDeleted(task=events.task_facts(present[task_id])))
    await session.execute(sa.delete(ShiftTask).where(ShiftTask.id.in_(gone)))


async def category_of(session: AsyncSession, tenant: UUID, named: str) -> UUID:
    """A category by its id, or by its name, which is added when it is new. Raises NotFound for an unknown id."""
    try:
        wanted = UUID(named)
    except ValueError:
        return await _category_by_name(session, tenant, tidy_name(named, "category"))
    found = await session.scalar(
        sa.select(TaskCategory.id).where(TaskCategory.restaurant_id == tenant, TaskCategory.id == wanted)
    )
    if found is None:
        raise NotFound("No TaskCategory matches the given query.")
    return found


async def _category_by_name(session: AsyncSession, tenant: UUID, name: str) -> UUID:
    row = {"id": uuid4(), "restaurant_id": tenant, "name": name, "color": DEFAULT_COLOR}
    await session.execute(insert(TaskCategory).values(row).on_conflict_do_nothing())
    found = await session.scalar(
        sa.select(TaskCategory.id).where(TaskCategory.restaurant_id == tenant, TaskCategory.name == name)
    )
    if found is None:
        raise Conflict("The category was removed meanwhile. Please try again.")
    return found


async def _write(
    session: AsyncSession, tenant: UUID, values: Mapping[str, Any], actor: UUID | None, now: datetime
) -> ShiftTask:
    task = ShiftTask(
        id=uuid4(),
        restaurant_id=tenant,
        title=tidy_name(values["title"], "title"),
        priority="MEDIUM",
        status="TODO",
        version=1,
        template_id=values.get("template"),
        created_by=actor,
    )
    await _apply(session, task, values, now, actor)
    session.add(task)
    await session.flush()
    events.task_changed(session, facts.TaskCreated(task=events.task_facts(task)))
    return task


async def _told(session: AsyncSession, task: ShiftTask, before: facts.TaskFacts) -> None:
    """Writes a task that was changed, and says so."""
    await session.flush()
    message = facts.TaskUpdated(
        task=events.task_facts(task), previous_assigned_to=before.assigned_to, previous_status=before.status
    )
    if message.task != before:
        events.task_changed(session, message)


async def _apply(
    session: AsyncSession, task: ShiftTask, changes: Mapping[str, Any], now: datetime, actor: UUID | None
) -> None:
    tenant = task.restaurant_id
    if "title" in changes:
        task.title = tidy_name(changes["title"], "title")
    for name in PLAIN:
        if name in changes and (changes[name] is not None or name != "priority"):
            setattr(task, name, changes[name])
    if changes.keys() & {"due_date", "due_at"}:
        task.overdue_at = None
    if "estimated_duration" in changes:
        task.estimated_minutes = minutes_of(changes["estimated_duration"], "estimated_duration")
    if "category" in changes:
        named = changes["category"]
        task.category_id = await category_of(session, tenant, named) if named else None
    if "assigned_to" in changes:
        person = changes["assigned_to"]
        task.assigned_to = await _person(session, tenant, person) if person else None
    if "shift" in changes:
        task.shift_id = await shift_of_restaurant(session, tenant, changes["shift"]) if changes["shift"] else None
    for name, model in (("procedure", Procedure), ("safety_checklist", SafetyChecklist)):
        if name in changes:
            setattr(task, f"{name}_id", await _kept(session, tenant, model, changes[name]) if changes[name] else None)
    if "parent_task" in changes:
        task.parent_id = await _parent(session, task, changes["parent_task"]) if changes["parent_task"] else None
    if changes.get("status"):
        _set_status(task, changes["status"], now, actor)
    else:
        task.version += 1


def _set_status(task: ShiftTask, status: str, now: datetime, actor: UUID | None) -> None:
    if task.status == status:
        return
    task.status, task.progress = status, None
    task.version += 1
    if status == "IN_PROGRESS" and task.started_at is None:
        task.started_at = now
    task.completed_at, task.completed_by = (now, actor) if status == "COMPLETED" else (None, None)


def _set_progress(task: ShiftTask, progress: int, now: datetime, actor: UUID) -> None:
    _set_status(task, status_at(progress), now, actor)
    task.progress = progress
    task.version += 1


async def _person(session: AsyncSession, tenant: UUID, person: UUID) -> UUID:
    found = await refdata.member(SessionReader(session), tenant, person)
    if not found.is_active:
        raise Invalid.field("assigned_to", f"{found.first_name} {found.last_name} does not work here any more.")
    return person


async def shift_of_restaurant(session: AsyncSession, tenant: UUID, shift_id: UUID) -> UUID:
    """The id of a shift that is there. Raises NotFound."""
    found = await session.scalar(sa.select(Shift.id).where(Shift.restaurant_id == tenant, Shift.id == shift_id))
    if found is None:
        raise NotFound(NO_SHIFT)
    return found


async def _kept(
    session: AsyncSession, tenant: UUID, model: type[Procedure] | type[SafetyChecklist], wanted: UUID
) -> UUID:
    """The id of a procedure or a safety checklist that is there. Raises NotFound."""
    found = await session.scalar(sa.select(model.id).where(model.restaurant_id == tenant, model.id == wanted))
    if found is None:
        name = "StandardOperatingProcedure" if model is Procedure else "SafetyChecklist"
        raise NotFound(f"No {name} matches the given query.")
    return found


async def _parent(session: AsyncSession, task: ShiftTask, parent_id: UUID) -> UUID:
    parent = await session.scalar(
        sa.select(ShiftTask).where(ShiftTask.restaurant_id == task.restaurant_id, ShiftTask.id == parent_id)
    )
    if parent is None:
        raise NotFound(NO_TASK)
    if parent.parent_id is not None or parent.id == task.id:
        raise Invalid.field("parent_task", "A subtask has no subtasks of its own.")
    return parent_id


async def _ensure_on_shift(session: AsyncSession, principal: Principal, shift_id: UUID | None) -> None:
    if shift_id is None:
        return
    found = await session.scalar(
        sa.select(ShiftPerson.user_id).where(
            ShiftPerson.restaurant_id == principal.tenant,
            ShiftPerson.shift_id == shift_id,
            ShiftPerson.user_id == principal.user_id,
        )
    )
    if found is None:
        raise NotFound(NO_SHIFT)
