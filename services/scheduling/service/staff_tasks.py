"""Tasks as the safety pages show them: the tasks of shifts, in those pages' words."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

import refdata
from mizan.scheduling.v1 import staff_task_pb2 as pb
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import Reading, SessionReader
from servicekit.errors import Invalid
from servicekit.paging import page_of
from servicekit.patch import changes_of, values_of
from servicekit.zones import local_instant
from services.scheduling.commands import shift_tasks as commands
from services.scheduling.commands.task_checkpoints import Note, Photo
from services.scheduling.queries import shift_tasks as queries
from services.scheduling.queries.safety import procedures_by_ids
from services.scheduling.queries.task_checkpoints import of_shift_tasks
from services.scheduling.service.convert import person_info, text_of
from services.scheduling.service.safety import procedure_message
from services.scheduling.service.task_pictures import TaskPictures

EVIDENCE = "completion_evidence"
PRIORITIES = {"CRITICAL": "URGENT"}
STATUSES = {"PENDING": "TODO"}
_SHOWN_PRIORITIES = {kept: shown for shown, kept in PRIORITIES.items()}
_SHOWN_STATUSES = {kept: shown for shown, kept in STATUSES.items()}
COLUMNS = {
    "schedule": "shift",
    "sop": "procedure",
    "checklist": "safety_checklist",
    "due_time": "due_at",
    "completion_notes": "notes",
    "task_type": "kind",
}
"""What tasks call the fields of these pages."""

FIELDS = (
    "title",
    "schedule",
    "description",
    "sop",
    "checklist",
    "priority",
    "status",
    "due_time",
    "completion_notes",
    "assigned_to",
)
SAFETY_FIELDS = ("title", "description", "due_date", "priority", "status", "assigned_to", "task_type")
NULLABLE = ("description", "sop", "checklist", "due_time", "due_date", "completion_notes", "assigned_to")


class StaffTaskService:
    """Implements mizan.scheduling.v1.StaffTaskService."""

    def __init__(self, pictures: TaskPictures, clock: Clock) -> None:
        self._pictures = pictures
        self._clock = clock

    async def ListScheduleTasks(self, request: pb.ListScheduleTasksRequest, call: Call) -> pb.ListScheduleTasksResponse:
        reader, tenant = call.read(), call.principal.tenant
        chosen: dict[str, Any] = {**_chosen(request, call), "of_shifts": True}
        if request.HasField("schedule_id"):
            chosen["shift_id"] = UUID(request.schedule_id)
        if request.HasField("search"):
            chosen["search"] = request.search.strip() or None
        zone = await refdata.time_zone(reader, tenant)
        if request.HasField("start_date"):
            chosen["due_from"] = local_instant(date.fromisoformat(request.start_date), time(), zone)
        if request.HasField("end_date"):
            last = date.fromisoformat(request.end_date) + timedelta(days=1)
            chosen["due_to"] = local_instant(last, time(), zone)
        count, rows, _ = await queries.page_of_tasks(reader, tenant, page_of(request), **chosen)
        return pb.ListScheduleTasksResponse(count=count, results=await self._schedule_tasks(reader, tenant, rows))

    async def GetScheduleTask(self, request: pb.GetScheduleTaskRequest, call: Call) -> pb.ScheduleTask:
        row = await queries.one_task(call.read(), call.principal.tenant, UUID(request.id), _own(call))
        return (await self._schedule_tasks(call.read(), call.principal.tenant, [row]))[0]

    async def CreateScheduleTask(self, request: pb.CreateScheduleTaskRequest, call: Call) -> pb.ScheduleTask:
        session = await call.session()
        values = _values(values_of(request, without=(EVIDENCE,)))
        made = await commands.create(session, call.principal, values, self._clock.now())
        if request.HasField("completion_evidence"):
            await commands.replace_evidence(
                session, call.principal, made, await self._stored(call, request), self._clock.now()
            )
        return await self._read(call, session, made)

    async def UpdateScheduleTask(self, request: pb.UpdateScheduleTaskRequest, call: Call) -> pb.ScheduleTask:
        session = await call.session()
        changes = _values(changes_of(request, FIELDS, nullable=NULLABLE))
        await commands.change(session, call.principal, UUID(request.id), changes, self._clock.now())
        if request.HasField("completion_evidence") or EVIDENCE in request.update_mask.paths:
            photo = await self._stored(call, request) if request.HasField("completion_evidence") else None
            await commands.replace_evidence(session, call.principal, UUID(request.id), photo, self._clock.now())
        return await self._read(call, session, UUID(request.id))

    async def DeleteScheduleTask(self, request: pb.DeleteScheduleTaskRequest, call: Call) -> Empty:
        task = await commands.delete(await call.session(), call.principal, UUID(request.id))
        call.notes.old_values = {"title": task.title, "status": task.status}
        return Empty()

    async def CompleteScheduleTask(
        self, request: pb.CompleteScheduleTaskRequest, call: Call
    ) -> pb.CompleteScheduleTaskResponse:
        session = await call.session()
        task_id, now, photo = UUID(request.id), self._clock.now(), None
        if request.HasField("completion_evidence"):
            await commands.locked(session, call.principal, task_id)
            photo = await self._stored(call, request)
        notes, evidence = request.completion_notes or None, Note(photo=photo)
        await commands.set_status(session, call.principal, task_id, "COMPLETED", now, notes, evidence)
        row = await queries.one_task(SessionReader(session), call.principal.tenant, task_id)
        return pb.CompleteScheduleTaskResponse(
            message="Task marked as completed",
            task_id=request.id,
            completion_time=timestamp_of(row.completed_at),
        )

    async def ReassignScheduleTask(
        self, request: pb.ReassignScheduleTaskRequest, call: Call
    ) -> pb.ReassignScheduleTaskResponse:
        person = UUID(request.assigned_to)
        await commands.reassign(await call.session(), call.principal, UUID(request.id), person)
        return pb.ReassignScheduleTaskResponse(
            message="Task reassigned successfully", task_id=request.id, new_assignee=request.assigned_to
        )

    async def ListSafetyTasks(self, request: pb.ListSafetyTasksRequest, call: Call) -> pb.ListSafetyTasksResponse:
        chosen: dict[str, Any] = {**_chosen(request, call), "of_safety": True}
        if request.HasField("task_type"):
            chosen["kind"] = request.task_type
        if request.HasField("assigned_to"):
            chosen["assigned_to"] = UUID(request.assigned_to)
        count, rows, _ = await queries.page_of_tasks(call.read(), call.principal.tenant, page_of(request), **chosen)
        return pb.ListSafetyTasksResponse(count=count, results=[_safety_task(row) for row in rows])

    async def CreateSafetyTask(self, request: pb.CreateSafetyTaskRequest, call: Call) -> pb.SafetyTask:
        session = await call.session()
        values = {"task_type": "sop", **values_of(request)}
        made = await commands.create(session, call.principal, _values(values), self._clock.now())
        return await _read_safety(call, session, made)

    async def UpdateSafetyTask(self, request: pb.UpdateSafetyTaskRequest, call: Call) -> pb.SafetyTask:
        session = await call.session()
        changes = _values(changes_of(request, SAFETY_FIELDS, nullable=NULLABLE))
        await commands.change(session, call.principal, UUID(request.id), changes, self._clock.now())
        return await _read_safety(call, session, UUID(request.id))

    async def _read(self, call: Call, session: Any, task_id: UUID) -> pb.ScheduleTask:
        reading, tenant = SessionReader(session), call.principal.tenant
        call.notes.entity_id = str(task_id)
        return (await self._schedule_tasks(reading, tenant, [await queries.one_task(reading, tenant, task_id)]))[0]

    async def _schedule_tasks(self, reading: Reading, tenant: UUID, rows: list[Any]) -> list[pb.ScheduleTask]:
        procedures = await procedures_by_ids(reading, tenant, [row.procedure_id for row in rows if row.procedure_id])
        noted = await of_shift_tasks(reading, tenant, [row.id for row in rows])
        return [
            pb.ScheduleTask(
                id=str(row.id),
                sop_details=procedure_message(procedures[row.procedure_id]) if row.procedure_id in procedures else None,
                title=row.title,
                description=row.description,
                priority=_SHOWN_PRIORITIES.get(row.priority, row.priority),
                status=_SHOWN_STATUSES.get(row.status, row.status),
                due_time=timestamp_of(row.due_at),
                completion_time=timestamp_of(row.completed_at),
                completion_notes=row.notes,
                schedule=text_of(row.shift_id),
                sop=text_of(row.procedure_id),
                checklist=text_of(row.safety_checklist_id),
                completed_by=text_of(row.completed_by),
                assigned_to=_assignee(row),
                created_at=timestamp_of(row.created_at),
                updated_at=timestamp_of(row.updated_at),
                completion_evidence=self._pictures.evidence_link(noted.get(row.id, ())),
            )
            for row in rows
        ]

    async def _stored(self, call: Call, request: Any) -> Photo:
        return await self._pictures.stored(call.principal.tenant, request.completion_evidence, EVIDENCE)


def _own(call: Call) -> UUID | None:
    """The caller, when they may see no tasks but their own."""
    return None if call.principal.may(commands.PLAN) else call.principal.user_id


def _chosen(request: Any, call: Call) -> dict[str, Any]:
    """What narrows a list by its fields of fixed words, and the caller's own tasks for who may not plan."""
    chosen: dict[str, Any] = {"own": _own(call)}
    if request.HasField("status"):
        chosen["status"] = STATUSES.get(request.status, request.status)
    if "priority" in request.DESCRIPTOR.fields_by_name and request.HasField("priority"):
        chosen["priority"] = PRIORITIES.get(request.priority, request.priority)
    return chosen


