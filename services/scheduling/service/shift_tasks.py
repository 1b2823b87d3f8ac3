"""Tasks of shifts."""

from collections import Counter
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.scheduling.v1 import shift_task_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import Reading, SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from servicekit.zones import beginning_of
from services.scheduling.commands import shift_tasks as commands
from services.scheduling.commands.task_checkpoints import Note
from services.scheduling.queries import shift_tasks as queries
from services.scheduling.service.convert import json_text, shift_task_message, shift_task_messages
from services.scheduling.service.task_pictures import TaskPictures

FIELDS = (
    "shift",
    "title",
    "description",
    "category",
    "priority",
    "status",
    "assigned_to",
    "estimated_duration",
    "due_date",
    "parent_task",
    "notes",
)
NULLABLE = ("shift", "description", "category", "assigned_to", "estimated_duration", "due_date", "parent_task", "notes")


class ShiftTaskService:
    """Implements mizan.scheduling.v1.ShiftTaskService."""

    def __init__(self, pictures: TaskPictures, clock: Clock) -> None:
        self._pictures = pictures
        self._clock = clock

    async def ListShiftTasks(
        self, request: shift_task_pb2.ListShiftTasksRequest, call: Call
    ) -> shift_task_pb2.ListShiftTasksResponse:
        return await self._list(request, call, _chosen(request, call))

    async def ListMyTasks(
        self, request: shift_task_pb2.ListMyTasksRequest, call: Call
    ) -> shift_task_pb2.ListShiftTasksResponse:
        return await self._list(request, call, {"own": call.principal.user_id})

    async def GetShiftTask(self, request: shift_task_pb2.GetShiftTaskRequest, call: Call) -> shift_task_pb2.ShiftTask:
        own = None if call.principal.may(commands.PLAN) else call.principal.user_id
        row = await queries.one_task(call.read(), call.principal.tenant, UUID(request.id), own)
        return await shown_task(self._pictures, call.read(), row)

    async def CreateShiftTask(
        self, request: shift_task_pb2.CreateShiftTaskRequest, call: Call
    ) -> shift_task_pb2.ShiftTask:
        session = await call.session()
        values = _in_our_words(values_of(request))
        task_id = await commands.create(session, call.principal, values, self._clock.now())
        return await read_task(self._pictures, call, session, task_id)

    async def BulkCreateShiftTasks(
        self, request: shift_task_pb2.BulkCreateShiftTasksRequest, call: Call
    ) -> shift_task_pb2.BulkCreateShiftTasksResponse:
        session, now = await call.session(), self._clock.now()
        made = [
            await commands.create(session, call.principal, _in_our_words(values_of(draft)), now)
            for draft in request.tasks
        ]
        rows = await queries.tasks_by_ids(SessionReader(session), call.principal.tenant, made)
        tasks = [shift_task_message(row) for row in sorted(rows, key=lambda row: made.index(row.id))]
        return shift_task_pb2.BulkCreateShiftTasksResponse(tasks=tasks)

    async def AddSubtask(self, request: shift_task_pb2.AddSubtaskRequest, call: Call) -> shift_task_pb2.ShiftTask:
        session = await call.session()
        above = await commands.locked(session, call.principal, UUID(request.id))
        values = {"shift": above.shift_id, **values_of(request, without=("id",)), "parent_task": above.id}
        task_id = await commands.create(session, call.principal, _in_our_words(values), self._clock.now())
        return await read_task(self._pictures, call, session, task_id)

    async def UpdateShiftTask(
        self, request: shift_task_pb2.UpdateShiftTaskRequest, call: Call
    ) -> shift_task_pb2.ShiftTask:
        session = await call.session()
        changes = _in_our_words(changes_of(request, FIELDS, nullable=NULLABLE))
        await commands.change(session, call.principal, UUID(request.id), changes, self._clock.now())
        return await read_task(self._pictures, call, session, UUID(request.id))

    async def DeleteShiftTask(self, request: shift_task_pb2.DeleteShiftTaskRequest, call: Call) -> Empty:
        session = await call.session()
        task = await commands.delete(session, call.principal, UUID(request.id))
        call.notes.old_values = {"title": task.title, "status": task.status}
        return Empty()

    async def StartShiftTask(
        self, request: shift_task_pb2.StartShiftTaskRequest, call: Call
    ) -> shift_task_pb2.ShiftTask:
        session = await call.session()
        task_id = UUID(request.id)
        await commands.set_status(session, call.principal, task_id, "IN_PROGRESS", self._clock.now())
        return await read_task(self._pictures, call, session, task_id)

    async def CompleteShiftTask(
        self, request: shift_task_pb2.CompleteShiftTaskRequest, call: Call
    ) -> shift_task_pb2.ShiftTask:
        session = await call.session()
        task_id, now, photo = UUID(request.id), self._clock.now(), None
        if request.HasField("completion_photo"):
            task = await commands.locked(session, call.principal, task_id)
            photo = await self._pictures.stored(task.restaurant_id, request.completion_photo, "completion_photo")
        evidence = Note(location=request.completion_location, photo=photo)
        await commands.set_status(session, call.principal, task_id, "COMPLETED", now, request.notes, evidence)
        return await read_task(self._pictures, call, session, task_id)

    async def ReassignShiftTask(
        self, request: shift_task_pb2.ReassignShiftTaskRequest, call: Call
    ) -> shift_task_pb2.ShiftTask:
        session = await call.session()
        await commands.reassign(session, call.principal, UUID(request.id), UUID(request.assigned_to))
        return await read_task(self._pictures, call, session, UUID(request.id))

    async def ListSubtasks(
        self, request: shift_task_pb2.ListSubtasksRequest, call: Call
    ) -> shift_task_pb2.ListSubtasksResponse:
        row, under = await _with_subtasks(request, call)
        messages = [shift_task_message(task) for task in under]
        await self._pictures.show_on_shift_tasks(call.read(), row.restaurant_id, messages)
        return shift_task_pb2.ListSubtasksResponse(tasks=messages)

    async def GetTaskProgress(
        self, request: shift_task_pb2.GetTaskProgressRequest, call: Call
    ) -> shift_task_pb2.TaskProgress:
        row, under = await _with_subtasks(request, call)
        return shift_task_pb2.TaskProgress(
            task_id=str(row.id),
            title=row.title,
            status=row.status,
            progress_percentage=shift_task_message(row, under).progress_percentage,
            completed_subtasks=sum(task.status == "COMPLETED" for task in under),
            total_subtasks=len(under),
        )

    async def GetTaskStatistics(
        self, request: shift_task_pb2.GetTaskStatisticsRequest, call: Call
    ) -> shift_task_pb2.TaskStatistics:
        tenant = call.principal.tenant
        zone = await refdata.time_zone(call.read(), tenant)
        today = beginning_of(self._clock.now().astimezone(zone).date(), zone)
        rows = await queries.statistics(call.read(), tenant, today, **_chosen(request, call))
        by_status: Counter[str] = Counter()
        by_priority: Counter[str] = Counter()
        for row in rows:
            by_status[row.status] += row.tasks
            by_priority[row.priority] += row.tasks
        open_ones = [row for row in rows if row.status in ("TODO", "IN_PROGRESS")]
        return shift_task_pb2.TaskStatistics(
            total_tasks=by_status.total(),
            by_status=json_text(by_status),
            by_priority=json_text(by_priority),
            completed_today=sum(row.recent for row in rows if row.status == "COMPLETED"),
            overdue=sum(row.tasks for row in open_ones if row.priority == "URGENT"),
        )

    async def _list(self, request: Any, call: Call, chosen: dict[str, Any]) -> shift_task_pb2.ListShiftTasksResponse:
        reader, tenant = call.read(), call.principal.tenant
        count, rows, under = await queries.page_of_tasks(reader, tenant, page_of(request), **chosen)
        messages = shift_task_messages(rows, under)
        await self._pictures.show_on_shift_tasks(reader, tenant, messages)
        return shift_task_pb2.ListShiftTasksResponse(count=count, results=messages)


