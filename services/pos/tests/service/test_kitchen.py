"""Tickets: opened by orders, bumped, recalled; the order follows its lines."""

from uuid import uuid4

import pytest

from mizan.pos.events.v1 import events_pb2 as facts
from mizan.pos.v1 import kitchen_pb2, order_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.pos.tests.conftest import manager, order, sell, waiter


async def tickets(api: Api, principal, **filters) -> list[kitchen_pb2.Ticket]:
    answer = await api.KitchenService.ListTickets(kitchen_pb2.ListTicketsRequest(**filters), principal=principal)
    return list(answer.results)


async def status(api: Api, principal, order_id: str) -> str:
    return (await api.OrderService.GetOrder(order_pb2.OrderRequest(id=order_id), principal=principal)).status


async def test_a_ticket_is_begun_bumped_and_recalled_and_the_order_follows(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    tea = await sell(api, chef, "Tea", "10")
    taken = await order(api, chef, (tea, 2), notes="Quickly")
    (ticket,) = await tickets(api, chef)
    assert (ticket.status, ticket.order, [(line.name, line.quantity) for line in ticket.lines]) == (
        "NEW",
        taken.id,
        [("Tea", 2)],
    )
    this = kitchen_pb2.TicketRequest(id=ticket.id)
    assert (await api.KitchenService.StartTicket(this, principal=chef)).status == "PREPARING"
    assert await status(api, chef, taken.id) == "PREPARING"
    bumped = await api.KitchenService.BumpTicket(this, principal=chef)
    assert (bumped.status, bumped.HasField("bumped_at")) == ("READY", True)
    assert await status(api, chef, taken.id) == "READY"
    assert await tickets(api, chef) == []
    with pytest.raises(RemoteRefusal) as refused:
        await api.KitchenService.BumpTicket(this, principal=chef)
    assert refused.value.code == "invalid_transition"
    assert (await api.KitchenService.RecallTicket(this, principal=chef)).status == "PREPARING"
    assert await status(api, chef, taken.id) == "PREPARING"
    # What a kitchen's screen shows is in the events: it need not ask back.
    opened = (await bus.first(facts.TicketOpened, restaurant_id)).message.ticket
    assert (opened.id, opened.notes, opened.order_number) == (ticket.id, "Quickly", taken.order_number)
    assert opened.opened_at == ticket.created_at
    told = await bus.of_aggregate(facts.TicketChanged, ticket.id, 3)
    stood = [(one.message.ticket.status, one.message.ticket.HasField("bumped_at")) for one in told]
    assert stood == [("PREPARING", False), ("READY", True), ("PREPARING", False)]
    assert [one.message.ticket.version for one in told] == [2, 3, 4]


async def test_more_goes_on_a_waiting_ticket_and_on_a_new_one_once_it_is_begun(api: Api) -> None:
    chef = manager(uuid4())
    tea = await sell(api, chef, "Tea", "10")
    taken = await order(api, chef, (tea, 1))
    more = order_pb2.AddItemRequest(id=taken.id, menu_item_id=tea.id)
    await api.OrderService.AddItem(more, principal=chef)
    (first,) = await tickets(api, chef)
    assert len(first.lines) == 2
    await api.KitchenService.BumpTicket(kitchen_pb2.TicketRequest(id=first.id), principal=chef)
    await api.OrderService.AddItem(more, principal=chef)
    assert await status(api, chef, taken.id) == "PREPARING"
    (second,) = await tickets(api, chef)
    assert (second.id != first.id, len(second.lines)) == (True, 1)
    await api.KitchenService.SetLineStatus(
        kitchen_pb2.SetLineStatusRequest(id=second.lines[0].id, status="READY"), principal=chef
    )
    assert await status(api, chef, taken.id) == "READY"


async def test_a_voided_orders_tickets_are_cancelled(api: Api) -> None:
    chef = manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    await api.OrderService.DeleteOrder(order_pb2.OrderRequest(id=taken.id), principal=chef)
    assert await tickets(api, chef) == []
    (cancelled,) = await tickets(api, chef, status="CANCELLED")
    assert cancelled.order == taken.id


async def test_moving_an_order_on_costs_the_same_for_1_line_and_for_20(pos: RunningService, api: Api) -> None:
    chef = manager(uuid4())
    tea = await sell(api, chef, "Tea", "10")

    async def costs(lines: int) -> list[int]:
        served, bumped = [await order(api, chef, *((tea, 1) for _ in range(lines))) for _ in range(2)]
        ticket = next(one for one in await tickets(api, chef) if one.order == bumped.id)
        with pos.statements() as bumping:
            this = kitchen_pb2.TicketRequest(id=ticket.id)
            shown = await api.KitchenService.BumpTicket(this, principal=chef)
        with pos.statements() as serving:
            step = order_pb2.SetOrderStatusRequest(id=served.id, status="SERVED")
            whole = await api.OrderService.SetOrderStatus(step, principal=chef)
        with pos.statements() as voiding:
            void = order_pb2.VoidOrderRequest(id=bumped.id, reason="Left")
            gone = await api.OrderService.VoidOrder(void, principal=chef)
        for stood, wanted in ((shown.lines, "READY"), (whole.line_items, "SERVED"), (gone.line_items, "CANCELLED")):
            assert [line.status for line in stood] == [wanted] * lines
        return [len(bumping), len(serving), len(voiding)]

    for_one = await costs(1)
    assert await costs(20) == for_one
    assert for_one[0] == 7


async def test_only_the_own_kitchen_works_a_ticket(pos: RunningService, api: Api) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    tea = await sell(api, chef, "Tea", "10")
    await order(api, chef, (tea, 1))
    (ticket,) = await tickets(api, chef)
    this = kitchen_pb2.TicketRequest(id=ticket.id)
    line = kitchen_pb2.SetLineStatusRequest(id=ticket.lines[0].id, status="READY")
    for principal, code in ((manager(uuid4()), "not_found"), (waiter(restaurant_id), "permission_denied")):
        for refuses in (
            api.KitchenService.StartTicket(this, principal=principal),
            api.KitchenService.BumpTicket(this, principal=principal),
            api.KitchenService.RecallTicket(this, principal=principal),
            api.KitchenService.SetLineStatus(line, principal=principal),
        ):
            with pytest.raises(RemoteRefusal) as refused:
                await refuses
            assert refused.value.code == code
    with pos.statements() as for_one:
        assert len(await tickets(api, chef)) == 1
    for _ in range(19):
        await order(api, chef, (tea, 1))
    with pos.statements() as for_many:
        assert len(await tickets(api, chef)) == 20
    assert len(for_one) == len(for_many) == 3
