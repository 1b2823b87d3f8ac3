"""Processes and their tasks."""

from typing import Any
from uuid import uuid4

import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import process_pb2 as processes
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.team import team


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def test_a_process_keeps_its_tasks_and_replaces_them_whole(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    drafts = [processes.ProcessTaskDraft(title="Lights", assigned_to=str(us.people[0]), estimated_duration="5")]
    request = processes.CreateProcessRequest(name="Open terrace", is_active=False, tasks=drafts)
    made = await api.ProcessService.CreateProcess(request, principal=us.manager)
    assert (made.status, made.is_active, made.sop_steps) == ("DRAFT", False, "[]")
    assert [(task.title, task.assigned_to_name, task.estimated_duration) for task in made.tasks] == [
        ("Lights", "Person0 Idrissi", "00:05:00")
    ]
    change = processes.UpdateProcessRequest(
        id=made.id, status="ACTIVE", tasks=[processes.ProcessTaskDraft(title="Heaters")]
    )
    change.update_mask.paths.extend(["status", "tasks"])
    changed = await api.ProcessService.UpdateProcess(change, principal=us.manager)
    assert (changed.status, changed.name, [task.title for task in changed.tasks]) == (
        "ACTIVE",
        "Open terrace",
        ["Heaters"],
    )
    listed = await api.ProcessService.ListProcesses(
        processes.ListProcessesRequest(status="active"), principal=us.principal(0)
    )
    assert list(listed.results) == [changed]
    await api.ProcessService.DeleteProcess(processes.DeleteProcessRequest(id=made.id), principal=us.manager)
    tasks = await api.ProcessService.ListProcessTasks(processes.ListProcessTasksRequest(), principal=us.manager)
    assert tasks.count == 0


async def test_a_task_of_a_process_is_completed(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    process = await api.ProcessService.CreateProcess(processes.CreateProcessRequest(name="Open"), principal=us.manager)
    request = processes.CreateProcessTaskRequest(process=process.id, title="Lights", due_date="2031-11-24")
    made = await api.ProcessService.CreateProcessTask(request, principal=us.manager)
    change = processes.UpdateProcessTaskRequest(id=made.id, status="COMPLETED")
    change.update_mask.paths.append("status")
    done = await api.ProcessService.UpdateProcessTask(change, principal=us.manager)
    assert (done.status, done.progress, done.HasField("completed_at")) == ("COMPLETED", 100, True)
    listed = await api.ProcessService.ListProcessTasks(
        processes.ListProcessTasksRequest(due_date="2031-11-24", process=process.id), principal=us.principal(0)
    )
    assert [task.id for task in listed.results] == [made.id]
    await api.ProcessService.DeleteProcessTask(processes.DeleteProcessTaskRequest(id=made.id), principal=us.manager)
    get = processes.GetProcessTaskRequest(id=made.id)
    assert (await refusal(api.ProcessService.GetProcessTask(get, principal=us.manager))).code == "not_found"


async def test_a_task_of_a_process_has_parts_that_go_with_it(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling)
    service = api.ProcessService
    drafts = [processes.ProcessTaskDraft(title="Lights"), processes.ProcessTaskDraft(title="Heaters")]
    made = await service.CreateProcess(processes.CreateProcessRequest(name="Open", tasks=drafts), principal=us.manager)
    whole, other = made.tasks
    request = processes.CreateProcessTaskRequest(process=made.id, title="Bulbs", parent_task=whole.id)
    part = await service.CreateProcessTask(request, principal=us.manager)
    assert (part.parent_task, whole.HasField("parent_task")) == (whole.id, False)

    async def change(task_id: str, **fields: Any) -> Any:
        wanted = processes.UpdateProcessTaskRequest(id=task_id, **fields)
        wanted.update_mask.paths.append("parent_task")
        return await service.UpdateProcessTask(wanted, principal=us.manager)

    for task_id, parent_id in ((other.id, part.id), (whole.id, other.id), (other.id, other.id)):
        assert list((await refusal(change(task_id, parent_task=parent_id))).fields) == ["parent_task"]
    elsewhere = await service.CreateProcess(
        processes.CreateProcessRequest(name="Close", tasks=drafts), principal=us.manager
    )
    assert (await refusal(change(other.id, parent_task=elsewhere.tasks[0].id))).code == "not_found"
    assert not (await change(part.id)).HasField("parent_task")
    await change(part.id, parent_task=whole.id)

    await service.DeleteProcessTask(processes.DeleteProcessTaskRequest(id=whole.id), principal=us.manager)
    left = await service.GetProcess(processes.GetProcessRequest(id=made.id), principal=us.manager)
    assert [task.id for task in left.tasks] == [other.id]
    gone = await bus.first(facts.ProcessTaskDeleted, us.restaurant_id)
    assert gone.message.task.id in (whole.id, part.id)


async def test_others_and_staff_are_refused(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    process = await api.ProcessService.CreateProcess(processes.CreateProcessRequest(name="Open"), principal=us.manager)
    get = processes.GetProcessRequest(id=process.id)
    assert (await refusal(api.ProcessService.GetProcess(get, principal=manager(uuid4())))).code == "not_found"
    task = processes.CreateProcessTaskRequest(process=process.id, title="x")
    assert (await refusal(api.ProcessService.CreateProcessTask(task, principal=manager(uuid4())))).code == "not_found"
    assert (
        await refusal(api.ProcessService.CreateProcessTask(task, principal=us.principal(0)))
    ).code == "permission_denied"


async def test_every_state_of_a_process_and_its_tasks_is_published(
    api: Api, bus: Bus, scheduling: RunningService
) -> None:
    us = team(scheduling)
    service = api.ProcessService
    drafts = [processes.ProcessTaskDraft(title="Lights", assigned_to=str(us.people[0]), due_date="2031-11-24")]
    request = processes.CreateProcessRequest(name="Open terrace", is_critical=True, tasks=drafts)
    made = await service.CreateProcess(request, principal=us.manager)
    (lights,) = made.tasks
    about = facts.ProcessFacts(
        id=made.id,
        restaurant_id=str(us.restaurant_id),
        name="Open terrace",
        status="DRAFT",
        priority="MEDIUM",
        is_active=True,
        is_critical=True,
        version=1,
    )
    (created,) = await bus.of_aggregate(facts.ProcessCreated, made.id, 1)
    assert created.message.process == about
    (added,) = await bus.of_aggregate(facts.ProcessTaskCreated, lights.id, 1)
    assert added.message.task == facts.ProcessTaskFacts(
        id=lights.id,
        restaurant_id=str(us.restaurant_id),
        process_id=made.id,
        title="Lights",
        status="TODO",
        priority="MEDIUM",
        assigned_to=str(us.people[0]),
        due_date="2031-11-24",
        version=1,
    )

    done = processes.UpdateProcessTaskRequest(id=lights.id, status="COMPLETED")
    done.update_mask.paths.append("status")
    await service.UpdateProcessTask(done, principal=us.manager)
    (completed,) = await bus.of_aggregate(facts.ProcessTaskUpdated, lights.id, 1)
    task = completed.message.task
    assert (task.status, task.progress, task.HasField("completed_at"), task.version) == ("COMPLETED", 100, True, 2)

    change = processes.UpdateProcessRequest(
        id=made.id, status="ACTIVE", tasks=[processes.ProcessTaskDraft(title="Heaters")]
    )
    change.update_mask.paths.extend(["status", "tasks"])
    (heaters,) = (await service.UpdateProcess(change, principal=us.manager)).tasks
    (changed,) = await bus.of_aggregate(facts.ProcessUpdated, made.id, 1)
    assert (changed.message.process.status, changed.message.process.version) == ("ACTIVE", 2)
    (replaced,) = await bus.of_aggregate(facts.ProcessTaskDeleted, lights.id, 1)
    assert replaced.message.task.version == 3

    await service.DeleteProcessTask(processes.DeleteProcessTaskRequest(id=heaters.id), principal=us.manager)
    (removed,) = await bus.of_aggregate(facts.ProcessTaskDeleted, heaters.id, 1)
    assert (removed.message.task.title, removed.message.task.version) == ("Heaters", 2)
    await service.DeleteProcess(processes.DeleteProcessRequest(id=made.id), principal=us.manager)
    (gone,) = await bus.of_aggregate(facts.ProcessDeleted, made.id, 1)
    assert (gone.message.process.id, gone.message.process.version) == (made.id, 3)


async def test_a_task_of_a_process_is_begun_and_ended_once_and_a_process_put_away(
    api: Api, scheduling: RunningService, bus: Bus
) -> None:
    us = team(scheduling)
    service = api.ProcessService
    drafts = [processes.ProcessTaskDraft(title="Lights")]
    made = await service.CreateProcess(processes.CreateProcessRequest(name="Open", tasks=drafts), principal=us.manager)
    (task,) = made.tasks
    start = processes.StartProcessTaskRequest(id=task.id)
    started = await service.StartProcessTask(start, principal=us.manager)
    again = await service.StartProcessTask(start, principal=us.manager)
    assert (started.status, started.HasField("started_at"), again) == ("IN_PROGRESS", True, started)
    assert (await refusal(service.StartProcessTask(start, principal=us.principal(0)))).code == "permission_denied"
    finish = processes.CompleteProcessTaskRequest(id=task.id, notes="All bright")
    assert (await refusal(service.CompleteProcessTask(finish, principal=manager(uuid4())))).code == "not_found"
    done = await service.CompleteProcessTask(finish, principal=us.manager)
    assert (done.status, done.progress, done.completion_notes) == ("COMPLETED", 100, "All bright")
    assert (await refusal(service.StartProcessTask(start, principal=us.manager))).code == "task_over"
    archive = processes.ArchiveProcessRequest(id=made.id)
    archived = [await service.ArchiveProcess(archive, principal=us.manager) for _ in range(2)]
    assert [(one.status, one.is_active) for one in archived] == [("ARCHIVED", False)] * 2
    updated = await bus.of_aggregate(facts.ProcessUpdated, made.id, 1)
    assert [event.message.process.status for event in updated] == ["ARCHIVED"]
