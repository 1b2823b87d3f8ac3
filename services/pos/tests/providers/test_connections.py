"""Till systems of others: connected, synced, asked about by agents."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import agent_pb2 as identity_agent_pb2
from mizan.pos.events.v1 import events_pb2 as facts
from mizan.pos.v1 import agent_pb2, provider_pb2
from refdata import DEFAULT_TIME_ZONE
from refdata.testing import restaurant_event
from servicekit.errors import Unavailable
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import Bus, handled
from servicekit.testing.service import Api, RunningService
from servicekit.zones import day_of
from services.pos import tasks
from services.pos.tests.conftest import manager, order, run_jobs, sell, waiter
from services.pos.tests.neighbours import FakeIdentity
from services.pos.tests.providers.conftest import (
    AGENT,
    authorize,
    come_back,
    connect,
    connect_square,
    menu,
    refusal,
    rows,
    status,
    summary,
)
from services.pos.tests.service.test_payments import pay
from tools.till_server.server import TillServer


def person_who_may(person_id: str, *permissions: str) -> identity_agent_pb2.ContextPerson:
    return identity_agent_pb2.ContextPerson(id=person_id, name="Somebody", permissions=permissions)


async def test_square_is_connected_synced_renewed_and_disconnected(
    pos: RunningService, api: Api, bus: Bus, tills: TillServer, clock: MovableClock
) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    own = await sell(api, chef, "Tagine", "50")
    merchant = f"M-{uuid4().hex[:8]}"
    tills.square.merchant(merchant)
    tills.square.category(merchant, "C1", "Mains")
    tills.square.item(merchant, "I1", "Tagine", {"Regular": 6000}, "C1")
    tills.square.item(merchant, "I2", "Tea", {"Small": 1000, "Large": 1550})
    tills.square.order(merchant, "O1", 16200, tip=1000, at=clock.now() - timedelta(hours=1))
    said = await come_back(api, state=await authorize(api, chef), code=tills.square.code(merchant))
    assert said == {"tab": ["integrations"], "square": ["connected"]}
    run_jobs(pos)

    items = await menu(api, chef)
    assert {name: Decimal(item.price) for name, item in items.items()} == {
        "Tagine": Decimal(60),
        "Tea (Small)": Decimal(10),
        "Tea (Large)": Decimal("15.5"),
    }
    assert (items["Tagine"].id, items["Tagine"].external_id) == (own.id, "I1-1")
    assert items["Tagine"].category_info.name == "Mains"
    connected = await status(api, chef)
    assert (connected.provider, connected.is_connected, connected.sync_status) == ("SQUARE", True, "CONNECTED")
    assert {sync.kind: (sync.state, sync.total_records) for sync in connected.syncs} == {
        "menu": ("IDLE", 4),
        "orders": ("IDLE", 1),
    }
    told = (await bus.first(facts.ProviderChanged, restaurant_id)).message
    assert (told.provider, told.is_connected, told.merchant_id) == ("SQUARE", True, merchant)
    begun = [one.message.sync for one in await bus.of_aggregate(facts.SyncStarted, restaurant_id, 2)]
    done = [one.message.sync for one in await bus.of_aggregate(facts.SyncCompleted, restaurant_id, 2)]
    assert {sync.kind for sync in begun} == {"menu", "orders"}
    assert {sync.kind: sync.records for sync in done} == {"menu": 4, "orders": 1}
    (stored,) = rows(
        pos, "SELECT secret, refresh_token FROM provider_connections WHERE restaurant_id = :id", id=restaurant_id
    )
    assert b"EAAA" not in bytes(stored.secret)
    assert b"EQAA" not in bytes(stored.refresh_token)

    # What Square has no more is taken off the menu, and what it renames is renamed; a second run changes nothing.
    del tills.square.catalog[merchant]["I2"]
    tills.square.item(merchant, "I1", "Royal tagine", {"Regular": 6500}, "C1")
    synced = await api.ProviderService.SyncMenu(Empty(), principal=chef)
    assert (synced.success, synced.items_synced, synced.categories_synced, synced.provider) == (True, 1, 1, "Square")
    items = await menu(api, chef)
    assert {name: item.is_active for name, item in items.items()} == {
        "Royal tagine": True,
        "Tea (Small)": False,
        "Tea (Large)": False,
    }
    versions = rows(pos, "SELECT version FROM menu_items WHERE restaurant_id = :id ORDER BY id", id=restaurant_id)
    await api.ProviderService.SyncMenu(Empty(), principal=chef)
    again = rows(pos, "SELECT version FROM menu_items WHERE restaurant_id = :id ORDER BY id", id=restaurant_id)
    assert again == versions

    # Tokens that would soon expire are renewed without anybody asking.
    clock.advance(timedelta(days=26))
    run_jobs(pos, tasks.RENEW_TOKENS)
    (renewed,) = rows(pos, "SELECT secret FROM provider_connections WHERE restaurant_id = :id", id=restaurant_id)
    assert renewed.secret != stored.secret
    await api.ProviderService.SyncMenu(Empty(), principal=chef)

    await api.ProviderService.DisconnectSquare(Empty(), principal=chef)
    assert not (await status(api, chef)).is_connected
    assert (await refusal(api.ProviderService.SyncMenu(Empty(), principal=chef))).code == "not_connected"
    assert rows(
        pos, "SELECT 1 FROM provider_connections WHERE restaurant_id = :id AND secret IS NULL", id=restaurant_id
    )


async def test_an_authorization_works_once_and_for_its_restaurant(
    pos: RunningService, api: Api, tills: TillServer, clock: MovableClock
) -> None:
    chef, other = manager(uuid4()), manager(uuid4())
    merchant = f"M-{uuid4().hex[:8]}"
    tills.square.merchant(merchant)
    state = await authorize(api, chef)
    assert (await come_back(api, state=state, error="access_denied", error_description="<b>"))["square"] == ["error"]
    for wrong in (state, "nonsense", Fernet(Fernet.generate_key()).encrypt(b'["a","b"]').decode()):
        said = await come_back(api, state=wrong, code=tills.square.code(merchant))
        assert said["message"] == ["The authorization has expired. Please try again."]
    late = await authorize(api, chef)
    clock.advance(timedelta(minutes=11))
    assert (await come_back(api, state=late, code=tills.square.code(merchant)))["square"] == ["error"]
    refused = await come_back(api, state=await authorize(api, chef), code="sq0cgp-unknown")
    assert refused["message"] == ["The provider does not accept the credentials."]
    await come_back(api, state=await authorize(api, chef), code=tills.square.code(merchant))
    taken = await come_back(api, state=await authorize(api, other), code=tills.square.code(merchant))
    assert taken["message"] == ["This merchant is connected with another restaurant."]
    assert (await status(api, other)).provider == "NONE"
    for asked in (
        api.ProviderService.GetSquareAuthorization(Empty(), principal=waiter(uuid4())),
        api.ProviderService.DisconnectSquare(Empty(), principal=waiter(uuid4())),
        api.ProviderService.TestPosConnection(Empty(), principal=waiter(uuid4())),
        api.ProviderService.SyncMenu(Empty(), principal=waiter(uuid4())),
    ):
        assert (await refusal(asked)).code == "permission_denied"
    run_jobs(pos)


async def test_a_run_that_stopped_goes_on_where_it_was(
    pos: RunningService, api: Api, tills: TillServer, bus: Bus, clock: MovableClock
) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    merchant = await connect_square(pos, api, tills, chef)
    tills.square.order_page = 10
    for number in range(35):
        at = clock.now() - timedelta(seconds=number)
        tills.square.order(merchant, f"N{number:02}", 1000, at=at)
    tills.square.busy = 2
    seen = len(tills.square.seen)

    def pages() -> int:
        return sum(one["path"].endswith("/orders/search") for one in tills.square.seen[seen:])

    answer = await api.ProviderService.SyncOrders(provider_pb2.SyncOrdersRequest(), principal=chef)
    assert (answer.orders_count, answer.queued) == (35, False)
    assert pages() == 6  # two of them were turned away

    # It dies half-way: two pages are kept with their cursor, and the rest comes with the next run.
    for number in range(35):
        tills.square.order(merchant, f"P{number:02}", 2000, at=clock.now() - timedelta(seconds=number))
    tills.square.goes_down_after = 2
    with pytest.raises(Unavailable):
        await api.ProviderService.SyncOrders(provider_pb2.SyncOrdersRequest(), principal=chef)
    (sync,) = [one for one in (await status(api, chef)).syncs if one.kind == "orders"]
    assert (sync.state, sync.records, sync.is_resumable) == ("FAILED", 20, True)
    assert (await bus.first(facts.SyncFailed, restaurant_id)).message.sync.records == 20
    tills.square.goes_down_after, tills.square.down = None, False
    seen = len(tills.square.seen)
    range_asked = provider_pb2.SyncOrdersRequest()
    range_asked.start_date.FromDatetime(clock.now() - timedelta(days=90))
    assert (await refusal(api.ProviderService.SyncOrders(range_asked, principal=chef))).code == "sync_under_way"
    rest = await api.ProviderService.SyncOrders(provider_pb2.SyncOrdersRequest(), principal=chef)
    assert (rest.orders_count, pages()) == (50, 5)
    (sync,) = [one for one in (await status(api, chef)).syncs if one.kind == "orders"]
    assert (sync.state, sync.records, sync.is_resumable) == ("IDLE", 70, False)
    kept = rows(pos, "SELECT count(*) FROM external_objects WHERE restaurant_id = :id", id=restaurant_id)
    assert kept[0][0] == 70
    tills.square.order_page = 500
    old = clock.now() - timedelta(days=60)
    tills.square.order(merchant, "OLD", 500, at=old)
    found = await api.ProviderService.SyncOrders(range_asked, principal=chef)
    assert found.orders_count == 71


async def test_toast_and_clover_are_connected_by_their_keys(
    pos: RunningService, api: Api, bus: Bus, tills: TillServer, identity: FakeIdentity, clock: MovableClock
) -> None:
    chef = manager(uuid4())
    ask = api.ProviderService.TestPosConnection
    nothing = await ask(Empty(), principal=chef)
    assert (nothing.connected, nothing.HasField("provider")) == (False, False)
    identity.chooses(chef.tenant, "LIGHTSPEED", "x", "y")
    assert not (await ask(Empty(), principal=chef)).connected
    guid = str(uuid4())
    key = tills.toast.restaurant(guid)
    tills.toast.menu(guid, "Mains", {"Couscous": 75.5, "Briouat": 20})
    tills.toast.order(guid, "T1", 151.25, tip=10.1, at=clock.now())
    identity.chooses(chef.tenant, "TOAST", guid, "client:wrong")
    wrong = await ask(Empty(), principal=chef)
    assert (wrong.connected, wrong.provider) == (False, "TOAST")
    await connect(pos, api, identity, chef, "TOAST", guid, key)
    assert {name: Decimal(item.price) for name, item in (await menu(api, chef)).items()} == {
        "Couscous": Decimal("75.5"),
        "Briouat": Decimal(20),
    }
    tills.toast.end_tokens()
    assert (await api.ProviderService.SyncMenu(Empty(), principal=chef)).items_synced == 2

    merchant = f"C{uuid4().hex[:8]}"
    token = tills.clover.merchant(merchant)
    tills.clover.menu(merchant, "Soups", {"Harira": 3050})
    tills.clover.order(merchant, "K1", 6100, tip=400, at=clock.now())
    other = manager(uuid4())
    await connect(pos, api, identity, other, "CLOVER", merchant, token)
    harira = (await menu(api, other))["Harira"]
    assert (Decimal(harira.price), harira.category_info.name) == (Decimal("30.5"), "Soups")
    today = day_of(clock.now(), DEFAULT_TIME_ZONE).isoformat()
    at_clover = await summary(api, other.tenant, today)
    assert (Decimal(at_clover.total_revenue), Decimal(at_clover.total_tips)) == (Decimal(61), Decimal(4))

    # Settings that name another till system end the connection.
    identity.chooses(chef.tenant, "NONE")
    updated: Any = restaurant_event(chef.tenant, "Dar Toast", 2)
    updated.changed_fields.append("pos_provider")
    await handled(pos, "pos-settings", await bus.publish(updated, restaurant_id=chef.tenant))
    run_jobs(pos)
    assert (await status(api, chef)).sync_status == "DISCONNECTED"
    assert (await status(api, other)).is_connected


async def test_agents_ask_for_a_restaurant_and_for_no_more_than_the_person_may(
    pos: RunningService, api: Api, tills: TillServer, identity: FakeIdentity, clock: MovableClock
) -> None:
    chef = manager(uuid4())
    asked = agent_pb2.AgentRequest(restaurant_id=str(chef.tenant))
    agents = api.AgentPosService
    none = await agents.GetConnectionStatus(asked, principal=AGENT)
    assert (none.success, none.provider, none.is_connected) == (True, "NONE", False)
    assert (await refusal(agents.StartMenuSync(asked, principal=AGENT))).code == "not_connected"
    tea = await sell(api, chef, "Tea", "10")
    taken = await order(api, chef, (tea, 3))
    await pay(api, chef, taken.id, "30", tip_amount="2")
    today = (await summary(api, chef.tenant, taken.business_date)).total_revenue
    assert Decimal(today) == 30
    best = await agents.ListBestSellers(
        agent_pb2.ListBestSellersRequest(restaurant_id=str(chef.tenant)), principal=AGENT
    )
    assert [(one.name, one.quantity) for one in best.top_items] == [("Tea", 3)]

    merchant = await connect_square(pos, api, tills, chef)
    tills.square.order(merchant, "A1", 9900, tip=900, at=clock.now())
    for start in (agents.StartMenuSync, agents.StartOrderSync):
        started = await start(asked, principal=AGENT)
        assert (started.success, started.queued, started.provider) == (True, True, "SQUARE")
    run_jobs(pos)
    connected = await agents.GetConnectionStatus(asked, principal=AGENT)
    assert (connected.is_connected, connected.merchant_id) == (True, merchant)
    at_square = await summary(api, chef.tenant, taken.business_date)
    assert (Decimal(at_square.total_revenue), Decimal(at_square.total_tips), at_square.provider) == (
        Decimal(99),
        Decimal(9),
        "SQUARE",
    )
    best = await agents.ListBestSellers(
        agent_pb2.ListBestSellersRequest(restaurant_id=str(chef.tenant), limit=1), principal=AGENT
    )
    assert [(one.name, one.quantity) for one in best.top_items] == [("Tagine", 2)]
    objects = await agents.ListExternalObjects(
        agent_pb2.ListExternalObjectsRequest(restaurant_id=str(chef.tenant), object_type="order"), principal=AGENT
    )
    assert (objects.count, json.loads(objects.objects[0].payload)["id"]) == (1, "A1")

    server = str(uuid4())
    identity.people[server] = person_who_may(server, "order.view")
    on_behalf = agent_pb2.AgentRequest(restaurant_id=str(chef.tenant), user_id=server)
    assert (await refusal(agents.StartMenuSync(on_behalf, principal=AGENT))).code == "permission_denied"
    assert (await refusal(agents.GetConnectionStatus(asked, principal=chef))).code == "permission_denied"
    unnamed = await refusal(agents.GetConnectionStatus(agent_pb2.AgentRequest(), principal=AGENT))
    assert unnamed.code == "context_unresolved"
