"""Suppliers: added once per name, listed by name, seen by their own restaurant only."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from mizan.inventory.events.v1 import events_pb2 as facts
from mizan.inventory.v1.supplier_pb2 import (
    CreateSupplierRequest,
    DeleteSupplierRequest,
    GetSupplierRequest,
    ListSuppliersRequest,
    Supplier,
    UpdateSupplierRequest,
)
from servicekit.errors import Refusal
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.inventory.tests.conftest import cook, manager


async def create(api: Api, principal: Principal, name: str, **fields: Any) -> Supplier:
    return await api.SupplierService.CreateSupplier(CreateSupplierRequest(name=name, **fields), principal=principal)


async def names(api: Api, principal: Principal, **paging: int) -> tuple[int, list[str]]:
    answer = await api.SupplierService.ListSuppliers(ListSuppliersRequest(**paging), principal=principal)
    return answer.count, [supplier.name for supplier in answer.results]


async def test_a_supplier_is_listed_as_it_was_created(api: Api) -> None:
    restaurant_id = uuid4()
    buyer = manager(restaurant_id)
    created = await create(
        api,
        buyer,
        "Marché Central",
        contact_person="Omar",
        phone="+212 522-33.44.55",
        email="omar@example.com",
        address="Casablanca",
    )
    assert created.restaurant == str(restaurant_id)
    assert created.phone == "+212 522-33.44.55"
    answer = await api.SupplierService.ListSuppliers(ListSuppliersRequest(), principal=buyer)
    assert list(answer.results) == [created]


async def test_what_is_left_out_stays_unset(api: Api) -> None:
    created = await create(api, manager(uuid4()), "Marché Central")
    for field in ("contact_person", "phone", "email", "address"):
        assert not created.HasField(field)


async def test_what_is_no_phone_number_is_refused_and_nothing_is_kept(api: Api) -> None:
    buyer = manager(uuid4())
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, buyer, "Marché Central", phone="12345")
    assert refused.value.fields == {"phone": ["Enter a phone number of 10 to 15 digits."]}
    assert await names(api, buyer) == (0, [])


async def test_a_name_is_tidied_and_taken_once(api: Api) -> None:
    buyer = manager(uuid4())
    assert (await create(api, buyer, " Marché   Central ")).name == "Marché Central"
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, buyer, "Marché Central")
    assert refused.value.fields == {"name": ["A supplier with this name already exists."]}
    with pytest.raises(RemoteRefusal) as refused:
        await create(api, buyer, " ")
    assert refused.value.fields == {"name": ["This field may not be blank."]}


async def test_of_two_who_add_a_name_at_once_one_is_told(api: Api) -> None:
    restaurant_id = uuid4()
    outcomes = await asyncio.gather(
        *(create(api, manager(restaurant_id), "Marché") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Supplier) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Refusal) and outcome.code == "name_taken" for outcome in outcomes) == 4


async def test_another_restaurant_has_its_own_suppliers_and_sees_no_others(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    await create(api, ours, "Marché Central")
    their = await create(api, theirs, "Marché Central")
    answer = await api.SupplierService.ListSuppliers(ListSuppliersRequest(), principal=theirs)
    assert [supplier.id for supplier in answer.results] == [their.id]


async def test_who_does_not_buy_is_refused(api: Api) -> None:
    for principal, code in ((cook(uuid4()), "permission_denied"), (ANONYMOUS, "not_authenticated")):
        for attempt in (create(api, principal, "Marché"), names(api, principal)):
            with pytest.raises(RemoteRefusal) as refused:
                await attempt
            assert refused.value.code == code


async def test_pages_are_cut_from_the_list_by_name(api: Api) -> None:
    buyer = manager(uuid4())
    for name in ("Souss Fruits", "Atlas Meat", "Marché Central"):
        await create(api, buyer, name)
    assert await names(api, buyer) == (3, ["Atlas Meat", "Marché Central", "Souss Fruits"])
    assert await names(api, buyer, page=2, page_size=2) == (3, ["Souss Fruits"])
    with pytest.raises(RemoteRefusal) as refused:
        await names(api, buyer, page=3, page_size=2)
    assert refused.value.code == "invalid_page"


async def test_a_list_costs_the_same_for_1_row_and_for_100(inventory: RunningService, api: Api) -> None:
    buyer = manager(uuid4())
    await create(api, buyer, "Supplier 000")
    with inventory.statements() as for_one:
        assert (await names(api, buyer))[0] == 1
    for number in range(1, 100):
        await create(api, buyer, f"Supplier {number:03}")
    with inventory.statements() as for_hundred:
        assert (await names(api, buyer))[0] == 100
    assert len(for_one) == len(for_hundred) == 2


async def test_a_new_supplier_is_published_without_how_it_is_reached(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    created = await create(api, manager(restaurant_id), "Marché Central", phone="+212522334455")
    event = await bus.first(facts.SupplierCreated, restaurant_id)
    assert event.message.supplier == facts.SupplierFacts(
        id=created.id, restaurant_id=str(restaurant_id), name="Marché Central", version=1
    )
    assert (event.envelope.aggregate_id, event.envelope.version) == (created.id, 1)


async def test_a_supplier_is_changed_and_removed(api: Api) -> None:
    buyer, stranger = manager(uuid4()), manager(uuid4())
    created = await create(api, buyer, "Marché Central", phone="+212522334455", email="omar@example.com")
    await create(api, buyer, "Souss Fruits")
    request = UpdateSupplierRequest(id=created.id, name=" Marché  Bio ", phone="")
    request.update_mask.paths.extend(["name", "phone", "address"])
    changed = await api.SupplierService.UpdateSupplier(request, principal=buyer)
    assert (changed.name, changed.email, changed.HasField("phone")) == ("Marché Bio", "omar@example.com", False)
    assert await api.SupplierService.GetSupplier(GetSupplierRequest(id=created.id), principal=buyer) == changed
    taken = UpdateSupplierRequest(id=created.id, name="Souss Fruits")
    taken.update_mask.paths.append("name")
    with pytest.raises(RemoteRefusal) as refused:
        await api.SupplierService.UpdateSupplier(taken, principal=buyer)
    assert refused.value.fields == {"name": ["A supplier with this name already exists."]}
    for attempt in (
        api.SupplierService.GetSupplier(GetSupplierRequest(id=created.id), principal=stranger),
        api.SupplierService.UpdateSupplier(request, principal=stranger),
        api.SupplierService.DeleteSupplier(DeleteSupplierRequest(id=created.id), principal=stranger),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "not_found"
    await api.SupplierService.DeleteSupplier(DeleteSupplierRequest(id=created.id), principal=buyer)
    assert await names(api, buyer) == (1, ["Souss Fruits"])
