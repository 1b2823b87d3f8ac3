"""How tasks go on, and what shows that they are done."""

from typing import Any, cast
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from mizan.options.v1 import files_pb2
from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import shift_task_pb2 as shift_tasks
from mizan.scheduling.v1 import staff_task_pb2 as staff_tasks
from mizan.scheduling.v1 import task_evidence_pb2 as evidence
from mizan.scheduling.v1 import task_pb2 as tasks
from mizan.scheduling.v1 import task_template_pb2 as templates
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS
from servicekit.jobs import Job
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.filing import Filing
from services.scheduling.jobs import SWEEP, Housekeeping
from services.scheduling.models import TaskCheckpoint
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.service.test_checklists import PHOTO_URL, PIXEL
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.team import Team, team

PICTURE = files_pb2.Upload(filename="floor.png", content=PIXEL)
NO_PICTURE = files_pb2.Upload(filename="floor.png", content=b"#!/bin/sh\necho floor\n")


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def task(api: Api, us: Team, **fields: Any) -> tasks.Task:
    request = tasks.CreateTaskRequest(title="Clean the hood", assigned_to=[str(us.people[0])], **fields)
    made: tasks.Task = await api.TaskService.CreateTask(request, principal=us.manager)
    return made


async def shift_task(api: Api, us: Team) -> shift_tasks.ShiftTask:
    request = shift_tasks.CreateShiftTaskRequest(title="Lay tables", assigned_to=str(us.people[0]))
    made: shift_tasks.ShiftTask = await api.ShiftTaskService.CreateShiftTask(request, principal=us.manager)
    return made


def download(link: str) -> evidence.DownloadCheckpointPhotoRequest:
    parts = urlsplit(link)
    query = parse_qs(parts.query)
    return evidence.DownloadCheckpointPhotoRequest(
        id=parts.path.split("/")[-3], expires=int(query["expires"][0]), signature=query["signature"][0]
    )


async def test_checkpoints_are_kept_with_their_pictures(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling)
    made = await task(api, us)
    note = evidence.AddTaskCheckpointRequest(
        id=made.id, description="Filters out", checkpoint_photo=PHOTO_URL, progress_percentage=30
    )
    answer = await api.TaskEvidenceService.AddTaskCheckpoint(note, principal=us.principal(0))
    form = evidence.UploadTaskCheckpointRequest(id=made.id, description="Filters in", location="Line", photo=PICTURE)
    shown = await api.TaskEvidenceService.UploadTaskCheckpoint(form, principal=us.manager)
    assert (answer.task.status, answer.task.progress, answer.message) == (
        "IN_PROGRESS",
        30,
        "Checkpoint added successfully",
    )
    first, second = shown.checkpoints
    assert (first.description, first.user_name, first.progress_percentage) == ("Filters out", "Person0 Idrissi", 30)
    assert (second.description, second.location, second.HasField("progress_percentage")) == (
        "Filters in",
        "Line",
        False,
    )
    assert not shown.HasField("completion_evidence")
    fetched = await api.TaskEvidenceService.DownloadCheckpointPhoto(download(first.photo), principal=ANONYMOUS)
    assert (fetched.content_type, fetched.data) == ("image/png", PIXEL)
    updated = await bus.of_aggregate(facts.TaskUpdated, made.id, 2)
    assert [event.message.task.status for event in updated] == ["IN_PROGRESS", "IN_PROGRESS"]