def _values(sent: dict[str, Any]) -> dict[str, Any]:
    """What tasks call what was sent."""
    values = {COLUMNS.get(name, name): value for name, value in sent.items() if name != "id"}
    if values.get("priority"):
        values["priority"] = PRIORITIES.get(values["priority"], values["priority"])
    if values.get("status"):
        values["status"] = STATUSES.get(values["status"], values["status"])
    if values.get("due_date"):
        values["due_date"] = _day(values["due_date"])
    return values


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == len("2031-03-03") else datetime.fromisoformat(text).date()
    except ValueError as error:
        raise Invalid.field("due_date", "Use a day as YYYY-MM-DD.", code="invalid_date") from error


def _safety_task(row: Any) -> pb.SafetyTask:
    return pb.SafetyTask(
        id=str(row.id),
        title=row.title,
        description=row.description or "",
        due_date=row.due_date.isoformat() if row.due_date else None,
        priority=_SHOWN_PRIORITIES.get(row.priority, row.priority),
        status=_SHOWN_STATUSES.get(row.status, row.status),
        task_type=row.kind or "sop",
        assigned_to=text_of(row.assigned_to),
        assigned_to_details=_assignee(row),
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
    )


def _assignee(row: Any) -> Any:
    if row.assigned_to is None:
        return None
    return person_info(queries.Assignee(row.assigned_to, row.assignee_first, row.assignee_last, row.assignee_email))


async def _read_safety(call: Call, session: Any, task_id: UUID) -> pb.SafetyTask:
    call.notes.entity_id = str(task_id)
    return _safety_task(await queries.one_task(SessionReader(session), call.principal.tenant, task_id))
