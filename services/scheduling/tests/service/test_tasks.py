"""Tasks of shifts, tasks that stand alone, and the templates of both."""

from typing import Any

import orjson
import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import shift_task_pb2 as shift_tasks
from mizan.scheduling.v1 import task_pb2 as tasks
from mizan.scheduling.v1 import task_template_pb2 as templates
from mizan.scheduling.v1 import week_pb2 as weeks
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.team import Team, team


async def template(api: Api, us: Team, **fields: Any) -> Any:
    items = [{"title": "Sweep", "priority": "high", "estimated_duration": 15}, {"name": "Mop"}]
    request = templates.CreateTaskTemplateRequest(
        **{"name": "Closing", "template_type": "CLOSING", "tasks": orjson.dumps(items).decode(), **fields}
    )
    return await api.TaskTemplateService.CreateTaskTemplate(request, principal=us.manager)


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def test_a_template_keeps_what_it_is_given(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await template(
        api, us, frequency="yearly", estimated_duration="90", i18n='{"en": {"name": "Close"}}', sop_steps='["a"]'
    )
    assert (made.frequency, made.estimated_duration, made.localized_name) == ("ANNUALLY", "01:30:00", "Close")
    assert (made.description, orjson.loads(made.sop_steps), made.verification_type) == ("", ["a"], "NONE")
    copied = await api.TaskTemplateService.DuplicateTaskTemplate(
        templates.DuplicateTaskTemplateRequest(id=made.id), principal=us.manager
    )
    assert (copied.name, copied.tasks, copied.sop_steps) == ("Copy of Closing", made.tasks, made.sop_steps)
    request = templates.UpdateTaskTemplateRequest(id=made.id, name="Late closing")
    request.update_mask.paths.append("name")
    changed = await api.TaskTemplateService.UpdateTaskTemplate(request, principal=us.manager)
    assert (changed.name, changed.tasks) == ("Late closing", made.tasks)
    listed = await api.TaskTemplateService.ListTaskTemplates(
        templates.ListTaskTemplatesRequest(), principal=us.principal(0)
    )
    assert [found.name for found in listed.results] == ["Copy of Closing", "Late closing"]
    await api.TaskTemplateService.DeleteTaskTemplate(
        templates.DeleteTaskTemplateRequest(id=made.id), principal=us.manager
    )
    request_one = templates.GetTaskTemplateRequest(id=made.id)
    assert (
        await refusal(api.TaskTemplateService.GetTaskTemplate(request_one, principal=us.manager))
    ).code == "not_found"


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"frequency": "hourly"}, "frequency"), ({"tasks": "{}"}, "tasks"), ({"tasks": "[{}]"}, "tasks")],
)
async def test_what_is_no_template_is_refused(
    api: Api, scheduling: RunningService, fields: dict[str, Any], field: str
) -> None:
    assert list((await refusal(template(api, team(scheduling), **fields))).fields) == [field]


async def test_tasks_are_generated_from_a_template(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling), team(scheduling)
    made = await template(api, us)
    request = tasks.GenerateTasksRequest(id=made.id, assigned_to=[str(us.people[0])], due_date="2031-12-01")
    answer = await api.TaskService.GenerateTasks(request, principal=us.manager)
    assert answer.tasks_created == 2
    assert {(task.title, task.priority, task.estimated_duration) for task in answer.tasks} == {
        ("Sweep", "HIGH", "00:15:00"),
        ("Mop", "MEDIUM", ""),
    }
    assert {(task.template_details.id, task.template_details.name) for task in answer.tasks} == {(made.id, "Closing")}
    mine = await api.TaskService.ListTasks(tasks.ListTasksRequest(), principal=us.principal(0))
    assert (mine.count, mine.results[0].assigned_to_names) == (2, ["Person0 Idrissi"])
    assert (await api.TaskService.ListTasks(tasks.ListTasksRequest(), principal=us.principal(1))).count == 0
    assert (await refusal(api.TaskService.GenerateTasks(request, principal=them.manager))).code == "not_found"


