"""Sections of the menu: added once per name, listed in their order, seen by their own restaurant only."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from mizan.pos.events.v1 import events_pb2 as facts
from mizan.pos.v1.menu_category_pb2 import CreateMenuCategoryRequest, ListMenuCategoriesRequest, MenuCategory
from servicekit.errors import Refusal
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.pos.tests.conftest import manager, waiter


async def create(api: Api, principal: Principal, name: str, **fields: Any) -> MenuCategory:
    request = CreateMenuCategoryRequest(name=name, **fields)
    return await api.MenuCategoryService.CreateMenuCategory(request, principal=principal)


async def names(api: Api, principal: Principal, **paging: int) -> tuple[int, list[str]]:
    request = ListMenuCategoriesRequest(**paging)
    answer = await api.MenuCategoryService.ListMenuCategories(request, principal=principal)
    return answer.count, [category.name for category in answer.results]


async def test_a_section_is_listed_as_it_was_created(api: Api) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    created = await create(
        api,
        chef,
        "Tagines",
        description="From the oven",
        is_active=False,
        display_order=2,
        external_provider="SQUARE",
        external_id="C1",
    )
    assert created.restaurant == str(restaurant_id)
    answer = await api.MenuCategoryService.ListMenuCategories(ListMenuCategoriesRequest(), principal=chef)
    assert list(answer.results) == [created]


async def test_what_is_left_out_has_its_default(api: Api) -> None:
    created = await create(api, manager(uuid4()), "Tagines")
    assert (created.is_active, created.display_order) == (True, 0)
    assert not created.HasField("description")
    assert not created.HasField("external_provider")
    assert not created.HasField("external_id")


async def test_sections_stand_in_their_order_and_then_by_name(api: Api) -> None:
    chef = manager(uuid4())
    for name, place in (("Desserts", 3), ("Tagines", 2), ("Couscous", 2), ("Starters", 0)):
        await create(api, chef, name, display_order=place)
    assert await names(api, chef) == (4, ["Starters", "Couscous", "Tagines", "Desserts"])
    assert await names(api, chef, page=2, page_size=3) == (4, ["Desserts"])
    with pytest.raises(RemoteRefusal) as refused:
        await names(api, chef, page=3, page_size=3)
    assert refused.value.code == "invalid_page"


async def test_a_name_is_tidied_and_taken_once(api: Api) -> None:
    chef = manager(uuid4())
    assert (await create(api, chef, " Cold   drinks ")).name == "Cold drinks"
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, chef, "Cold drinks")
    assert refused.value.fields == {"name": ["A menu category with this name already exists."]}
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, chef, " ")
    assert refused.value.fields == {"name": ["This field may not be blank."]}


async def test_an_external_id_is_whole_and_taken_once(api: Api) -> None:
    chef = manager(uuid4())
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, chef, "Tagines", external_id="C1")
    assert list(refused.value.fields) == ["external_provider"]
    await create(api, chef, "Tagines", external_provider="SQUARE", external_id="C1")
    await create(api, chef, "Drinks", external_provider="CLOVER", external_id="C1")
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, chef, "Couscous", external_provider="SQUARE", external_id="C1")
    assert list(refused.value.fields) == ["external_id"]


async def test_of_two_who_add_a_name_at_once_one_is_told(api: Api) -> None:
    restaurant_id = uuid4()
    outcomes = await asyncio.gather(
        *(create(api, manager(restaurant_id), "Tagines") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, MenuCategory) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Refusal) and outcome.code == "name_taken" for outcome in outcomes) == 4


async def test_another_restaurant_has_its_own_menu_and_sees_no_other(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    await create(api, ours, "Tagines", external_provider="SQUARE", external_id="C1")
    their = await create(api, theirs, "Tagines", external_provider="SQUARE", external_id="C1")
    answer = await api.MenuCategoryService.ListMenuCategories(ListMenuCategoriesRequest(), principal=theirs)
    assert [category.id for category in answer.results] == [their.id]


async def test_everybody_may_look_by_the_staff_door_and_only_editors_may_add(api: Api) -> None:
    restaurant_id = uuid4()
    created = await api.MenuCategoryService.CreateStaffCategory(
        CreateMenuCategoryRequest(name="Tagines"), principal=manager(restaurant_id)
    )
    guest = waiter(restaurant_id)
    answer = await api.MenuCategoryService.ListStaffCategories(ListMenuCategoriesRequest(), principal=guest)
    assert list(answer.results) == [created]
    refusing = api.MenuCategoryService
    for refuses in (refusing.CreateStaffCategory, refusing.CreateMenuCategory):
        with pytest.raises(RemoteRefusal) as refused:
            await refuses(CreateMenuCategoryRequest(name="Couscous"), principal=guest)
        assert refused.value.code == "permission_denied"
    for principal, code in ((guest, "permission_denied"), (ANONYMOUS, "not_authenticated")):
        with pytest.raises(RemoteRefusal) as refused:
            await names(api, principal)
        assert refused.value.code == code


async def test_a_list_costs_the_same_for_1_row_and_for_100(pos: RunningService, api: Api) -> None:
    chef = manager(uuid4())
    await create(api, chef, "Section 000")
    with pos.statements() as for_one:
        assert (await names(api, chef))[0] == 1
    for number in range(1, 100):
        await create(api, chef, f"Section {number:03}")
    with pos.statements() as for_hundred:
        assert (await names(api, chef))[0] == 100
    assert len(for_one) == len(for_hundred) == 2


async def test_a_new_section_is_published(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    created = await create(api, manager(restaurant_id), "Tagines", display_order=2)
    event = await bus.first(facts.MenuCategoryCreated, restaurant_id)
    assert event.message.category == facts.MenuCategoryFacts(
        id=created.id, restaurant_id=str(restaurant_id), name="Tagines", is_active=True, display_order=2, version=1
    )
    assert (event.envelope.aggregate_id, event.envelope.version) == (created.id, 1)
