"""Categories of tasks: added once per name, listed by name, seen by their own restaurant only."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import shift_task_pb2 as shift_tasks
from mizan.scheduling.v1.task_category_pb2 import (
    CreateTaskCategoryRequest,
    DeleteTaskCategoryRequest,
    GetTaskCategoryRequest,
    ListTaskCategoriesRequest,
    ListTaskCategoriesWithCountsRequest,
    TaskCategory,
    UpdateTaskCategoryRequest,
)
from servicekit.errors import Refusal
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.conftest import manager, waiter
from services.scheduling.tests.team import team


async def create(api: Api, principal: Principal, name: str, **fields: Any) -> TaskCategory:
    request = CreateTaskCategoryRequest(name=name, **fields)
    return await api.TaskCategoryService.CreateTaskCategory(request, principal=principal)


async def names(api: Api, principal: Principal, **paging: int) -> tuple[int, list[str]]:
    request = ListTaskCategoriesRequest(**paging)
    answer = await api.TaskCategoryService.ListTaskCategories(request, principal=principal)
    return answer.count, [category.name for category in answer.results]


async def test_a_category_is_listed_as_it_was_created(api: Api) -> None:
    planner = manager(uuid4())
    created = await create(api, planner, "Cleaning", description="Floors and tables", color="#ff8800")
    assert created.color == "#FF8800"
    answer = await api.TaskCategoryService.ListTaskCategories(ListTaskCategoriesRequest(), principal=planner)
    assert list(answer.results) == [created]


async def test_what_is_left_out_has_its_default(api: Api) -> None:
    created = await create(api, manager(uuid4()), "Cleaning")
    assert created.color == "#3B82F6"
    assert not created.HasField("description")
    assert str(UUID(created.id)) == created.id


async def test_a_name_is_tidied_and_taken_once(api: Api) -> None:
    planner = manager(uuid4())
    assert (await create(api, planner, "  Deep   cleaning ")).name == "Deep cleaning"
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, planner, "Deep cleaning")
    assert refused.value.fields == {"name": ["A task category with this name already exists."]}
    assert await names(api, planner) == (1, ["Deep cleaning"])


async def test_a_blank_name_is_refused(api: Api) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, manager(uuid4()), "   ")
    assert refused.value.fields == {"name": ["This field may not be blank."]}


async def test_of_two_who_add_a_name_at_once_one_is_told(api: Api) -> None:
    restaurant_id = uuid4()
    outcomes = await asyncio.gather(
        *(create(api, manager(restaurant_id), "Cleaning") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, TaskCategory) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Refusal) and outcome.code == "name_taken" for outcome in outcomes) == 4


async def test_another_restaurant_has_its_own_names_and_sees_no_others(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    mine = await create(api, ours, "Cleaning")
    their = await create(api, theirs, "Cleaning")
    assert mine.id != their.id
    answer = await api.TaskCategoryService.ListTaskCategories(ListTaskCategoriesRequest(), principal=theirs)
    assert [category.id for category in answer.results] == [their.id]


async def test_who_does_not_plan_is_refused(api: Api) -> None:
    for principal, code in ((waiter(uuid4()), "permission_denied"), (ANONYMOUS, "not_authenticated")):
        for attempt in (create(api, principal, "Cleaning"), names(api, principal)):
            with pytest.raises(RemoteRefusal) as refused:
                await attempt
            assert refused.value.code == code


async def test_somebody_without_a_restaurant_is_refused(api: Api) -> None:
    nowhere = manager(uuid4()).in_restaurant(None)
    for attempt in (create(api, nowhere, "Cleaning"), names(api, nowhere)):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "no_restaurant"


async def test_pages_are_cut_from_the_list_by_name(api: Api) -> None:
    planner = manager(uuid4())
    for name in ("Cashing up", "Bar", "Aisles"):
        await create(api, planner, name)
    assert await names(api, planner) == (3, ["Aisles", "Bar", "Cashing up"])
    assert await names(api, planner, page=2, page_size=2) == (3, ["Cashing up"])
    with pytest.raises(RemoteRefusal) as refused:
        await names(api, planner, page=3, page_size=2)
    assert refused.value.code == "invalid_page"


async def test_a_list_costs_the_same_for_1_row_and_for_100(scheduling: RunningService, api: Api) -> None:
    planner = manager(uuid4())
    await create(api, planner, "Category 000")
    with scheduling.statements() as for_one:
        assert (await names(api, planner))[0] == 1
    for number in range(1, 100):
        await create(api, planner, f"Category {number:03}")
    with scheduling.statements() as for_hundred:
        assert (await names(api, planner))[0] == 100
    assert len(for_one) == len(for_hundred) == 2


async def test_a_new_category_is_published(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    created = await create(api, manager(restaurant_id), "Cleaning")
    event = await bus.first(facts.TaskCategoryCreated, restaurant_id)
    assert event.message.category == facts.TaskCategoryFacts(
        id=created.id, restaurant_id=str(restaurant_id), name="Cleaning", color="#3B82F6", version=1
    )
    assert (event.envelope.aggregate_id, event.envelope.version) == (created.id, 1)


async def test_a_category_is_changed_and_removed(api: Api) -> None:
    planner, service = manager(uuid4()), api.TaskCategoryService
    made = await create(api, planner, "Cleaning", description="Floors")
    await create(api, planner, "Safety")
    change = UpdateTaskCategoryRequest(id=made.id, name=" Deep  cleaning ", color="#aa0000")
    change.update_mask.paths.extend(["name", "color", "description"])
    changed = await service.UpdateTaskCategory(change, principal=planner)
    assert (changed.name, changed.color, changed.HasField("description")) == ("Deep cleaning", "#AA0000", False)
    change.name = "Safety"
    with pytest.raises(RemoteRefusal) as refused:
        await service.UpdateTaskCategory(change, principal=planner)
    assert refused.value.code == "name_taken"
    get, delete = GetTaskCategoryRequest(id=made.id), DeleteTaskCategoryRequest(id=made.id)
    assert await service.GetTaskCategory(get, principal=planner) == changed
    for attempt in (
        service.GetTaskCategory(get, principal=manager(uuid4())),
        service.UpdateTaskCategory(change, principal=manager(uuid4())),
        service.DeleteTaskCategory(delete, principal=manager(uuid4())),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "not_found"
    await service.DeleteTaskCategory(delete, principal=planner)
    assert (await names(api, planner))[1] == ["Safety"]


async def test_a_changed_and_a_removed_category_are_published(api: Api, bus: Bus) -> None:
    restaurant_id, service = uuid4(), api.TaskCategoryService
    planner = manager(restaurant_id)
    made = await create(api, planner, "Cleaning")
    change = UpdateTaskCategoryRequest(id=made.id, name="Floors")
    change.update_mask.paths.append("name")
    await service.UpdateTaskCategory(change, principal=planner)
    (changed,) = await bus.of_aggregate(facts.TaskCategoryUpdated, made.id, 1)
    about = facts.TaskCategoryFacts(
        id=made.id, restaurant_id=str(restaurant_id), name="Floors", color="#3B82F6", version=2
    )
    assert changed.message.category == about
    await service.DeleteTaskCategory(DeleteTaskCategoryRequest(id=made.id), principal=planner)
    (removed,) = await bus.of_aggregate(facts.TaskCategoryDeleted, made.id, 1)
    about.version = 3
    assert removed.message.category == about


async def test_categories_say_how_many_tasks_they_have(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    drafts = [
        shift_tasks.CreateShiftTaskRequest(title="Grill", category="Kitchen", assigned_to=str(us.people[0])),
        shift_tasks.CreateShiftTaskRequest(title="Oven", category="Kitchen", status="PENDING"),
        shift_tasks.CreateShiftTaskRequest(title="Terrace", category="Floor"),
    ]
    request = shift_tasks.BulkCreateShiftTasksRequest(tasks=drafts)
    made = await api.ShiftTaskService.BulkCreateShiftTasks(request, principal=us.manager)
    assert [(task.title, task.status) for task in made.tasks] == [
        ("Grill", "TODO"),
        ("Oven", "TODO"),
        ("Terrace", "TODO"),
    ]
    listing = ListTaskCategoriesWithCountsRequest()
    count = api.TaskCategoryService.ListTaskCategoriesWithCounts
    with scheduling.statements() as ran:
        found = await count(listing, principal=us.manager)
    assert [(one.name, one.task_count) for one in found.results] == [("Floor", 1), ("Kitchen", 2)]
    assert len(ran) == 3
    own = await count(listing, principal=us.principal(0))
    assert [(one.name, one.task_count) for one in own.results] == [("Floor", 0), ("Kitchen", 1)]
    assert (await count(listing, principal=manager(uuid4()))).count == 0