async def test_a_task_is_started_and_completed_once_by_whom_it_concerns(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    request = tasks.CreateTaskRequest(title="Order flour", assigned_to=[str(us.people[0])], category="Kitchen")
    made = await api.TaskService.CreateTask(request, principal=us.manager)
    assert (made.status, made.category_details.name) == ("TODO", "Kitchen")
    (named,) = made.assigned_to_details
    assert (named.id, named.role, named.phone) == (str(us.people[0]), "WAITER", "+212612345600")
    doer, other = us.principal(0), us.principal(1)
    started = await api.TaskService.StartTask(tasks.StartTaskRequest(id=made.id), principal=doer)
    again = await api.TaskService.StartTask(tasks.StartTaskRequest(id=made.id), principal=doer)
    assert (started.status, again.started_at) == ("IN_PROGRESS", started.started_at)
    done = tasks.CompleteTaskRequest(id=made.id, completion_notes="25 kg")
    assert (await refusal(api.TaskService.CompleteTask(done, principal=other))).code == "not_found"
    completed = await api.TaskService.CompleteTask(done, principal=doer)
    assert (completed.status, completed.progress, completed.completed_by) == ("COMPLETED", 100, str(us.people[0]))
    assert (
        await refusal(api.TaskService.StartTask(tasks.StartTaskRequest(id=made.id), principal=doer))
    ).code == "task_over"


async def test_staff_change_the_state_of_their_tasks_and_nothing_else(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0)
    request = shift_tasks.CreateShiftTaskRequest(shift=shift.id, title="Lay tables", assigned_to=str(us.people[0]))
    made = await api.ShiftTaskService.CreateShiftTask(request, principal=us.manager)
    change = shift_tasks.UpdateShiftTaskRequest(id=made.id, status="IN_PROGRESS")
    change.update_mask.paths.append("status")
    changed = await api.ShiftTaskService.UpdateShiftTask(change, principal=us.principal(0))
    assert (changed.status, changed.progress_percentage) == ("IN_PROGRESS", 50)
    change.status = "PENDING"
    waiting = await api.ShiftTaskService.UpdateShiftTask(change, principal=us.principal(0))
    listing = shift_tasks.ListShiftTasksRequest(status="pending")
    assert (waiting.status, waiting.HasField("template")) == ("TODO", False)
    assert (await api.ShiftTaskService.ListShiftTasks(listing, principal=us.manager)).count == 1
    rename = shift_tasks.UpdateShiftTaskRequest(id=made.id, title="Rest")
    rename.update_mask.paths.append("title")
    refused = await refusal(api.ShiftTaskService.UpdateShiftTask(rename, principal=us.principal(0)))
    assert refused.code == "permission_denied"
    finished = await api.ShiftTaskService.CompleteShiftTask(
        shift_tasks.CompleteShiftTaskRequest(id=made.id, notes="Done"), principal=us.principal(0)
    )
    assert (finished.status, finished.notes) == ("COMPLETED", "Done")
    statistics = await api.ShiftTaskService.GetTaskStatistics(
        shift_tasks.GetTaskStatisticsRequest(), principal=us.manager
    )
    assert (statistics.total_tasks, statistics.completed_today) == (1, 1)
    assert orjson.loads(statistics.by_status) == {"COMPLETED": 1}


async def test_the_planning_page_counts_people_shifts_and_tasks(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    for status in ("TODO", "IN_PROGRESS", "COMPLETED", "CANCELLED"):
        request = shift_tasks.CreateShiftTaskRequest(title=status, status=status)
        await api.ShiftTaskService.CreateShiftTask(request, principal=us.manager)
        alone = tasks.CreateTaskRequest(title=status, status=status)
        await api.TaskService.CreateTask(alone, principal=us.manager)
    stats = await api.WeekService.GetSchedulingStats(weeks.GetSchedulingStatsRequest(), principal=us.manager)
    assert (stats.total_staff, stats.open_tasks, stats.completed_tasks) == (3, 4, 2)


async def test_urgent_tasks_stand_first_and_subtasks_under_theirs(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = {}
    for priority in ("LOW", "URGENT", "HIGH"):
        request = shift_tasks.CreateShiftTaskRequest(title=priority.title(), priority=priority)
        made[priority] = await api.ShiftTaskService.CreateShiftTask(request, principal=us.manager)
    under = shift_tasks.CreateShiftTaskRequest(title="Part", parent_task=made["HIGH"].id)
    part = await api.ShiftTaskService.CreateShiftTask(under, principal=us.manager)
    with scheduling.statements() as ran:
        listed = await api.ShiftTaskService.ListShiftTasks(shift_tasks.ListShiftTasksRequest(), principal=us.manager)
    assert [task.title for task in listed.results] == ["Urgent", "High", "Low"]
    assert [task.id for task in listed.results[1].subtasks] == [part.id]
    assert len(ran) == 4
    deeper = shift_tasks.CreateShiftTaskRequest(title="Deeper", parent_task=part.id)
    refused = await refusal(api.ShiftTaskService.CreateShiftTask(deeper, principal=us.manager))
    assert list(refused.fields) == ["parent_task"]


async def test_what_becomes_of_a_task_is_told(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling)
    made = await api.ShiftTaskService.CreateShiftTask(
        shift_tasks.CreateShiftTaskRequest(title="Fridges", assigned_to=str(us.people[0])), principal=us.manager
    )
    start = shift_tasks.StartShiftTaskRequest(id=made.id)
    for _ in range(2):
        await api.ShiftTaskService.StartShiftTask(start, principal=us.principal(0))
    give = shift_tasks.ReassignShiftTaskRequest(id=made.id, assigned_to=str(us.people[1]))
    await api.ShiftTaskService.ReassignShiftTask(give, principal=us.manager)
    await api.ShiftTaskService.DeleteShiftTask(shift_tasks.DeleteShiftTaskRequest(id=made.id), principal=us.manager)
    created = await bus.of_aggregate(facts.TaskCreated, made.id, 1)
    updated = await bus.of_aggregate(facts.TaskUpdated, made.id, 2)
    deleted = await bus.of_aggregate(facts.TaskDeleted, made.id, 1)
    assert created[0].message.task.assigned_to == [str(us.people[0])]
    assert [(event.message.task.status, event.message.previous_status) for event in updated] == [
        ("IN_PROGRESS", "TODO"),
        ("IN_PROGRESS", "IN_PROGRESS"),
    ]
    assert updated[1].message.previous_assigned_to == [str(us.people[0])]
    versions = [event.message.task.version for event in (*created, *updated, *deleted)]
    assert versions == sorted(set(versions))


async def test_a_task_is_as_far_as_the_tasks_under_it(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    service = api.ShiftTaskService
    above = await service.CreateShiftTask(shift_tasks.CreateShiftTaskRequest(title="Close"), principal=us.manager)
    under = [
        await service.CreateShiftTask(
            shift_tasks.CreateShiftTaskRequest(title=title, parent_task=above.id), principal=us.manager
        )
        for title in ("Till", "Doors")
    ]
    await service.CompleteShiftTask(shift_tasks.CompleteShiftTaskRequest(id=under[0].id), principal=us.manager)
    progress = await service.GetTaskProgress(shift_tasks.GetTaskProgressRequest(id=above.id), principal=us.manager)
    assert (progress.completed_subtasks, progress.total_subtasks, progress.progress_percentage) == (1, 2, 50)
    subtasks = shift_tasks.ListSubtasksRequest(id=above.id)
    found = await service.ListSubtasks(subtasks, principal=us.manager)
    assert [task.title for task in found.tasks] == ["Till", "Doors"]
    assert (await refusal(service.ListSubtasks(subtasks, principal=us.principal(0)))).code == "not_found"


async def test_a_part_of_a_task_belongs_to_its_shift(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0)
    service = api.ShiftTaskService
    request = shift_tasks.CreateShiftTaskRequest(title="Close", shift=shift.id, assigned_to=str(us.people[0]))
    above = await service.CreateShiftTask(request, principal=us.manager)
    wanted = shift_tasks.AddSubtaskRequest(id=above.id, title="Till", priority="HIGH")
    part = await service.AddSubtask(wanted, principal=us.principal(0))
    assert (part.parent_task, part.shift, part.priority) == (above.id, shift.id, "HIGH")
    assert part.assigned_to == str(us.people[0])
    assert (await refusal(service.AddSubtask(wanted, principal=us.principal(1)))).code == "not_found"
    deeper = shift_tasks.AddSubtaskRequest(id=part.id, title="Coins")
    assert list((await refusal(service.AddSubtask(deeper, principal=us.manager))).fields) == ["parent_task"]


async def test_several_tasks_of_shifts_are_made_together_or_none(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    drafts = [
        shift_tasks.CreateShiftTaskRequest(title="Lay tables"),
        shift_tasks.CreateShiftTaskRequest(title="Fold napkins", assigned_to=str(us.restaurant_id)),
    ]
    request = shift_tasks.BulkCreateShiftTasksRequest(tasks=drafts)
    assert (await refusal(api.ShiftTaskService.BulkCreateShiftTasks(request, principal=us.manager))).code == "not_found"
    listed = await api.ShiftTaskService.ListShiftTasks(shift_tasks.ListShiftTasksRequest(), principal=us.manager)
    assert listed.count == 0