async def _with_subtasks(request: Any, call: Call) -> tuple[Any, list[Any]]:
    own = None if call.principal.may(commands.PLAN) else call.principal.user_id
    row = await queries.one_task(call.read(), call.principal.tenant, UUID(request.id), own)
    return row, await queries.subtasks(call.read(), call.principal.tenant, [row.id])


def _chosen(request: Any, call: Call) -> dict[str, Any]:
    """What narrows a list: what was asked for, and the caller's own tasks for who may not plan."""
    chosen = values_of(request, without=("page", "page_size"))
    if not call.principal.may(commands.PLAN):
        chosen["own"] = call.principal.user_id
    return _in_our_words(
        {name: value.upper() if name in ("status", "priority") else value for name, value in chosen.items()}
    )


def _in_our_words(values: dict[str, Any]) -> dict[str, Any]:
    """Values with the state that the dashboard calls pending called as everywhere else."""
    return {**values, "status": "TODO"} if values.get("status") == "PENDING" else values


async def read_task(
    pictures: TaskPictures, call: Call, session: AsyncSession, task_id: UUID
) -> shift_task_pb2.ShiftTask:
    """A task with those under it, as it stands in a transaction."""
    reading = SessionReader(session)
    call.notes.entity_id = str(task_id)
    return await shown_task(pictures, reading, await queries.one_task(reading, call.principal.tenant, task_id))


async def shown_task(pictures: TaskPictures, reading: Reading, row: Any) -> shift_task_pb2.ShiftTask:
    """A task with those under it and what was noted about them."""
    message = shift_task_message(row, await queries.subtasks(reading, row.restaurant_id, [row.id]))
    await pictures.show_on_shift_tasks(reading, row.restaurant_id, [message])
    return message
