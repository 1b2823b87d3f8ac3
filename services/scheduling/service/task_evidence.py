"""How tasks go on, and what shows that they are done."""

from typing import Any
from uuid import UUID

from google.api import httpbody_pb2

from mizan.scheduling.v1 import shift_task_pb2, task_evidence_pb2, task_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SYSTEM
from servicekit.errors import NotFound, Unauthenticated
from services.scheduling.commands import shift_tasks, tasks
from services.scheduling.commands.task_checkpoints import Note
from services.scheduling.models.task_checkpoint import CHECKPOINT
from services.scheduling.queries import shift_tasks as shift_task_queries
from services.scheduling.queries import task_checkpoints as queries
from services.scheduling.queries import tasks as task_queries
from services.scheduling.service.convert import full_name
from services.scheduling.service.shift_tasks import read_task as read_shift_task
from services.scheduling.service.task_pictures import TaskPictures
from services.scheduling.service.tasks import read_task

NO_PICTURE = "There is no picture."


class TaskEvidenceService:
    """Implements mizan.scheduling.v1.TaskEvidenceService."""

    def __init__(self, pictures: TaskPictures, clock: Clock) -> None:
        self._pictures = pictures
        self._clock = clock

    async def ReportTaskProgress(
        self, request: task_pb2.UpdateTaskProgressRequest, call: Call
    ) -> task_evidence_pb2.TaskDone:
        session, task_id, now = await call.session(), UUID(request.id), self._clock.now()
        await tasks.note_progress(
            session, call.principal, task_id, request.progress, now, request.notes, request.completion_location
        )
        task = await read_task(self._pictures, call, session, task_id)
        return task_evidence_pb2.TaskDone(task=task, message="Progress updated successfully")

    async def AddTaskCheckpoint(
        self, request: task_evidence_pb2.AddTaskCheckpointRequest, call: Call
    ) -> task_evidence_pb2.TaskDone:
        session, task_id = await call.session(), UUID(request.id)
        task = await tasks.locked(session, call.principal, task_id)
        photo = await self._pictures.sent(task.restaurant_id, request, "checkpoint_photo")
        await tasks.add_checkpoint(session, call.principal, task_id, _note(request, photo), self._clock.now())
        message = await read_task(self._pictures, call, session, task_id)
        return task_evidence_pb2.TaskDone(task=message, message="Checkpoint added successfully")

    async def UploadTaskCheckpoint(
        self, request: task_evidence_pb2.UploadTaskCheckpointRequest, call: Call
    ) -> task_pb2.Task:
        session, task_id = await call.session(), UUID(request.id)
        task = await tasks.locked(session, call.principal, task_id)
        photo = await self._pictures.sent(task.restaurant_id, request, "photo")
        await tasks.add_checkpoint(session, call.principal, task_id, _note(request, photo), self._clock.now())
        return await read_task(self._pictures, call, session, task_id)

    async def CompleteTaskWithVerification(
        self, request: task_evidence_pb2.CompleteTaskWithVerificationRequest, call: Call
    ) -> task_evidence_pb2.TaskDone:
        session, task_id = await call.session(), UUID(request.id)
        task = await tasks.locked(session, call.principal, task_id)
        photo = await self._pictures.sent(task.restaurant_id, request, "completion_photo")
        evidence = Note(location=request.location, photo=photo)
        await tasks.verify(session, call.principal, task_id, self._clock.now(), request.notes.strip(), evidence)
        message = await read_task(self._pictures, call, session, task_id)
        return task_evidence_pb2.TaskDone(task=message, message="Task completed successfully with verification")

    async def GetTaskTimeline(
        self, request: task_evidence_pb2.GetTaskTimelineRequest, call: Call
    ) -> task_evidence_pb2.TaskTimeline:
        reader, tenant = call.read(), call.principal.tenant
        row, _ = await task_queries.one_task(reader, tenant, UUID(request.id))
        tasks.ensure_visible(call.principal, row.assigned_to)
        noted = (await queries.of_tasks(reader, tenant, [row.id])).get(row.id, ())
        actors = {person for person in (row.created_by, row.started_by, row.completed_by) if person}
        people = await task_queries.people_by_ids(reader, tenant, actors)
        moments = [_moment("created", row.created_at, people.get(row.created_by), f"Task created: {row.title}")]
        if row.started_at is not None:
            moments.append(_moment("started", row.started_at, people.get(row.started_by), "Task started"))
        moments.extend(
            task_evidence_pb2.TaskMoment(
                event="checkpoint",
                timestamp=timestamp_of(checkpoint.created_at),
                user=checkpoint.noted_by_name or None,
                description=checkpoint.description or "",
                photo=self._pictures.link(checkpoint),
            )
            for checkpoint in noted
            if checkpoint.kind == CHECKPOINT
        )
        if row.completed_at is not None:
            done = _moment("completed", row.completed_at, people.get(row.completed_by), "Task completed")
            if row.completion_notes:
                done.notes = row.completion_notes
            link = self._pictures.evidence_link(noted)
            if link is not None:
                done.photo = link
            moments.append(done)
        moments.sort(key=lambda moment: moment.timestamp.ToNanoseconds())
        return task_evidence_pb2.TaskTimeline(task_id=request.id, timeline=moments)

    async def UpdateShiftTaskProgress(
        self, request: task_evidence_pb2.UpdateShiftTaskProgressRequest, call: Call
    ) -> shift_task_pb2.ShiftTask:
        session, task_id, now = await call.session(), UUID(request.id), self._clock.now()
        await shift_tasks.note_progress(
            session,
            call.principal,
            task_id,
            request.progress_percentage,
            now,
            request.progress_notes,
            request.completion_location,
        )
        return await read_shift_task(self._pictures, call, session, task_id)

    async def AddShiftTaskCheckpoint(
        self, request: task_evidence_pb2.AddShiftTaskCheckpointRequest, call: Call
    ) -> shift_task_pb2.ShiftTask:
        session, task_id = await call.session(), UUID(request.id)
        task = await shift_tasks.locked(session, call.principal, task_id)
        photo = await self._pictures.sent(task.restaurant_id, request, "photo")
        await shift_tasks.add_checkpoint(session, call.principal, task_id, _note(request, photo), self._clock.now())
        return await read_shift_task(self._pictures, call, session, task_id)

    async def DownloadCheckpointPhoto(
        self, request: task_evidence_pb2.DownloadCheckpointPhotoRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        checkpoint_id = UUID(request.id)
        if request.HasField("signature"):
            row = await queries.one_checkpoint(call.read(SYSTEM), checkpoint_id)
            self._pictures.checked(row, checkpoint_id, request.expires, request.signature)
        else:
            if call.principal.kind != "USER":
                raise Unauthenticated("Authentication credentials were not provided.")
            row = await queries.one_checkpoint(call.read(), checkpoint_id)
            if row is None:
                raise NotFound(NO_PICTURE)
            await _ensure_visible(call, row)
        if row is None or row.file_key is None:
            raise NotFound(NO_PICTURE)
        return await self._pictures.body(row)


async def _ensure_visible(call: Call, row: Any) -> None:
    """Raises NotFound for a note on a task of others, unless the caller plans."""
    if call.principal.may(shift_tasks.PLAN):
        return
    if row.shift_task is not None:
        await shift_task_queries.one_task(call.read(), call.principal.tenant, row.shift_task, call.principal.user_id)
    else:
        tasks.ensure_visible(call.principal, row.task_people or ())


def _note(request: Any, photo: Any) -> Note:
    progress = request.progress_percentage if request.HasField("progress_percentage") else None
    return Note(request.description.strip(), request.location, progress, photo)


def _moment(event: str, when: Any, person: Any | None, description: str) -> task_evidence_pb2.TaskMoment:
    return task_evidence_pb2.TaskMoment(
        event=event,
        timestamp=timestamp_of(when),
        user=full_name(person) if person is not None else None,
        description=description,
    )
