"""Who should do the tasks of shifts: from what is planned, granted and open."""

from typing import Any
from uuid import uuid4

import pytest

from mizan.scheduling.v1 import availability_pb2 as availability
from mizan.scheduling.v1 import shift_pb2 as shifts
from mizan.scheduling.v1 import shift_task_pb2 as shift_tasks
from mizan.scheduling.v1 import task_assignment_pb2 as assignment
from mizan.scheduling.v1 import task_pb2 as tasks
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.service.test_tasks import template
from services.scheduling.tests.team import Team, team

DAY = "2031-03-04"


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def task(api: Api, us: Team, title: str, **fields: Any) -> str:
    request = shift_tasks.CreateShiftTaskRequest(title=title, **fields)
    return str((await api.ShiftTaskService.CreateShiftTask(request, principal=us.manager)).id)


async def test_who_is_on_the_shift_and_has_room_is_recommended(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, 4)
    shift = await plan(api, us, 0, 1, shift_date=DAY)
    await plan(api, us, 2, shift_date=DAY)
    wanted = await task(api, us, "Lay tables", shift=shift.id)
    for number in range(4):
        await task(api, us, f"Busy {number}", assigned_to=str(us.people[0]))
    request = assignment.ListAssignmentRecommendationsRequest(id=wanted)
    service = api.TaskAssignmentService
    with scheduling.statements() as ran:
        found = await service.ListAssignmentRecommendations(request, principal=us.manager)
    # Nobody is asked who is not at work then.
    assert [one.staff_id for one in found.recommendations] == [str(us.people[place]) for place in (1, 0, 2)]
    assert found.recommendations[0].reason == "Is on this shift; role WAITER fits; 0 open tasks (available)"
    assert found.recommendations[2].reason == "Works then; role WAITER fits; 0 open tasks (available)"
    assert len(ran) == 8
    best = await service.AssignBest(assignment.AssignBestRequest(id=wanted), principal=us.manager)
    assert (best.task.assigned_to, best.score) == (str(us.people[1]), found.recommendations[0].score)
    assert best.assignment_reason == found.recommendations[0].reason
    assert (
        await refusal(service.AssignBest(assignment.AssignBestRequest(id=wanted), principal=manager(uuid4())))
    ).code == ("not_found")


async def test_leave_and_what_people_said_count(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    shift = await plan(api, us, 0, 1, shift_date=DAY)
    wanted = await task(api, us, "Lay tables", shift=shift.id)
    # Tuesday, said after the shift was planned.
    said = availability.CreateAvailabilityRequest(staff=str(us.people[0]), day_of_week=1, is_available=False)
    await api.AvailabilityService.CreateAvailability(said, principal=us.manager)
    request = assignment.ListAssignmentRecommendationsRequest(id=wanted)
    found = await api.TaskAssignmentService.ListAssignmentRecommendations(request, principal=us.manager)
    assert [one.staff_id for one in found.recommendations] == [str(us.people[1]), str(us.people[0])]
    assert "said not to be available then" in found.recommendations[1].reason


async def test_a_task_for_when_nobody_works_is_given_to_nobody(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    alone = await task(api, us, "Order flour", due_date="2031-05-05")
    some_day = await task(api, us, "Sort the cellar")
    over = await task(api, us, "Done", status="COMPLETED")
    service = api.TaskAssignmentService
    refused = await refusal(service.AssignBest(assignment.AssignBestRequest(id=alone), principal=us.manager))
    assert refused.code == "nobody_suitable"
    assert (
        await refusal(service.AssignBest(assignment.AssignBestRequest(id=over), principal=us.manager))
    ).code == "task_over"
    given = await service.BulkAssign(assignment.BulkAssignRequest(task_ids=[alone, some_day]), principal=us.manager)
    assert [one.task_id for one in given.assignments] == [some_day]
    assert [one.task_id for one in given.unassigned] == [alone]


async def test_several_tasks_are_spread_the_most_urgent_first(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, 2)
    shift = await plan(api, us, 0, 1, shift_date=DAY)
    ids = {
        priority: await task(api, us, priority, shift=shift.id, priority=priority)
        for priority in ("LOW", "HIGH", "URGENT")
    }
    service = api.TaskAssignmentService
    unknown = assignment.BulkAssignRequest(task_ids=[*ids.values(), str(uuid4())])
    assert (await refusal(service.BulkAssign(unknown, principal=us.manager))).code == "not_found"
    request = assignment.BulkAssignRequest(task_ids=list(ids.values()))
    assert (await refusal(service.BulkAssign(request, principal=us.principal(0)))).code == "permission_denied"
    given = await service.BulkAssign(request, principal=us.manager)
    assert [one.task_id for one in given.assignments] == [ids["URGENT"], ids["HIGH"], ids["LOW"]]
    people = [one.staff_id for one in given.assignments]
    assert people[0] != people[1]
    listed = await api.ShiftTaskService.ListShiftTasks(shift_tasks.ListShiftTasksRequest(), principal=us.manager)
    assert {one.id: one.assigned_to for one in listed.results} == {
        one.task_id: one.staff_id for one in given.assignments
    }


async def test_open_tasks_are_counted_per_person(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, 2)
    first, second = (str(person) for person in us.people)
    for priority in ("URGENT", "HIGH", "LOW"):
        await task(api, us, priority, priority=priority, assigned_to=first)
    await task(api, us, "Done", assigned_to=first, status="COMPLETED")
    both = tasks.CreateTaskRequest(title="Inventory", assigned_to=[first, second])
    await api.TaskService.CreateTask(both, principal=us.manager)
    found = await api.TaskAssignmentService.GetWorkload(assignment.GetWorkloadRequest(), principal=us.manager)
    assert {
        row.staff_id: (row.total_tasks, row.high_priority_tasks, row.workload_score, row.status)
        for row in found.workload_analysis
    } == {first: (4, 2, 10, "Moderate"), second: (1, 0, 2, "Light")}
    elsewhere = await api.TaskAssignmentService.GetWorkload(assignment.GetWorkloadRequest(), principal=manager(uuid4()))
    assert not elsewhere.workload_analysis


async def test_a_shift_names_its_templates_of_tasks(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await template(api, us)
    shift = await plan(api, us, 0, shift_date=DAY, task_templates=[made.id])
    request = shifts.ListShiftTaskTemplatesRequest(id=shift.id)
    for somebody in (us.manager, us.principal(0)):
        found = await api.ShiftService.ListShiftTaskTemplates(request, principal=somebody)
        assert [(one.id, one.localized_name) for one in found.templates] == [(made.id, "Closing")]
    assert (
        await refusal(api.ShiftService.ListShiftTaskTemplates(request, principal=us.principal(1)))
    ).code == "not_found"
