"""Items: one name each, a ledger that explains every unit, and units that never contradict one another."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from mizan.inventory.events.v1 import events_pb2 as facts
from mizan.inventory.v1 import item_pb2
from mizan.inventory.v1.supplier_pb2 import CreateSupplierRequest
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService, person
from services.inventory.models import StockEntry
from services.inventory.tests.conftest import cook, manager
from services.inventory.tests.stock import item, kinds, read

D = Decimal


async def change(api: Api, principal: Principal, item_id: str, *null: str, **fields: Any) -> item_pb2.Item:
    request = item_pb2.UpdateItemRequest(id=item_id, **fields)
    request.update_mask.paths.extend([*fields, *null])
    changed: item_pb2.Item = await api.ItemService.UpdateItem(request, principal=principal)
    return changed


async def names(api: Api, principal: Principal, **wanted: Any) -> tuple[int, list[str]]:
    answer = await api.ItemService.ListItems(item_pb2.ListItemsRequest(**wanted), principal=principal)
    return answer.count, [one.name for one in answer.results]


async def test_an_item_opens_its_ledger_with_what_is_there(api: Api) -> None:
    buyer = manager(uuid4())
    supplier = await api.SupplierService.CreateSupplier(CreateSupplierRequest(name="Moulin"), principal=buyer)
    created = await item(
        api, buyer, current_stock="12.5", cost_per_unit="8", reorder_level="5", supplier=supplier.id, category="Dry"
    )
    assert (created.current_stock, created.stock_value, created.cost_per_unit) == ("12.500", "100.00", "8.0000")
    assert (created.min_stock_level, created.stock_state, created.supplier_info.name) == ("5.000", "OK", "Moulin")
    assert await kinds(api, buyer, created.id) == [("OPENING", D("12.5"))]
    assert await read(api, buyer, created.id) == created
    bare = await item(api, buyer, "Salt")
    assert (bare.category, bare.description, bare.current_stock, bare.stock_state) == ("", "", "0.000", "OUT")
    assert not bare.HasField("reorder_level")


async def test_a_name_is_taken_once_among_the_items_in_use(api: Api) -> None:
    buyer = manager(uuid4())
    outcomes = await asyncio.gather(*(item(api, buyer, " Flour  T55 ") for _ in range(4)), return_exceptions=True)
    created = [one for one in outcomes if isinstance(one, item_pb2.Item)]
    assert [one.name for one in created] == ["Flour T55"]
    refused = [one for one in outcomes if isinstance(one, RemoteRefusal)]
    assert [one.code for one in refused] == ["name_taken"] * 3
    other = await item(api, buyer, "Sugar")
    with pytest.raises(RemoteRefusal) as taken:
        await change(api, buyer, other.id, name="Flour T55")
    assert taken.value.fields == {"name": ["An item with this name already exists."]}
    await api.ItemService.DeleteItem(item_pb2.DeleteItemRequest(id=created[0].id), principal=buyer)
    assert await names(api, buyer) == (1, ["Sugar"])
    assert (await change(api, buyer, other.id, name="Flour T55")).name == "Flour T55"


async def test_a_row_that_is_sent_back_changes_nothing(api: Api) -> None:
    buyer = manager(uuid4())
    created = await item(api, buyer, current_stock="3", cost_per_unit="3.3333", reorder_level="2")
    again = await change(
        api,
        buyer,
        created.id,
        name=created.name,
        unit=created.unit,
        current_stock=created.current_stock,
        cost_per_unit=created.cost_per_unit,
        reorder_level=created.reorder_level,
        min_stock_level=created.min_stock_level,
        category="Dry",
    )
    assert again.category == "Dry"
    assert len(await kinds(api, buyer, created.id)) == 1


async def test_a_stock_set_by_hand_is_a_count_and_a_cost_revalues(api: Api) -> None:
    buyer = manager(uuid4())
    created = await item(api, buyer, current_stock="10", cost_per_unit="2")
    counted = await change(api, buyer, created.id, current_stock="7")
    assert (counted.current_stock, counted.stock_value) == ("7.000", "14.00")
    valued = await change(api, buyer, created.id, cost_per_unit="3")
    assert (valued.current_stock, valued.stock_value, valued.cost_per_unit) == ("7.000", "21.00", "3.0000")
    assert await kinds(api, buyer, created.id) == [("OPENING", D(10)), ("COUNT", D(-3)), ("REVALUATION", D(0))]
    with pytest.raises(RemoteRefusal) as refused:
        await change(api, buyer, created.id, current_stock="-1")
    assert "current_stock" in refused.value.fields


async def test_a_stock_set_on_an_old_view_is_refused_and_one_sent_back_from_it_is_not_a_count(api: Api) -> None:
    buyer = manager(uuid4())
    created = await item(api, buyer, current_stock="10")
    await change(api, buyer, created.id, current_stock="6")
    back = await change(api, buyer, created.id, current_stock="10", category="Dry", updated_at=created.updated_at)
    assert (back.current_stock, back.category) == ("6.000", "Dry")
    with pytest.raises(RemoteRefusal) as refused:
        await change(api, buyer, created.id, current_stock="9", updated_at=created.updated_at)
    assert refused.value.code == "stock_moved"
    assert (await read(api, buyer, created.id)).current_stock == "6.000"


async def test_either_name_of_the_reorder_level_works_and_none_removes_it(api: Api) -> None:
    buyer = manager(uuid4())
    created = await item(api, buyer, current_stock="4", reorder_level="2")
    changed = await change(api, buyer, created.id, reorder_level="2", min_stock_level="5")
    assert (changed.reorder_level, changed.min_stock_level, changed.stock_state) == ("5.000", "5.000", "LOW")
    removed = await change(api, buyer, created.id, "reorder_level")
    assert not removed.HasField("reorder_level")
    assert removed.stock_state == "OK"


async def test_a_unit_may_be_spelled_otherwise_but_not_become_another_once_it_moved(api: Api) -> None:
    buyer = manager(uuid4())
    created = await item(api, buyer, current_stock="4")
    assert (await change(api, buyer, created.id, unit="Kilo")).unit == "Kilo"
    with pytest.raises(RemoteRefusal) as refused:
        await change(api, buyer, created.id, unit="l")
    assert refused.value.code == "unit_in_use"
    unmoved = await item(api, buyer, "Oil")
    assert (await change(api, buyer, unmoved.id, unit="l")).unit == "l"


async def test_conversions_that_contradict_one_another_are_not_kept(api: Api) -> None:
    buyer = manager(uuid4())
    bag = item_pb2.UnitConversion(unit="bag", quantity="25", of_unit="kg")
    created = await item(api, buyer, conversions=[bag])
    assert [one.unit for one in created.conversions] == ["bag"]
    smaller = item_pb2.UnitConversion(unit="Bags", quantity="20", of_unit="kg")
    for attempt in (
        item(api, buyer, "Sugar", conversions=[bag, smaller]),
        item(api, buyer, "Salt", conversions=[item_pb2.UnitConversion(unit="kg", quantity="900", of_unit="g")]),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "bad_conversion"
    assert await names(api, buyer) == (1, ["Flour"])


async def test_the_list_is_searched_filtered_and_paged(api: Api) -> None:
    buyer = manager(uuid4())
    await item(api, buyer, "Flour", category="Dry", current_stock="9")
    await item(api, buyer, "Corn flour", category="Dry")
    await item(api, buyer, "Milk", category="Fresh", unit="l", current_stock="1", reorder_level="4")
    assert await names(api, buyer) == (3, ["Corn flour", "Flour", "Milk"])
    assert await names(api, buyer, search="FLOUR") == (2, ["Corn flour", "Flour"])
    assert await names(api, buyer, category="Fresh") == (1, ["Milk"])
    assert await names(api, buyer, stock_state="LOW") == (1, ["Milk"])
    assert await names(api, buyer, page=2, page_size=2) == (3, ["Milk"])


async def test_a_list_costs_the_same_for_1_row_and_for_100(inventory: RunningService, api: Api) -> None:
    buyer = manager(uuid4())
    await item(api, buyer, "Item 000")
    with inventory.statements() as for_one:
        assert (await names(api, buyer))[0] == 1
    for number in range(1, 100):
        await item(api, buyer, f"Item {number:03}")
    with inventory.statements() as for_hundred:
        assert (await names(api, buyer))[0] == 100
    assert len(for_one) == len(for_hundred) == 3


async def test_another_restaurant_finds_nothing(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    supplier = await api.SupplierService.CreateSupplier(CreateSupplierRequest(name="Moulin"), principal=ours)
    created = await item(api, ours, current_stock="3")
    attempts = [
        read(api, theirs, created.id),
        change(api, theirs, created.id, name="Mine"),
        api.ItemService.DeleteItem(item_pb2.DeleteItemRequest(id=created.id), principal=theirs),
        api.ItemService.ListItemEntries(item_pb2.ListItemEntriesRequest(id=created.id), principal=theirs),
        api.ItemService.ListItemPrices(item_pb2.ListItemPricesRequest(id=created.id), principal=theirs),
        item(api, theirs, supplier=supplier.id),
    ]
    for attempt in attempts:
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "not_found"
    assert await names(api, theirs) == (0, [])
    assert (await read(api, ours, created.id)) == created


async def test_cooks_look_and_only_managers_change(api: Api) -> None:
    restaurant_id = uuid4()
    created = await item(api, manager(restaurant_id))
    chef = cook(restaurant_id)
    assert await names(api, chef) == (1, ["Flour"])
    waiter = person(frozenset({"order.create"}), restaurant_id=restaurant_id)
    for attempt, code in (
        (item(api, chef, "Salt"), "permission_denied"),
        (change(api, chef, created.id, name="Salt"), "permission_denied"),
        (names(api, waiter), "permission_denied"),
        (names(api, ANONYMOUS), "not_authenticated"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == code


async def test_what_is_short_is_suggested_up_to_its_par_level(api: Api) -> None:
    buyer = manager(uuid4())
    await item(api, buyer, "Flour", current_stock="2", reorder_level="5", par_level="20", cost_per_unit="4")
    await item(api, buyer, "Milk", unit="l", reorder_level="3")
    await item(api, buyer, "Salt", current_stock="6", reorder_level="5")
    answer = await api.ItemService.SuggestOrders(item_pb2.SuggestOrdersRequest(), principal=buyer)
    assert [(one.name, one.suggested_quantity) for one in answer.results] == [("Flour", "18.000"), ("Milk", "6.000")]


async def test_entries_are_never_changed_even_by_the_service_itself(inventory: RunningService, api: Api) -> None:
    created = await item(api, manager(uuid4()), current_stock="3")

    async def tamper(statement: sa.Executable) -> None:
        async with inventory.database.write(SYSTEM) as session:
            await session.execute(statement)

    for statement in (
        sa.update(StockEntry).values(reason="Nothing happened").where(StockEntry.item_id == created.id),
        sa.delete(StockEntry).where(StockEntry.item_id == created.id),
    ):
        with pytest.raises(sa.exc.DBAPIError, match="never changed"):
            inventory.run(tamper(statement))


async def test_running_low_running_out_and_coming_back_are_published(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    buyer = manager(restaurant_id)
    created = await item(api, buyer, current_stock="10", reorder_level="4")
    for stock in ("4", "0", "9"):
        await change(api, buyer, created.id, current_stock=stock)
    low = await bus.of_aggregate(facts.StockLow, created.id, 1)
    out = await bus.of_aggregate(facts.StockOut, created.id, 1)
    restored = await bus.of_aggregate(facts.StockRestored, created.id, 2)
    moved = await bus.of_aggregate(facts.StockMoved, created.id, 4)
    assert [D(one.message.stock.quantity) for one in (*low, *out)] == [D(4), D(0)]
    assert [D(one.message.stock.quantity) for one in restored] == [D(10), D(9)]
    assert [(one.message.kind, D(one.message.quantity)) for one in moved] == [
        ("OPENING", D(10)),
        ("COUNT", D(-6)),
        ("COUNT", D(-4)),
        ("COUNT", D(9)),
    ]
    assert [one.envelope.version for one in moved] == [1, 2, 3, 4]
