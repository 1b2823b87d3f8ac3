"""Processes and their tasks."""

from typing import Any
from uuid import uuid4

import pytest

from mizan.scheduling.v1 import process_pb2 as processes
from servicekit.grpc_client import RemoteRefusal
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
    request = processes.CreateProcessTaskRequest(process=process.id, title="Lights", due_date="2026-11-23")
    made = await api.ProcessService.CreateProcessTask(request, principal=us.manager)
    change = processes.UpdateProcessTaskRequest(id=made.id, status="COMPLETED")
    change.update_mask.paths.append("status")
    done = await api.ProcessService.UpdateProcessTask(change, principal=us.manager)
    assert (done.status, done.progress, done.HasField("completed_at")) == ("COMPLETED", 100, True)
    listed = await api.ProcessService.ListProcessTasks(
        processes.ListProcessTasksRequest(due_date="2026-11-23", process=process.id), principal=us.principal(0)
    )
    assert [task.id for task in listed.results] == [made.id]
    await api.ProcessService.DeleteProcessTask(processes.DeleteProcessTaskRequest(id=made.id), principal=us.manager)
    get = processes.GetProcessTaskRequest(id=made.id)
    assert (await refusal(api.ProcessService.GetProcessTask(get, principal=us.manager))).code == "not_found"


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
