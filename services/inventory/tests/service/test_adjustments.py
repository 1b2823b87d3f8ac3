"""Corrections and counts: each an entry of the ledger, reversed and never rewritten, whoever comes at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mizan.inventory.v1 import adjustment_pb2, count_pb2, item_pb2
from refdata.testing import staff_event
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from services.inventory.tests.conftest import cook, manager
from services.inventory.tests.stock import entries, item, kinds, read

D = Decimal


async def adjust(api: Api, principal: Principal, item_id: str, kind: str, quantity: str, **fields: Any) -> Any:
    request = adjustment_pb2.CreateAdjustmentRequest(
        inventory_item=item_id, adjustment_type=kind, quantity_changed=quantity, **fields
    )
    return await api.AdjustmentService.CreateAdjustment(request, principal=principal)


async def change(api: Api, principal: Principal, adjustment_id: str, **fields: Any) -> Any:
    request = adjustment_pb2.UpdateAdjustmentRequest(id=adjustment_id, **fields)
    request.update_mask.paths.extend(fields)
    return await api.AdjustmentService.UpdateAdjustment(request, principal=principal)


async def listed(api: Api, principal: Principal, **wanted: Any) -> list[Any]:
    request = adjustment_pb2.ListAdjustmentsRequest(**wanted)
    return list((await api.AdjustmentService.ListAdjustments(request, principal=principal)).results)


async def test_what_is_added_and_thrown_away_is_in_the_ledger_with_its_value(
    inventory: RunningService, api: Api, bus: Bus
) -> None:
    restaurant_id = uuid4()
    buyer = manager(restaurant_id)
    event = staff_event(restaurant_id, UUID(buyer.subject), "Amina", 1)
    await handled(inventory, "inventory-refdata", await bus.publish(event, restaurant_id=restaurant_id))
    flour = await item(api, buyer, current_stock="10", cost_per_unit="2")
    await adjust(api, buyer, flour.id, "ADD", "5")
    wasted = await adjust(api, buyer, flour.id, "WASTE", "4", reason="Damp")
    moved = await adjust(api, buyer, flour.id, "TRANSFER", "3")
    assert (wasted.quantity, wasted.quantity_changed, wasted.value) == ("4.000", "4.000", "-8.00")
    assert (wasted.adjusted_by, wasted.adjusted_by_info.first_name) == (buyer.subject, "Amina")
    assert wasted.inventory_item_info.current_stock == "11.000"
    assert moved.value == "0.00"
    assert await kinds(api, buyer, flour.id) == [("OPENING", D(10)), ("ADD", D(5)), ("WASTE", D(-4))]
    assert [one.adjustment_type for one in await listed(api, buyer)] == ["TRANSFER", "WASTE", "ADD"]
    assert [one.id for one in await listed(api, buyer, adjustment_type="WASTE")] == [wasted.id]


async def test_a_unit_of_the_item_is_converted_and_another_refused(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(
        api,
        buyer,
        current_stock="10",
        conversions=[item_pb2.UnitConversion(unit="bag", quantity="25", of_unit="kg")],
    )
    assert (await adjust(api, buyer, flour.id, "ADD", "2", unit="Bags")).quantity == "50.000"
    assert (await adjust(api, buyer, flour.id, "REMOVE", "500", unit="g")).quantity == "0.500"
    assert (await read(api, buyer, flour.id)).current_stock == "59.500"
    with pytest.raises(RemoteRefusal) as refused:
        await adjust(api, buyer, flour.id, "ADD", "1", unit="l")
    assert list(refused.value.fields) == ["unit"]


async def test_more_than_there_is_cannot_be_removed_by_however_many_at_once(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer, current_stock="10", cost_per_unit="1")
    outcomes = await asyncio.gather(
        *(adjust(api, buyer, flour.id, "REMOVE", "1") for _ in range(40)), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, RemoteRefusal)]
    assert (len(outcomes) - len(refused), {one.code for one in refused}) == (10, {"not_enough_stock"})
    assert refused[0].message == "Not enough stock to remove."
    assert (await read(api, buyer, flour.id)).stock_value == "0.00"
    assert len(await entries(api, buyer, flour.id)) == 11


async def test_a_changed_adjustment_is_reversed_and_entered_anew(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer, current_stock="10", cost_per_unit="2")
    salt = await item(api, buyer, "Salt", current_stock="8")
    added = await adjust(api, buyer, flour.id, "ADD", "5")
    same = {"inventory_item": flour.id, "adjustment_type": "ADD", "quantity_changed": "5", "quantity": "5"}
    assert (await change(api, buyer, added.id, **same, reason="Found")).reason == "Found"
    assert len(await kinds(api, buyer, flour.id)) == 2
    changed = await change(api, buyer, added.id, **{**same, "quantity": "7"})
    assert (changed.quantity, changed.quantity_changed) == ("7.000", "7.000")
    assert await kinds(api, buyer, flour.id) == [("OPENING", D(10)), ("ADD", D(5)), ("REVERSAL", D(-5)), ("ADD", D(7))]
    await change(api, buyer, added.id, inventory_item=salt.id, adjustment_type="WASTE")
    assert (await read(api, buyer, flour.id)).current_stock == "10.000"
    assert (await read(api, buyer, salt.id)).current_stock == "1.000"


async def test_a_deleted_adjustment_is_reversed_once_and_its_entry_stays(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer, current_stock="10", cost_per_unit="2")
    wasted = await adjust(api, buyer, flour.id, "WASTE", "4")
    request = adjustment_pb2.DeleteAdjustmentRequest(id=wasted.id)
    outcomes = await asyncio.gather(
        *(api.AdjustmentService.DeleteAdjustment(request, principal=buyer) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, RemoteRefusal) and one.code == "not_found" for one in outcomes) == 3
    assert await listed(api, buyer) == []
    ledger = await entries(api, buyer, flour.id)
    assert [(one.kind, D(one.quantity)) for one in ledger[1:]] == [("WASTE", D(-4)), ("REVERSAL", D(4))]
    assert ledger[2].reverses == ledger[1].id
    assert (await read(api, buyer, flour.id)).stock_value == "20.00"


async def test_reversing_what_was_used_meanwhile_shows_below_zero(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer)
    added = await adjust(api, buyer, flour.id, "ADD", "5")
    await adjust(api, buyer, flour.id, "REMOVE", "4")
    await api.AdjustmentService.DeleteAdjustment(adjustment_pb2.DeleteAdjustmentRequest(id=added.id), principal=buyer)
    found = await read(api, buyer, flour.id)
    assert (found.current_stock, found.stock_state) == ("-4.000", "OUT")


async def test_it_may_have_happened_earlier_but_not_later(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer, current_stock="10")
    yesterday, tomorrow = Timestamp(), Timestamp()
    yesterday.FromDatetime(datetime.now(UTC) - timedelta(days=1))
    tomorrow.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    await adjust(api, buyer, flour.id, "WASTE", "1", occurred_at=yesterday)
    ledger = await entries(api, buyer, flour.id)
    assert ledger[1].occurred_at == yesterday
    assert ledger[1].created_at.seconds > yesterday.seconds
    with pytest.raises(RemoteRefusal) as refused:
        await adjust(api, buyer, flour.id, "WASTE", "1", occurred_at=tomorrow)
    assert list(refused.value.fields) == ["occurred_at"]


async def test_a_count_takes_what_was_found_and_tells_what_is_missing(api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer, current_stock="10", cost_per_unit="2")
    milk = await item(api, buyer, "Milk", unit="l", current_stock="3", cost_per_unit="1")
    salt = await item(api, buyer, "Salt", current_stock="1")
    request = count_pb2.CreateCountRequest(
        notes="Sunday",
        lines=[
            count_pb2.CountedItem(inventory_item=flour.id, counted_quantity="8500", unit="g"),
            count_pb2.CountedItem(inventory_item=milk.id, counted_quantity="3"),
        ],
    )
    count = await api.CountService.CreateCount(request, principal=buyer)
    assert count.total_variance == "-3.00"
    assert [(one.name, one.system_quantity, one.counted_quantity, one.variance) for one in count.lines] == [
        ("Flour", "10.000", "8.500", "-1.500"),
        ("Milk", "3.000", "3.000", "0.000"),
    ]
    assert await kinds(api, buyer, flour.id) == [("OPENING", D(10)), ("COUNT", D("-1.5"))]
    assert len(await kinds(api, buyer, milk.id)) == len(await kinds(api, buyer, salt.id)) == 1
    found = await api.CountService.GetCount(count_pb2.GetCountRequest(id=count.id), principal=buyer)
    assert found == count
    answer = await api.CountService.ListCounts(count_pb2.ListCountsRequest(), principal=buyer)
    assert [(one.id, one.notes, len(one.lines)) for one in answer.results] == [(count.id, "Sunday", 0)]
    twice = count_pb2.CreateCountRequest(lines=[request.lines[1], request.lines[1]])
    with pytest.raises(RemoteRefusal) as refused:
        await api.CountService.CreateCount(twice, principal=buyer)
    assert list(refused.value.fields) == ["lines"]


async def test_another_restaurant_corrects_and_counts_nothing_here(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    flour = await item(api, ours, current_stock="10")
    salt = await item(api, theirs, "Salt", current_stock="1")
    added = await adjust(api, ours, flour.id, "ADD", "1")
    their = await adjust(api, theirs, salt.id, "ADD", "1")
    lines = [count_pb2.CountedItem(inventory_item=flour.id, counted_quantity="0")]
    attempts = [
        adjust(api, theirs, flour.id, "REMOVE", "1"),
        change(api, theirs, added.id, quantity="9"),
        change(api, theirs, their.id, inventory_item=flour.id),
        api.AdjustmentService.GetAdjustment(adjustment_pb2.GetAdjustmentRequest(id=added.id), principal=theirs),
        api.AdjustmentService.DeleteAdjustment(adjustment_pb2.DeleteAdjustmentRequest(id=added.id), principal=theirs),
        api.CountService.CreateCount(count_pb2.CreateCountRequest(lines=lines), principal=theirs),
    ]
    for attempt in attempts:
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        assert refused.value.code == "not_found"
    assert await listed(api, theirs, inventory_item=flour.id) == []
    assert (await read(api, ours, flour.id)).current_stock == "11.000"
    assert (await read(api, theirs, salt.id)).current_stock == "2.000"


async def test_cooks_correct_nothing(api: Api) -> None:
    restaurant_id = uuid4()
    flour = await item(api, manager(restaurant_id))
    with pytest.raises(RemoteRefusal) as refused:
        await adjust(api, cook(restaurant_id), flour.id, "ADD", "1")
    assert refused.value.code == "permission_denied"


async def test_a_list_costs_the_same_for_1_row_and_for_30(inventory: RunningService, api: Api) -> None:
    buyer = manager(uuid4())
    flour = await item(api, buyer)
    await adjust(api, buyer, flour.id, "ADD", "1")
    with inventory.statements() as for_one:
        assert len(await listed(api, buyer)) == 1
    for _ in range(29):
        await adjust(api, buyer, flour.id, "ADD", "1")
    with inventory.statements() as for_thirty:
        assert len(await listed(api, buyer)) == 30
    assert len(for_one) == len(for_thirty) == 2
