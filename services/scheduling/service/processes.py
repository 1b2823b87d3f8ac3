"""Processes and their tasks."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from mizan.scheduling.v1 import process_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from services.scheduling.commands import processes as commands
from services.scheduling.domain.clock import duration_text
from services.scheduling.queries import processes as queries
from services.scheduling.queries.processes import Whole
from services.scheduling.service.convert import json_text, text_of

PAGE = ("page", "page_size")
PROCESS_FIELDS = ("name", *commands.PROCESS_FIELDS, "sop_steps", "tasks")
TASK_FIELDS = ("title", *commands.TASK_FIELDS, "status", "category", "assigned_to", "parent_task", "estimated_duration")
NULLABLE = (
    "description",
    "sop_document",
    "category",
    "assigned_to",
    "parent_task",
    "due_date",
    "due_time",
    "estimated_duration",
    "completion_notes",
)


class ProcessService:
    """Implements mizan.scheduling.v1.ProcessService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListProcesses(
        self, request: process_pb2.ListProcessesRequest, call: Call
    ) -> process_pb2.ListProcessesResponse:
        chosen: dict[str, Any] = {}
        if request.status:
            chosen["status"] = request.status.upper()
        if request.HasField("is_active"):
            chosen["is_active"] = request.is_active
        count, found = await queries.page_of_processes(call.read(), call.principal.tenant, page_of(request), **chosen)
        return process_pb2.ListProcessesResponse(count=count, results=[_process(whole) for whole in found])

    async def GetProcess(self, request: process_pb2.GetProcessRequest, call: Call) -> process_pb2.Process:
        return _process(await queries.one_process(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateProcess(self, request: process_pb2.CreateProcessRequest, call: Call) -> process_pb2.Process:
        session = await call.session()
        values = {**values_of(request), "tasks": _drafts(request)}
        if request.HasField("is_active"):
            values["is_active"] = request.is_active
        made = await commands.create(session, call.principal, values, self._clock.now())
        return await _read(call, session, made)

    async def UpdateProcess(self, request: process_pb2.UpdateProcessRequest, call: Call) -> process_pb2.Process:
        session = await call.session()
        changes = changes_of(request, PROCESS_FIELDS, nullable=NULLABLE)
        if "tasks" in changes:
            changes["tasks"] = _drafts(request)
        await commands.change(session, call.principal, UUID(request.id), changes, self._clock.now())
        return await _read(call, session, UUID(request.id))

    async def ArchiveProcess(self, request: process_pb2.ArchiveProcessRequest, call: Call) -> process_pb2.Process:
        session = await call.session()
        await commands.archive(session, call.principal, UUID(request.id))
        return await _read(call, session, UUID(request.id))

    async def DeleteProcess(self, request: process_pb2.DeleteProcessRequest, call: Call) -> Empty:
        session = await call.session()
        process = await commands.delete(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"name": process.name, "status": process.status}
        return Empty()

    async def ListProcessTasks(
        self, request: process_pb2.ListProcessTasksRequest, call: Call
    ) -> process_pb2.ListProcessTasksResponse:
        chosen = values_of(request, without=PAGE)
        if "status" in chosen:
            chosen["status"] = chosen["status"].upper()
        count, rows = await queries.page_of_tasks(call.read(), call.principal.tenant, page_of(request), **chosen)
        return process_pb2.ListProcessTasksResponse(count=count, results=[_task(row) for row in rows])

    async def GetProcessTask(self, request: process_pb2.GetProcessTaskRequest, call: Call) -> process_pb2.ProcessTask:
        return _task(await queries.one_task(call.read(), call.principal.tenant, UUID(request.id)))

    async def CreateProcessTask(
        self, request: process_pb2.CreateProcessTaskRequest, call: Call
    ) -> process_pb2.ProcessTask:
        session = await call.session()
        made = await commands.create_task(session, call.principal, values_of(request), self._clock.now())
        return await _read_task(call, session, made)

    async def UpdateProcessTask(
        self, request: process_pb2.UpdateProcessTaskRequest, call: Call
    ) -> process_pb2.ProcessTask:
        session = await call.session()
        changes = changes_of(request, TASK_FIELDS, nullable=NULLABLE)
        await commands.change_task(session, call.principal, UUID(request.id), changes, self._clock.now())
        return await _read_task(call, session, UUID(request.id))

    async def StartProcessTask(
        self, request: process_pb2.StartProcessTaskRequest, call: Call
    ) -> process_pb2.ProcessTask:
        session, task_id = await call.session(), UUID(request.id)
        await commands.set_task_status(session, call.principal, task_id, "IN_PROGRESS", self._clock.now())
        return await _read_task(call, session, task_id)

    async def CompleteProcessTask(
        self, request: process_pb2.CompleteProcessTaskRequest, call: Call
    ) -> process_pb2.ProcessTask:
        session, task_id, now = await call.session(), UUID(request.id), self._clock.now()
        await commands.set_task_status(session, call.principal, task_id, "COMPLETED", now, request.notes)
        return await _read_task(call, session, task_id)

    async def DeleteProcessTask(self, request: process_pb2.DeleteProcessTaskRequest, call: Call) -> Empty:
        session = await call.session()
        task = await commands.delete_task(session, call.principal.tenant, UUID(request.id))
        call.notes.old_values = {"title": task.title, "status": task.status}
        return Empty()


def _drafts(request: Any) -> list[dict[str, Any]]:
    return [values_of(draft) for draft in request.tasks]


async def _read(call: Call, session: Any, process_id: UUID) -> process_pb2.Process:
    call.notes.entity_id = str(process_id)
    return _process(await queries.one_process(SessionReader(session), call.principal.tenant, process_id))


async def _read_task(call: Call, session: Any, task_id: UUID) -> process_pb2.ProcessTask:
    call.notes.entity_id = str(task_id)
    return _task(await queries.one_task(SessionReader(session), call.principal.tenant, task_id))


def _process(whole: Whole) -> process_pb2.Process:
    row, tasks = whole
    return process_pb2.Process(
        id=str(row.id),
        restaurant=str(row.restaurant_id),
        name=row.name,
        description=row.description,
        status=row.status,
        priority=row.priority,
        is_active=row.is_active,
        sop_document=row.sop_document,
        sop_steps=json_text(row.sop_steps),
        is_critical=row.is_critical,
        created_by=text_of(row.created_by),
        updated_by=text_of(row.updated_by),
        created_at=row.created_at,
        updated_at=row.updated_at,
        tasks=[_task(task) for task in tasks],
    )


def _task(row: Any) -> process_pb2.ProcessTask:
    return process_pb2.ProcessTask(
        id=str(row.id),
        process=str(row.process_id),
        category=text_of(row.category_id),
        title=row.title,
        description=row.description,
        priority=row.priority,
        status=row.status,
        assigned_to=text_of(row.assigned_to),
        assigned_to_name=row.assigned_to_name or None,
        due_date=row.due_date.isoformat() if row.due_date else None,
        due_time=row.due_time.isoformat() if row.due_time else None,
        estimated_duration=duration_text(row.estimated_minutes),
        verification_type=row.verification_type,
        verification_required=row.verification_required,
        parent_task=text_of(row.parent_id),
        progress=row.progress,
        started_at=row.started_at,
        completed_at=row.completed_at,
        completion_notes=row.completion_notes,
        created_by=text_of(row.created_by),
        updated_by=text_of(row.updated_by),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