async def test_a_picture_is_for_who_may_see_its_task(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    for made, add, request in (
        (await task(api, us), api.TaskEvidenceService.UploadTaskCheckpoint, evidence.UploadTaskCheckpointRequest),
        (
            await shift_task(api, us),
            api.TaskEvidenceService.AddShiftTaskCheckpoint,
            evidence.AddShiftTaskCheckpointRequest,
        ),
    ):
        note = request(id=made.id, description="Half done", photo=PICTURE)
        assert (await refusal(add(note, principal=us.principal(1)))).code == "not_found"
        assert (await refusal(add(note, principal=manager(uuid4())))).code == "not_found"
        (checkpoint,) = (await add(note, principal=us.principal(0))).checkpoints
        plain = evidence.DownloadCheckpointPhotoRequest(id=checkpoint.id)
        fetch = api.TaskEvidenceService.DownloadCheckpointPhoto
        assert (await fetch(plain, principal=us.principal(0))).data == PIXEL
        assert (await fetch(plain, principal=us.manager)).data == PIXEL
        for stranger in (us.principal(1), manager(uuid4())):
            assert (await refusal(fetch(plain, principal=stranger))).code == "not_found"
        assert (await refusal(fetch(plain, principal=ANONYMOUS))).code == "not_authenticated"
        forged = evidence.DownloadCheckpointPhotoRequest(id=checkpoint.id, expires=4_000_000_000, signature="AAAA")
        assert (await refusal(fetch(forged, principal=ANONYMOUS))).code == "link_expired"


async def test_what_is_no_picture_is_refused_and_changes_nothing(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await task(api, us)
    service, doer = api.TaskEvidenceService, us.principal(0)
    form = evidence.UploadTaskCheckpointRequest(id=made.id, description="x", photo=NO_PICTURE)
    assert list((await refusal(service.UploadTaskCheckpoint(form, principal=doer))).fields) == ["photo"]
    url = evidence.AddTaskCheckpointRequest(id=made.id, description="x", checkpoint_photo="data:image/png,plain")
    assert list((await refusal(service.AddTaskCheckpoint(url, principal=doer))).fields) == ["checkpoint_photo"]
    done = tasks.CompleteTaskRequest(id=made.id, completion_photo=NO_PICTURE)
    assert list((await refusal(api.TaskService.CompleteTask(done, principal=doer))).fields) == ["completion_photo"]
    after = await api.TaskService.GetTask(tasks.GetTaskRequest(id=made.id), principal=doer)
    assert (after.status, len(after.checkpoints)) == ("TODO", 0)


async def test_a_task_is_completed_with_the_evidence_that_its_template_asks_for(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling)
    made = {}
    for wanted in ("PHOTO", "TEMPERATURE_LOG", "SUPERVISOR_APPROVAL"):
        request = templates.CreateTaskTemplateRequest(
            name=wanted,
            template_type="SOP",
            tasks='[{"title": "Check"}]',
            verification_type=wanted,
            verification_required=True,
        )
        template = await api.TaskTemplateService.CreateTaskTemplate(request, principal=us.manager)
        made[wanted] = await task(api, us, template=template.id)
    assert (made["PHOTO"].verification_type, made["PHOTO"].verification_required) == ("PHOTO", True)
    verify, doer = api.TaskEvidenceService.CompleteTaskWithVerification, us.principal(0)
    with_notes = {
        wanted: evidence.CompleteTaskWithVerificationRequest(id=one.id, notes="3 degrees")
        for wanted, one in made.items()
    }
    refused = await refusal(verify(with_notes["PHOTO"], principal=doer))
    assert (refused.code, list(refused.fields)) == ("missing_photo", ["completion_photo"])
    assert (await refusal(verify(with_notes["SUPERVISOR_APPROVAL"], principal=doer))).code == "permission_denied"
    nothing = evidence.CompleteTaskWithVerificationRequest(id=made["TEMPERATURE_LOG"].id, notes="  ")
    assert (await refusal(verify(nothing, principal=doer))).code == "missing_notes"
    with_notes["PHOTO"].completion_photo = PHOTO_URL
    with_notes["PHOTO"].location = "Kitchen"
    done = (await verify(with_notes["PHOTO"], principal=doer)).task
    assert (done.status, done.completion_notes, done.completion_location) == ("COMPLETED", "3 degrees", "Kitchen")
    assert done.completion_evidence == done.completion_photo
    fetched = await api.TaskEvidenceService.DownloadCheckpointPhoto(
        download(done.completion_evidence), principal=ANONYMOUS
    )
    assert fetched.data == PIXEL
    assert (await verify(with_notes["TEMPERATURE_LOG"], principal=doer)).task.status == "COMPLETED"
    assert (await verify(with_notes["SUPERVISOR_APPROVAL"], principal=us.manager)).task.status == "COMPLETED"
    over = evidence.AddTaskCheckpointRequest(id=done.id, description="Late")
    assert (await refusal(api.TaskEvidenceService.AddTaskCheckpoint(over, principal=doer))).code == "task_over"


async def test_progress_moves_a_task_and_its_timeline_says_who(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await task(api, us)
    service, doer = api.TaskEvidenceService, us.principal(0)
    statuses = []
    for progress in (40, 0, 60):
        report = tasks.UpdateTaskProgressRequest(id=made.id, progress=progress, notes="Slow")
        answer = await service.ReportTaskProgress(report, principal=doer)
        statuses.append((answer.task.status, answer.task.progress))
    assert statuses == [("IN_PROGRESS", 40), ("TODO", 0), ("IN_PROGRESS", 60)]
    await service.AddTaskCheckpoint(evidence.AddTaskCheckpointRequest(id=made.id, description="Rinsed"), principal=doer)
    finish = tasks.CompleteTaskRequest(id=made.id, completion_notes="Shines", completion_photo=PICTURE)
    finished = await api.TaskService.CompleteTask(finish, principal=us.principal(0))
    timeline = evidence.GetTaskTimelineRequest(id=made.id)
    told = await service.GetTaskTimeline(timeline, principal=doer)
    assert [(moment.event, moment.user) for moment in told.timeline] == [
        ("created", ""),
        ("started", "Person0 Idrissi"),
        ("checkpoint", "Person0 Idrissi"),
        ("completed", "Person0 Idrissi"),
    ]
    assert (told.timeline[-1].notes, told.timeline[-1].photo) == ("Shines", finished.completion_photo)
    assert (await refusal(service.GetTaskTimeline(timeline, principal=us.principal(1)))).code == "not_found"


async def test_a_shifts_task_keeps_how_far_it_is(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await shift_task(api, us)
    service, doer = api.TaskEvidenceService, us.principal(0)
    report = evidence.UpdateShiftTaskProgressRequest(id=made.id, progress_percentage=70, progress_notes="Terrace left")
    shown = await service.UpdateShiftTaskProgress(report, principal=doer)
    assert (shown.status, shown.progress_percentage, shown.notes) == ("IN_PROGRESS", 70, "Terrace left")
    assert (await refusal(service.UpdateShiftTaskProgress(report, principal=us.principal(1)))).code == "not_found"
    done = shift_tasks.CompleteShiftTaskRequest(id=made.id, completion_photo=PICTURE, completion_location="Terrace")
    finished = await api.ShiftTaskService.CompleteShiftTask(done, principal=doer)
    assert (finished.status, finished.progress_percentage, finished.completion_location) == (
        "COMPLETED",
        100,
        "Terrace",
    )
    assert (
        await service.DownloadCheckpointPhoto(download(finished.completion_photo), principal=ANONYMOUS)
    ).data == PIXEL
    assert (await refusal(service.UpdateShiftTaskProgress(report, principal=doer))).code == "task_over"


async def test_the_safety_pages_exchange_the_evidence_of_a_task(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0)
    create = staff_tasks.CreateScheduleTaskRequest(
        title="Fire exits", schedule=shift.id, assigned_to=str(us.people[0]), completion_evidence=PICTURE
    )
    service = api.StaffTaskService
    made = await service.CreateScheduleTask(create, principal=us.manager)
    change = staff_tasks.UpdateScheduleTaskRequest(id=made.id, completion_evidence=PICTURE)
    change.update_mask.paths.append("completion_evidence")
    assert (await refusal(service.UpdateScheduleTask(change, principal=us.principal(1)))).code == "not_found"
    changed = await service.UpdateScheduleTask(change, principal=us.principal(0))
    assert changed.completion_evidence not in ("", made.completion_evidence)
    fetch = api.TaskEvidenceService.DownloadCheckpointPhoto
    assert (await refusal(fetch(download(made.completion_evidence), principal=ANONYMOUS))).code == "link_expired"
    assert (await fetch(download(changed.completion_evidence), principal=ANONYMOUS)).data == PIXEL
    change.ClearField("completion_evidence")
    emptied = await service.UpdateScheduleTask(change, principal=us.principal(0))
    assert not emptied.HasField("completion_evidence")
    finish = staff_tasks.CompleteScheduleTaskRequest(id=made.id, completion_evidence=PICTURE)
    await service.CompleteScheduleTask(finish, principal=us.principal(0))
    listed = await service.ListScheduleTasks(staff_tasks.ListScheduleTasksRequest(), principal=us.manager)
    (done,) = listed.results
    assert (done.status, bool(done.completion_evidence)) == ("COMPLETED", True)


async def test_pictures_go_with_their_tasks(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await task(api, us)
    note = evidence.UploadTaskCheckpointRequest(id=made.id, description="Before", photo=PICTURE)
    (checkpoint,) = (await api.TaskEvidenceService.UploadTaskCheckpoint(note, principal=us.manager)).checkpoints
    await api.TaskService.DeleteTask(tasks.DeleteTaskRequest(id=made.id), principal=us.manager)
    fetch = api.TaskEvidenceService.DownloadCheckpointPhoto
    assert (await refusal(fetch(download(checkpoint.photo), principal=ANONYMOUS))).code == "link_expired"

    async def kept() -> str | None:
        async with scheduling.database.write(SYSTEM) as session:
            key: str | None = await session.scalar(
                sa.select(TaskCheckpoint.file_key).where(TaskCheckpoint.id == UUID(checkpoint.id))
            )
            return key

    removed: list[str] = []

    class Shelf:
        async def remove(self, key: str) -> None:
            removed.append(key)

    async def tidy(key: str) -> None:
        housekeeping = Housekeeping(scheduling.database, cast(Filing, Shelf()))
        job = Job(id=1, task=SWEEP.name, attempt=1, last_attempt=False)
        await housekeeping.sweep(job)
        await housekeeping.reclaim(job, restaurant_id=str(us.restaurant_id), key=key)

    key = scheduling.run(kept())
    assert key is not None
    scheduling.run(tidy(key))
    assert scheduling.run(kept()) is None
    assert removed == [key]
