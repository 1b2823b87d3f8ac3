"""Tasks put together: what is late, what is one's own, and what it comes to."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from mizan.scheduling.v1 import shift_task_pb2 as shift_tasks
from mizan.scheduling.v1 import task_overview_pb2 as overview
from mizan.scheduling.v1 import task_pb2 as tasks
from mizan.scheduling.v1 import task_template_pb2 as templates
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.team import Team, team


async def task(api: Api, us: Team, title: str, *people: int, **fields: Any) -> tasks.Task:
    assigned = [str(us.people[place]) for place in people]
    request = tasks.CreateTaskRequest(title=title, assigned_to=assigned, **fields)
    made: tasks.Task = await api.TaskService.CreateTask(request, principal=us.manager)
    return made


async def test_what_is_overdue_is_listed_for_whom_it_concerns(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    await task(api, us, "Last month", 0, due_date=(datetime.now(UTC) - timedelta(days=30)).date().isoformat())
    late = tasks.CreateTaskRequest(title="An hour ago", assigned_to=[str(us.people[1])])
    late.due_time.FromDatetime(datetime.now(UTC) - timedelta(hours=1))
    await api.TaskService.CreateTask(late, principal=us.manager)
    await task(api, us, "Done", 0, due_date="2020-01-01", status="COMPLETED")
    await task(api, us, "Some day", 0)
    await task(api, us, "Next year", 0, due_date="2099-01-01")
    listing = overview.ListOverdueTasksRequest()
    found = await api.TaskOverviewService.ListOverdueTasks(listing, principal=us.manager)
    assert [one.title for one in found.results] == ["Last month", "An hour ago"]
    own = await api.TaskOverviewService.ListOverdueTasks(listing, principal=us.principal(1))
    assert [one.title for one in own.results] == ["An hour ago"]
    assert (await api.TaskOverviewService.ListOverdueTasks(listing, principal=manager(uuid4()))).count == 0


async def test_ones_open_tasks_are_counted(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    begun = await task(api, us, "Begun", 0, 1)
    await task(api, us, "Waiting", 0)
    await task(api, us, "Of others", 1)
    await task(api, us, "Done", 0, status="COMPLETED")
    await api.TaskService.StartTask(tasks.StartTaskRequest(id=begun.id), principal=us.principal(0))
    request = overview.ListMyActiveTasksRequest()
    found = await api.TaskOverviewService.ListMyActiveTasks(request, principal=us.principal(0))
    assert {one.title for one in found.tasks} == {"Begun", "Waiting"}
    assert (found.total_active, found.in_progress, found.todo) == (2, 1, 1)


async def test_tasks_of_shifts_and_others_stand_in_one_list(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, timezone="Asia/Tokyo")
    me = us.principal(0)
    shift = await plan(api, us, 0, 1, shift_date="2031-03-04")
    for title, fields in (
        ("Nobody's on my shift", {"shift": shift.id, "priority": "LOW"}),
        ("Mine on the shift", {"shift": shift.id, "assigned_to": str(us.people[0]), "category": "Kitchen"}),
        ("Not mine", {"shift": shift.id, "assigned_to": str(us.people[1])}),
    ):
        request = shift_tasks.CreateShiftTaskRequest(title=title, **fields)
        await api.ShiftTaskService.CreateShiftTask(request, principal=us.manager)
    made = await api.TaskTemplateService.CreateTaskTemplate(
        templates.CreateTaskTemplateRequest(name="Closing", template_type="CLOSING", tasks='[{"title": "x"}]'),
        principal=us.manager,
    )
    urgent = tasks.CreateTaskRequest(
        title="Order flour", assigned_to=[str(us.people[0])], priority="URGENT", template=made.id, due_date="2031-03-03"
    )
    urgent.due_time.FromDatetime(datetime(2031, 3, 3, 9, 30, tzinfo=UTC))
    await api.TaskService.CreateTask(urgent, principal=us.manager)
    await task(api, us, "Some day", 0, status="IN_PROGRESS")

    async def titles(**asked: Any) -> list[str]:
        request = overview.ListMyCombinedTasksRequest(**asked)
        found = await api.TaskOverviewService.ListMyCombinedTasks(request, principal=me)
        return [one.title for one in found.results]

    by_day = ["Order flour", "Mine on the shift", "Nobody's on my shift", "Some day"]
    assert await titles() == by_day
    assert await titles(ordering="priority") == ["Order flour", "Mine on the shift", "Some day", "Nobody's on my shift"]
    assert (await titles(ordering="status"))[-1] == "Some day"
    assert await titles(status="IN_PROGRESS") == ["Some day"]
    assert await titles(priority="LOW") == ["Nobody's on my shift"]
    assert await titles(due_from="2031-03-04", due_to="2031-03-04") == by_day[1:3]
    with scheduling.statements() as ran:
        found = await api.TaskOverviewService.ListMyCombinedTasks(
            overview.ListMyCombinedTasksRequest(page_size=2), principal=me
        )
    assert (found.count, len(found.results), len(ran)) == (4, 2, 2)
    flour, mine = found.results
    assert (flour.source, flour.due_time, flour.associated_template.type) == ("TEMPLATE_TASK", "18:30:00", "CLOSING")
    assert (mine.source, mine.due_date, mine.category.name) == ("SHIFT_TASK", "2031-03-04", "Kitchen")
    assert (mine.associated_shift.id, mine.associated_shift.role) == (shift.id, shift.role)
    assert list(mine.assigned_to) == [str(us.people[0])]


async def test_what_became_of_ones_tasks_is_counted(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    for title, fields in (
        ("a", {"status": "COMPLETED"}),
        ("b", {"status": "CANCELLED"}),
        ("c", {"due_date": "2020-01-01"}),
        ("d", {}),
    ):
        await task(api, us, title, 0, **fields)
    await task(api, us, "Of others", 1)
    service, me = api.TaskOverviewService, us.principal(0)
    found = await service.GetTaskAnalytics(overview.GetTaskAnalyticsRequest(), principal=me)
    assert (found.total_tasks, found.completed_tasks, found.overdue_tasks, found.completion_rate) == (4, 1, 1, 33.3)
    first, last = (datetime.fromisoformat(day) for day in (found.period.start_date, found.period.end_date))
    assert last - first == timedelta(days=30)
    before = overview.GetTaskAnalyticsRequest(start_date="2020-01-01", end_date="2020-01-31")
    nothing = await service.GetTaskAnalytics(before, principal=me)
    assert (nothing.total_tasks, nothing.completion_rate) == (0, 0)
    before.end_date = "2019-12-31"
    with pytest.raises(RemoteRefusal) as refused:
        await service.GetTaskAnalytics(before, principal=me)
    assert refused.value.code == "invalid_period"


async def test_several_tasks_are_made_together_or_none(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    drafts = [tasks.CreateTaskRequest(title=title) for title in ("First", "Second")]
    made = await api.TaskService.BulkCreateTasks(tasks.BulkCreateTasksRequest(tasks=drafts), principal=us.principal(0))
    assert [(one.title, list(one.assigned_to)) for one in made.tasks] == [
        ("First", [str(us.people[0])]),
        ("Second", [str(us.people[0])]),
    ]
    broken = [*drafts, tasks.CreateTaskRequest(title="Third", parent_task=str(uuid4()))]
    with pytest.raises(RemoteRefusal) as refused:
        await api.TaskService.BulkCreateTasks(tasks.BulkCreateTasksRequest(tasks=broken), principal=us.manager)
    assert refused.value.code == "not_found"
    assert (await api.TaskService.ListTasks(tasks.ListTasksRequest(), principal=us.manager)).count == 2
