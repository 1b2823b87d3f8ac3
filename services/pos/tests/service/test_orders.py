"""Orders: taken whole, numbered without gaps, changed by several people at once, moved on step by step."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.pos.events.v1 import events_pb2 as facts
from mizan.pos.v1 import dining_table_pb2, discount_pb2, menu_item_pb2, modifier_pb2, order_pb2
from refdata.queries import DEFAULT_TIME_ZONE
from servicekit.errors import Refusal
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.pos.tests.conftest import manager, order, sell, waiter


async def read(api: Api, principal, order_id: str) -> order_pb2.Order:
    return await api.OrderService.GetOrder(order_pb2.OrderRequest(id=order_id), principal=principal)


async def test_an_order_is_taken_with_its_lines_and_priced_here(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef, server = manager(restaurant_id), waiter(restaurant_id)
    await api.ModifierService.CreateTaxCategory(
        modifier_pb2.CreateTaxCategoryRequest(name="VAT", rate="10", is_inclusive=True, is_default=True), principal=chef
    )
    group = await api.ModifierService.CreateModifierGroup(
        modifier_pb2.CreateModifierGroupRequest(
            name="Extras",
            maximum=2,
            modifiers=[modifier_pb2.ModifierInput(name="Cheese", price="5.50"), modifier_pb2.ModifierInput(name="Egg")],
        ),
        principal=chef,
    )
    tagine = await sell(api, chef, "Tagine", "60.00", modifier_groups=[group.id])
    tea = await sell(api, chef, "Tea", "12.50")
    request = order_pb2.CreateOrderRequest(
        guest_count=2,
        customer_phone="+212 6 12-34-56-78",
        line_items=[
            order_pb2.OrderLineInput(
                menu_item_id=tagine.id, quantity=2, modifiers=[group.modifiers[0].id], special_instructions="no salt"
            ),
            order_pb2.OrderLineInput(menu_item_id=tea.id),
        ],
    )
    priced = await api.OrderService.PriceOrder(request, principal=server)
    taken = await api.OrderService.CreateOrder(request, principal=server)
    assert [
        (line.menu_item.name, Decimal(line.unit_price), Decimal(line.total_price)) for line in taken.line_items
    ] == [
        ("Tagine", Decimal("65.5"), Decimal("131")),
        ("Tea", Decimal("12.5"), Decimal("12.5")),
    ]
    assert Decimal(taken.subtotal) == Decimal(taken.total_amount) == Decimal(priced.total_amount) == Decimal("143.5")
    assert Decimal(taken.tax_amount) == Decimal(taken.tax_included) == Decimal("13.05")
    assert (taken.status, taken.customer_phone, taken.server) == ("PENDING", "+212612345678", server.subject)
    assert taken.order_number.endswith("-0001")
    assert await read(api, server, taken.id) == taken
    opened = (await bus.first(facts.OrderOpened, restaurant_id)).message.order
    assert [(line.menu_item_id, line.quantity) for line in opened.lines] == [(tagine.id, 2), (tea.id, 1)]
    ticket = (await bus.first(facts.TicketOpened, restaurant_id)).message.ticket
    assert [(line.name, list(line.modifiers)) for line in ticket.lines] == [("Tagine", ["Cheese"]), ("Tea", [])]


async def test_modifiers_are_those_of_the_item_and_within_limits(api: Api) -> None:
    chef = manager(uuid4())
    group = await api.ModifierService.CreateModifierGroup(
        modifier_pb2.CreateModifierGroupRequest(
            name="Cooking",
            minimum=1,
            maximum=1,
            modifiers=[modifier_pb2.ModifierInput(name="Rare"), modifier_pb2.ModifierInput(name="Done")],
        ),
        principal=chef,
    )
    steak = await sell(api, chef, "Steak", "90", modifier_groups=[group.id])
    choices = [modifier.id for modifier in group.modifiers]
    for chosen, code in (([], "modifier_limits"), (choices, "modifier_limits"), ([str(uuid4())], "unknown_modifier")):
        line = order_pb2.OrderLineInput(menu_item_id=steak.id, modifiers=chosen)
        with pytest.raises(RemoteRefusal) as refused:
            await api.OrderService.CreateOrder(order_pb2.CreateOrderRequest(line_items=[line]), principal=chef)
        assert refused.value.code == code


async def test_what_has_run_out_or_is_of_another_menu_is_not_sold(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    fish = await sell(api, chef, "Fish", "80")
    foreign = await sell(api, manager(uuid4()), "Fish", "1")
    out = menu_item_pb2.SetMenuItemAvailabilityRequest(id=fish.id, is_available=False)
    assert not (await api.MenuItemService.SetMenuItemAvailability(out, principal=chef)).is_available
    assert (await bus.first(facts.MenuItemSoldOut, restaurant_id)).message.item.id == fish.id
    for item, code in ((fish, "item_unavailable"), (foreign, "menu_item_not_found")):
        with pytest.raises(RemoteRefusal) as refused:
            await order(api, chef, (item, 1))
        assert refused.value.code == code


async def test_numbers_have_no_gaps_and_no_collisions_and_are_each_restaurants_own(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    item = await sell(api, ours, "Tea", "10")
    unknown = menu_item_pb2.MenuItem(id=str(uuid4()))
    attempts = [order(api, ours, (unknown if number % 3 == 0 else item, 1)) for number in range(12)]
    taken = await asyncio.gather(*attempts, return_exceptions=True)
    numbers = sorted(one.order_number[-4:] for one in taken if isinstance(one, order_pb2.Order))
    assert numbers == [f"{number:04}" for number in range(1, 9)]
    assert (await order(api, theirs)).order_number.endswith("-0001")


async def test_numbers_follow_the_turn_of_the_day_when_it_changes(api: Api, clock: MovableClock) -> None:
    chef = manager(uuid4())
    item = await sell(api, chef, "Tea", "10")
    night = clock.now().astimezone(DEFAULT_TIME_ZONE).replace(hour=2, minute=0) + timedelta(days=1)
    clock.advance(night - clock.now())

    async def numbers(day_starts_at: str, count: int) -> list[tuple[str, str]]:
        change = discount_pb2.UpdateBillSettingsRequest(day_starts_at=day_starts_at)
        change.update_mask.paths.append("day_starts_at")
        await api.DiscountService.UpdateBillSettings(change, principal=chef)
        taken = [await order(api, chef, (item, 1)) for _ in range(count)]
        return [(one.business_date, one.order_number[-4:]) for one in taken]

    today, before = night.date().isoformat(), (night - timedelta(days=1)).date().isoformat()
    assert await numbers("00:00", 2) == [(today, "0001"), (today, "0002")]
    assert await numbers("05:00", 2) == [(before, "0001"), (before, "0002")]
    assert await numbers("00:00", 1) == [(today, "0003")]


async def test_eight_people_change_one_order_and_nothing_is_lost(api: Api) -> None:
    chef = manager(uuid4())
    item = await sell(api, chef, "Tea", "3.33")
    taken = await order(api, chef, (item, 1))

    async def add_one() -> bool:
        seen = await read(api, chef, taken.id)
        request = order_pb2.AddItemRequest(id=taken.id, menu_item_id=item.id, version=seen.version)
        try:
            await api.OrderService.AddItem(request, principal=chef)
        except Refusal as refusal:
            return refusal.code != "stale_version"
        return True

    async def add_three() -> None:
        for _ in range(3):
            while not await add_one():
                continue

    await asyncio.gather(*(add_three() for _ in range(8)))
    final = await read(api, chef, taken.id)
    assert len(final.line_items) == 25
    assert Decimal(final.total_amount) == Decimal("3.33") * 25
    assert final.version == 25


async def test_lines_are_changed_and_removed_and_begun_ones_only_by_those_who_may_void(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef, server = manager(restaurant_id), waiter(restaurant_id)
    item = await sell(api, chef, "Tea", "10")
    taken = await order(api, server, (item, 2), (item, 1))
    first, second = taken.items
    change = order_pb2.UpdateOrderItemRequest(order_id=taken.id, item_id=first.id, quantity=5)
    change.update_mask.paths.append("quantity")
    assert Decimal((await api.OrderService.UpdateOrderItem(change, principal=server)).total_price) == 50
    removal = order_pb2.OrderItemRequest(order_id=taken.id, item_id=second.id)
    await api.OrderService.DeleteOrderItem(removal, principal=server)
    assert Decimal((await read(api, server, taken.id)).total_amount) == 50
    told = [one.message.order for one in await bus.of_aggregate(facts.OrderUpdated, taken.id, 2)]
    assert [[line.quantity for line in one.lines] for one in told] == [[5, 1], [5]]
    moved = order_pb2.SetOrderStatusRequest(id=taken.id, status="PREPARING")
    await api.OrderService.SetOrderStatus(moved, principal=server)
    removal.item_id = first.id
    with pytest.raises(RemoteRefusal) as refused:
        await api.OrderService.DeleteOrderItem(removal, principal=server)
    assert refused.value.code == "line_begun"
    await api.OrderService.DeleteOrderItem(removal, principal=chef)
    left = await read(api, server, taken.id)
    assert [line.status for line in left.line_items] == ["CANCELLED"]
    assert Decimal(left.total_amount) == 0


async def test_steps_that_the_state_forbids_are_refused(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    item = await sell(api, chef, "Tea", "10")
    taken = await order(api, chef, (item, 1))

    async def to(status: str) -> order_pb2.Order:
        return await api.OrderService.SetOrderStatus(
            order_pb2.SetOrderStatusRequest(id=taken.id, status=status), principal=chef
        )

    for status, code in (("PAID", "not_paid"), ("COMPLETED", "not_paid")):
        with pytest.raises(RemoteRefusal) as refused:
            await to(status)
        assert refused.value.code == code
    ready = await to("READY")
    assert ready.HasField("ready_time")
    voided = await api.OrderService.VoidOrder(
        order_pb2.VoidOrderRequest(id=taken.id, reason="Left", version=ready.version), principal=chef
    )
    assert (voided.status, voided.void_reason) == ("CANCELLED", "Left")
    assert (await bus.first(facts.OrderVoided, restaurant_id)).message.reason == "Left"
    with pytest.raises(RemoteRefusal) as refused:
        await to("PREPARING")
    assert refused.value.code == "invalid_transition"
    with pytest.raises(RemoteRefusal) as refused:
        await api.OrderService.AddItem(order_pb2.AddItemRequest(id=taken.id, menu_item_id=item.id), principal=chef)
    assert refused.value.code == "order_closed"


async def test_discounts_stay_within_the_subtotal(api: Api) -> None:
    chef = manager(uuid4())
    item = await sell(api, chef, "Tea", "10")
    taken = await order(api, chef, (item, 2))

    async def by(amount: str) -> order_pb2.Order:
        request = order_pb2.ApplyDiscountRequest(id=taken.id, discount_amount=amount, discount_reason="Late")
        return await api.OrderService.ApplyDiscount(request, principal=chef)

    for amount in ("20.01", "-1", "0.001"):
        with pytest.raises(RemoteRefusal) as refused:
            await by(amount)
        assert refused.value.code == "invalid_discount"
    assert Decimal((await by("15")).total_amount) == 5
    removal = order_pb2.RemoveItemRequest(id=taken.id, line_item_id=taken.items[0].id)
    assert Decimal((await api.OrderService.RemoveItem(removal, principal=chef)).total_amount) == 0


async def test_an_order_is_seated_cleared_and_the_table_cleaned(api: Api) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    tables = api.DiningTableService
    made = await tables.CreateStaffTable(
        dining_table_pb2.CreateStaffTableRequest(number="7", capacity=2), principal=chef
    )
    with pytest.raises(RemoteRefusal) as refused:
        await tables.CreateStaffTable(dining_table_pb2.CreateStaffTableRequest(number="7"), principal=chef)
    assert list(refused.value.fields) == ["number"]
    first, second = await order(api, chef), await order(api, chef)
    seating = dining_table_pb2.AssignOrderRequest(id=made.id, order_id=first.id)
    seated = await tables.AssignOrder(seating, principal=chef)
    assert (seated.status, seated.current_order) == ("OCCUPIED", first.id)
    with pytest.raises(RemoteRefusal) as refused:
        await tables.AssignOrder(dining_table_pb2.AssignOrderRequest(id=made.id, order_id=second.id), principal=chef)
    assert refused.value.code == "table_occupied"
    this = dining_table_pb2.TableRequest(id=made.id)
    cleared = await tables.ClearTable(this, principal=chef)
    assert (cleared.status, cleared.HasField("current_order")) == ("NEEDS_CLEANING", False)
    assert (await tables.MarkTableClean(this, principal=chef)).status == "AVAILABLE"
    with pytest.raises(RemoteRefusal) as refused:
        await tables.MarkTableClean(this, principal=chef)
    assert refused.value.code == "not_dirty"


async def test_guests_who_move_free_one_table_and_occupy_the_other(api: Api) -> None:
    chef = manager(uuid4())
    tables = api.DiningTableService
    first, second = [
        await tables.CreateTable(dining_table_pb2.CreateTableRequest(table_number=number), principal=chef)
        for number in (1, 2)
    ]
    taken = await order(api, chef)
    await tables.AssignOrder(dining_table_pb2.AssignOrderRequest(id=first.id, order_id=taken.id), principal=chef)
    move = order_pb2.UpdateOrderRequest(id=taken.id, table=second.id)
    move.update_mask.paths.append("table")
    assert (await api.OrderService.UpdateOrder(move, principal=chef)).table_number == 2
    listed = await tables.ListTables(dining_table_pb2.ListTablesRequest(), principal=chef)
    assert [table.status for table in listed.results] == ["AVAILABLE", "OCCUPIED"]


async def test_another_restaurants_ids_are_nowhere_found(api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    item = await sell(api, ours, "Tea", "10")
    table = await api.DiningTableService.CreateTable(
        dining_table_pb2.CreateTableRequest(table_number=1), principal=ours
    )
    taken = await order(api, ours, (item, 1), table=table.id)
    their = await order(api, theirs)
    line = taken.items[0].id
    service = api.OrderService
    for asked in (
        service.GetOrder(order_pb2.OrderRequest(id=taken.id), principal=theirs),
        service.UpdateOrder(order_pb2.UpdateOrderRequest(id=taken.id), principal=theirs),
        service.DeleteOrder(order_pb2.OrderRequest(id=taken.id), principal=theirs),
        service.SetOrderStatus(order_pb2.SetOrderStatusRequest(id=taken.id, status="READY"), principal=theirs),
        service.CreateOrder(order_pb2.CreateOrderRequest(table=table.id), principal=theirs),
        service.AddItem(order_pb2.AddItemRequest(id=their.id, menu_item_id=item.id), principal=theirs),
        service.RemoveItem(order_pb2.RemoveItemRequest(id=their.id, line_item_id=line), principal=theirs),
        service.GetOrderItem(order_pb2.OrderItemRequest(order_id=taken.id, item_id=line), principal=theirs),
        service.ApplyDiscount(order_pb2.ApplyDiscountRequest(id=taken.id, discount_amount="1"), principal=theirs),
        api.DiningTableService.AssignOrder(
            dining_table_pb2.AssignOrderRequest(id=table.id, order_id=their.id), principal=theirs
        ),
        api.DiningTableService.AssignOrder(
            dining_table_pb2.AssignOrderRequest(id=table.id, order_id=their.id), principal=ours
        ),
        api.MenuItemService.GetMenuItem(menu_item_pb2.MenuItemRequest(id=item.id), principal=theirs),
        api.MenuItemService.DeleteMenuItem(menu_item_pb2.MenuItemRequest(id=item.id), principal=theirs),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await asked
        assert refused.value.http_status in (0, 404), refused.value
        assert "not_found" in refused.value.code
    listed = await service.ListOrders(order_pb2.ListOrdersRequest(table=table.id), principal=theirs)
    assert listed.count == 0
    assert await read(api, ours, taken.id) == taken


async def test_an_order_is_taken_in_one_round_trip_and_the_commit(pos: RunningService, api: Api) -> None:
    chef = manager(uuid4())
    items = [await sell(api, chef, f"Tea {number}", "10") for number in range(5)]
    await order(api, chef, *((item, 1) for item in items))
    with pos.statements() as ran:
        await order(api, chef, *((item, 1) for item in items))
    # The menu, the surroundings and the number; then orders, tickets, lines and events.
    assert [statement.split(None, 3)[:3] for statement in ran[2:]] == [
        ["INSERT", "INTO", table] for table in ("order_counters", "orders", "kitchen_tickets", "order_lines", "outbox")
    ]


async def test_lists_cost_the_same_for_1_order_and_for_30(pos: RunningService, api: Api) -> None:
    chef = manager(uuid4())
    item = await sell(api, chef, "Tea", "10")
    await order(api, chef, (item, 1))
    with pos.statements() as for_one:
        listed = await api.OrderService.ListOrders(order_pb2.ListOrdersRequest(), principal=chef)
        assert listed.count == 1
    for _ in range(29):
        await order(api, chef, (item, 1), (item, 2))
    with pos.statements() as for_many:
        listed = await api.OrderService.ListOrders(order_pb2.ListOrdersRequest(), principal=chef)
        assert (listed.count, len(listed.results)) == (30, 30)
    assert len(for_one) == len(for_many) == 4


async def test_tables_are_listed_filtered_and_counted_at_a_fixed_cost(pos: RunningService, api: Api) -> None:
    chef = manager(uuid4())
    tables = api.DiningTableService

    async def add(number: int, **fields: Any) -> dining_table_pb2.DiningTable:
        request = dining_table_pb2.CreateTableRequest(table_number=number, **fields)
        return await tables.CreateTable(request, principal=chef)

    first = await add(1, section="Patio")
    taken = await order(api, chef, table=first.id)
    with pos.statements() as for_one:
        (shown,) = (await tables.ListStaffTables(dining_table_pb2.ListTablesRequest(), principal=chef)).results
    assert shown.current_order == taken.id
    for number in range(2, 30):
        await add(number, status="NEEDS_CLEANING" if number == 2 else "AVAILABLE")
    with pos.statements() as for_many:
        listed = await tables.ListStaffTables(dining_table_pb2.ListTablesRequest(), principal=chef)
    assert [table.number for table in listed.results] == [str(number) for number in range(1, 30)]
    assert len(for_one) == len(for_many) == 2
    patio = await tables.ListTables(dining_table_pb2.ListTablesRequest(section="Patio"), principal=chef)
    assert [table.id for table in patio.results] == [first.id]
    counted = await tables.GetTableStatistics(Empty(), principal=chef)
    assert (counted.total_tables, counted.available, counted.needs_cleaning) == (29, 28, 1)
    (dirty,) = (await tables.ListTablesNeedingCleaning(Empty(), principal=chef)).results
    assert dirty.number == "2"
