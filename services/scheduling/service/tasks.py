"""Tasks that stand alone."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.v1 import shift_pb2, task_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import Reading, SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import tasks as commands
from services.scheduling.commands.shift_tasks import PLAN
from services.scheduling.commands.task_checkpoints import Note
from services.scheduling.domain.clock import duration_text
from services.scheduling.queries import tasks as queries
from services.scheduling.queries.tasks import People
from services.scheduling.service.convert import full_name, person_info, template_name, text_of
from services.scheduling.service.task_pictures import TaskPictures

NULLABLE = (
    "description",
    "category",
    "assigned_shift",
    "template",
    "parent_task",
    "due_date",
    "due_time",
    "estimated_duration",
    "completion_notes",
)
FIELDS = ("title", "assigned_to", "priority", "status", "progress", *NULLABLE)


class TaskService:
    """Implements mizan.scheduling.v1.TaskService."""

    def __init__(self, pictures: TaskPictures, clock: Clock) -> None:
        self._pictures = pictures
        self._clock = clock

    async def ListTasks(self, request: task_pb2.ListTasksRequest, call: Call) -> task_pb2.ListTasksResponse:
        chosen = values_of(request, without=("page", "page_size"))
        for name in ("status", "priority"):
            if name in chosen:
                chosen[name] = chosen[name].upper()
        if not call.principal.may(PLAN):
            chosen["own"] = call.principal.user_id
        count, rows, people = await queries.page_of_tasks(
            call.read(), call.principal.tenant, page_of(request), **chosen
        )
        messages = await task_messages(self._pictures, call.read(), rows, people)
        return task_pb2.ListTasksResponse(count=count, results=messages)

    async def GetTask(self, request: task_pb2.GetTaskRequest, call: Call) -> task_pb2.Task:
        row, people = await queries.one_task(call.read(), call.principal.tenant, UUID(request.id))
        commands.ensure_visible(call.principal, row.assigned_to)
        (message,) = await task_messages(self._pictures, call.read(), [row], people)
        return message

    async def CreateTask(self, request: task_pb2.CreateTaskRequest, call: Call) -> task_pb2.Task:
        session = await call.session()
        task_id = await commands.create(session, call.principal, values_of(request), self._clock.now())
        return await read_task(self._pictures, call, session, task_id)

    async def BulkCreateTasks(
        self, request: task_pb2.BulkCreateTasksRequest, call: Call
    ) -> task_pb2.BulkCreateTasksResponse:
        session, now = await call.session(), self._clock.now()
        made = [await commands.create(session, call.principal, values_of(draft), now) for draft in request.tasks]
        rows, people = await queries.tasks_by_ids(SessionReader(session), call.principal.tenant, made)
        in_order = sorted(rows, key=lambda row: made.index(row.id))
        messages = await task_messages(self._pictures, SessionReader(session), in_order, people)
        return task_pb2.BulkCreateTasksResponse(tasks=messages)

    async def UpdateTask(self, request: task_pb2.UpdateTaskRequest, call: Call) -> task_pb2.Task:
        session = await call.session()
        changes = changes_of(request, FIELDS, nullable=NULLABLE)
        await commands.change(session, call.principal, UUID(request.id), changes, self._clock.now())
        return await read_task(self._pictures, call, session, UUID(request.id))

    async def DeleteTask(self, request: task_pb2.DeleteTaskRequest, call: Call) -> Empty:
        session = await call.session()
        task = await commands.delete(session, call.principal, UUID(request.id))
        call.notes.old_values = {"title": task.title, "status": task.status}
        return Empty()

    async def StartTask(self, request: task_pb2.StartTaskRequest, call: Call) -> task_pb2.Task:
        session = await call.session()
        await commands.set_status(session, call.principal, UUID(request.id), "IN_PROGRESS", self._clock.now())
        return await read_task(self._pictures, call, session, UUID(request.id))

    async def CompleteTask(self, request: task_pb2.CompleteTaskRequest, call: Call) -> task_pb2.Task:
        session = await call.session()
        task_id, now = UUID(request.id), self._clock.now()
        photo = None
        if request.HasField("completion_photo"):
            task = await commands.locked(session, call.principal, task_id)
            photo = await self._pictures.stored(task.restaurant_id, request.completion_photo, "completion_photo")
        evidence = Note(location=request.completion_location, photo=photo)
        notes = request.completion_notes
        await commands.set_status(session, call.principal, task_id, "COMPLETED", now, notes, evidence)
        return await read_task(self._pictures, call, session, task_id)

    async def UpdateTaskProgress(self, request: task_pb2.UpdateTaskProgressRequest, call: Call) -> task_pb2.Task:
        session = await call.session()
        task_id, now = UUID(request.id), self._clock.now()
        await commands.note_progress(
            session, call.principal, task_id, request.progress, now, request.notes, request.completion_location
        )
        return await read_task(self._pictures, call, session, task_id)

    async def GenerateTasks(self, request: task_pb2.GenerateTasksRequest, call: Call) -> task_pb2.GenerateTasksResponse:
        session = await call.session()
        values = values_of(request)
        made = await commands.generate(
            session,
            call.principal,
            values["id"],
            values.get("assigned_to", ()),
            values.get("due_date"),
            self._clock.now(),
        )
        rows, people = await queries.tasks_by_ids(SessionReader(session), call.principal.tenant, made)
        messages = await task_messages(self._pictures, SessionReader(session), rows, people)
        return task_pb2.GenerateTasksResponse(tasks_created=len(made), tasks=messages)


async def read_task(pictures: TaskPictures, call: Call, session: AsyncSession, task_id: UUID) -> task_pb2.Task:
    """A task as it stands in a transaction."""
    call.notes.entity_id = str(task_id)
    reading = SessionReader(session)
    row, people = await queries.one_task(reading, call.principal.tenant, task_id)
    (message,) = await task_messages(pictures, reading, [row], people)
    return message


async def task_messages(
    pictures: TaskPictures, reading: Reading, rows: Sequence[Any], people: People
) -> list[task_pb2.Task]:
    """Tasks with what was noted about them; one statement, however many there are."""
    messages = [_message(row, people) for row in rows]
    if rows:
        await pictures.show_on_tasks(reading, rows[0].restaurant_id, messages)
    return messages


def _assignee(person: Any) -> shift_pb2.PersonInfo:
    named = person_info(person)
    named.role = person.role
    if person.phone:
        named.phone = person.phone
    return named


def _message(row: Any, people: People) -> task_pb2.Task:
    asked = row.template_details or {}
    assigned = [people[person] for person in row.assigned_to if person in people]
    message = task_pb2.Task(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        title=row.title,
        description=row.description,
        category=text_of(row.category_id),
        template=text_of(row.template_id),
        template_name=row.template_name,
        assigned_to=[str(person) for person in row.assigned_to],
        assigned_to_details=[_assignee(person) for person in assigned],
        assigned_to_names=[full_name(person) for person in assigned],
        assigned_shift=text_of(row.shift_id),
        parent_task=text_of(row.parent_id),
        priority=row.priority,
        status=row.status,
        progress=row.progress,
        progress_percentage=row.progress,
        due_date=row.due_date.isoformat() if row.due_date else None,
        due_time=row.due_time,
        estimated_duration=duration_text(row.estimated_minutes),
        started_at=row.started_at,
        completed_at=row.completed_at,
        completed_by=text_of(row.completed_by),
        completion_notes=row.completion_notes,
        is_recurring=row.is_recurring,
        recurrence_pattern=row.recurrence_pattern,
        created_by=text_of(row.created_by),
        created_at=row.created_at,
        updated_at=row.updated_at,
        subtasks_count=row.subtasks_count,
        template_details=template_name(row),
        verification_type=asked.get("verification_type") or "NONE",
        verification_required=bool(asked.get("verification_required")),
        verification_instructions=asked.get("verification_instructions"),
    )
    if row.category_id is not None:
        category = message.category_details
        category.id, category.name, category.color = str(row.category_id), row.category_name, row.category_color
        if row.category_description is not None:
            category.description = row.category_description
        category.created_at.FromDatetime(row.category_created_at)
    return message
