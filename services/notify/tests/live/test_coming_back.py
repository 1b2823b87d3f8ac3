"""Nothing is lost and nothing comes twice: across disconnections, replicas, restarts and slow readers."""

import asyncio
import random
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from mizan.identity.events.v1 import events_pb2 as identity
from servicekit.db import Scope
from servicekit.testing.events import Bus
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.process import service_process
from servicekit.testing.service import RunningService, running
from services.notify.live import connection, server
from services.notify.live.connection import BAD_TOKEN, RESTARTING, TRY_LATER
from services.notify.live.cursor import Cursor
from services.notify.main import build
from services.notify.models import Notification
from services.notify.settings import Settings
from services.notify.tests.live import facts
from services.notify.tests.live.client import Client
from services.notify.tests.live.conftest import ClientOf, url_of
from services.notify.tests.live.neighbours import FakeNeighbours, Login
from tools.stack import free_port
from tools.stack.nats import Nats
from tools.stack.processes import Spawner

ABNORMAL = 1006


async def tell(bus: Bus, login: Login, number: int) -> None:
    """Publishes one notification of a person, recognisable by its title."""
    assert login.restaurant_id is not None
    fact = facts.notification(login.restaurant_id, {login.user_id: str(uuid4())}, title=str(number))
    await bus.publish(fact, restaurant_id=login.restaurant_id)


def numbers(client: Client) -> list[int]:
    """Which notifications a client was sent, in order."""
    return [int(one["notification"]["title"]) for one in client.received if one["type"] == "notification_message"]


async def read_up_to(client: Client, count: int) -> None:
    """Reads until a client has so many notifications."""
    for _ in range(count - len(numbers(client))):
        await client.until("notification_message")


@pytest.fixture(scope="module")
def second(settings: Settings) -> Iterator[Settings]:
    """A second replica of the same notify."""
    other = settings.model_copy(update={"ws_port": free_port(), "grpc_port": 0, "http_port": 0})
    with running(lambda: build(other)):
        yield other


async def test_a_client_that_comes_and_goes_between_replicas_misses_nothing_and_gets_nothing_twice(
    neighbours: FakeNeighbours, notify: RunningService, settings: Settings, second: Settings, bus: Bus
) -> None:
    login = neighbours.log_in(uuid4())
    chance = random.Random(7)
    count = 300
    client = await Client(url_of(settings)).enter(login.token)

    async def publish() -> None:
        for number in range(count):
            await tell(bus, login, number)

    publishing = asyncio.create_task(publish())
    came_back = 0
    while len(numbers(client)) < count:
        for _ in range(chance.randrange(1, 12)):
            if len(numbers(client)) == count:
                break
            await client.until("notification_message")
        await client.leave()
        came_back += 1
        fresh = Client(url_of(chance.choice((settings, second))))
        fresh.cursor, fresh.received = client.cursor, client.received
        client = await fresh.enter(login.token)
        assert client.received[-1]["resumed"]
    await publishing
    assert numbers(client) == list(range(count))
    assert came_back > 20
    await client.socket.close()


async def test_replicas_show_the_same(
    neighbours: FakeNeighbours, notify: RunningService, settings: Settings, second: Settings, bus: Bus
) -> None:
    login = neighbours.log_in(uuid4())
    one, two = await Client(url_of(settings)).enter(login.token), await Client(url_of(second)).enter(login.token)
    await tell(bus, login, 1)
    assert (await one.until("notification_message")) == (await two.until("notification_message"))
    for client in (one, two):
        await client.socket.close()


async def test_a_cursor_from_before_memory_is_served_from_the_list(
    neighbours: FakeNeighbours, client_of: ClientOf, notify: RunningService, bus: Bus
) -> None:
    login = neighbours.log_in(uuid4())
    restaurant_id = login.restaurant_id
    assert restaurant_id is not None

    async def listed() -> None:
        async with notify.database.write(Scope(restaurant_id)) as session:
            for person in (login.user_id, str(uuid4())):
                session.add(
                    Notification(
                        restaurant_id=restaurant_id,
                        recipient_id=UUID(person),
                        key=f"k-{person}",
                        kind="SYSTEM_ALERT",
                        priority="LOW",
                        title="7",
                        message="Missed.",
                        language="en",
                    )
                )

    async with client_of() as client:
        await client.enter(login.token)
        present = Cursor.parse(client.cursor)
        assert present is not None
    notify.run(listed())
    lost = Cursor(present.epoch - 1, 3, present.milliseconds)
    async with client_of() as client:
        client.cursor = str(lost)
        await client.enter(login.token, topics="settings")
        assert client.received[0]["resumed"] is False
        await client.settled()
        assert numbers(client) == [7]
        assert [one["topics"] for one in client.received if one["type"] == "reset"] == [["settings"]]
        assert client.received[1]["notification"]["message"] == "Missed."
    async with client_of() as client:
        client.cursor = "no-cursor-at-all"
        await client.enter(login.token)
        assert [one["topics"] for one in await client.settled() if one["type"] == "reset"] == [["notifications"]]


async def test_who_cannot_be_brought_up_to_date_is_sent_away_to_try_again(
    neighbours: FakeNeighbours, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise ConnectionError("the database is away")

    monkeypatch.setattr("services.notify.live.catch_up.missed_notifications", away)
    async with client_of() as client:
        await client.open(token=neighbours.log_in(uuid4()).token, cursor="1-1-1")
        assert (await client.closed())[0] == TRY_LATER


async def test_a_topic_that_is_refused_at_the_door_does_not_keep_the_rest_away(
    neighbours: FakeNeighbours, client_of: ClientOf, bus: Bus
) -> None:
    login = neighbours.log_in(uuid4())
    async with client_of() as client:
        await client.enter(login.token, topics="kitchen,nonsense")
        assert [one["type"] for one in client.received] == ["error", "ready"]
        await tell(bus, login, 1)
        await read_up_to(client, 1)


async def test_a_slow_reader_is_cut_off_and_finds_everything_when_it_comes_back(
    neighbours: FakeNeighbours, client_of: ClientOf, settings: Settings, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_UNSENT_BYTES", 32 * 1024)
    monkeypatch.setattr(connection, "KERNEL_BUFFER_BYTES", 8 * 1024)
    login = neighbours.log_in(uuid4())
    quick = await Client(url_of(settings)).enter(login.token)
    slow = await Client(url_of(settings)).enter(login.token)
    raw = slow.socket.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.socket.transport.pause_reading()
    count = 1500
    for number in range(count):
        await tell(bus, login, number)
        if number % 20 == 19:
            await read_up_to(quick, number + 1)
    slow.socket.transport.resume_reading()
    await slow.closed()
    assert len(numbers(slow)) < count
    monkeypatch.undo()
    back = client_of()
    back.cursor, back.received = slow.cursor, slow.received
    await back.enter(login.token)
    await read_up_to(back, count)
    assert numbers(back) == list(range(count)) == numbers(quick)
    await back.socket.close()
    await quick.socket.close()


async def test_a_client_that_gives_no_sign_of_life_is_cut_off(
    neighbours: FakeNeighbours, settings: Settings, notify: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = neighbours.log_in(uuid4())
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.ws_port)
    writer.write(
        f"GET /ws/notifications/?token={login.token} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    monkeypatch.setattr(server, "TICK_SECONDS", 0.01)
    everything = b""
    async with asyncio.timeout(20):
        while piece := await _read(reader):
            everything += piece
    assert b"101 Switching Protocols" in everything
    assert connection.PING_FRAME in everything
    writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(4096)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
async def test_whether_a_process_drains_or_dies_its_clients_miss_nothing(
    end: signal.Signals,
    settings_of: SettingsOf,
    neighbours: FakeNeighbours,
    notify: RunningService,
    settings: Settings,
    bus: Bus,
    tmp_path: Path,
) -> None:
    login = neighbours.log_in(uuid4())
    port = free_port()
    told = {
        **settings_of("notify"),
        "identity_target": neighbours.target,
        "pos_target": neighbours.target,
        "notify_ws_port": port,
        "notify_drain_seconds": 4,
    }
    with service_process("notify", told, tmp_path) as process:
        client = await Client(f"ws://127.0.0.1:{port}").enter(login.token)
        await tell(bus, login, 1)
        await client.until("notification_message")
        process.child.send(end)
        if end == signal.SIGTERM:
            farewell = await client.until("reconnect")
            assert 0 <= farewell["after_ms"] < 5000
        # Without a word there is only the end of the connection.
        assert (await client.closed())[0] == (RESTARTING if end == signal.SIGTERM else ABNORMAL)
        await tell(bus, login, 2)
        back = Client(url_of(settings))
        back.cursor, back.received = client.cursor, client.received
        await back.enter(login.token)
        await back.until("notification_message")
        assert numbers(back) == [1, 2]
        await back.socket.close()


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[Nats]:
    """A NATS server that a test may kill."""
    spawner = Spawner()
    nats = Nats(tmp_path / "data", tmp_path / "nats.log", spawner)
    nats.launch()
    nats.wait_ready()
    yield nats
    nats.stop()
    spawner.close()


@pytest_asyncio.fixture
async def own_bus(own_nats: Nats) -> AsyncIterator[Bus]:
    async with Bus(own_nats.url) as bus:
        yield bus


async def test_what_was_published_and_revoked_while_nats_was_away_is_made_up_for(
    settings: Settings, neighbours: FakeNeighbours, own_nats: Nats, own_bus: Bus
) -> None:
    own = settings.model_copy(update={"nats_url": own_nats.url, "ws_port": free_port()})
    restaurant_id = uuid4()
    staying, leaving = neighbours.log_in(restaurant_id), neighbours.log_in(restaurant_id)
    with running(lambda: build(own)):
        one, two = await Client(url_of(own)).enter(staying.token), await Client(url_of(own)).enter(leaving.token)
        await tell(own_bus, staying, 1)
        await one.until("notification_message")
        await asyncio.to_thread(own_nats.kill)
        del neighbours.sessions[leaving.session_id]
        await asyncio.to_thread(own_nats.launch)
        await asyncio.to_thread(own_nats.wait_ready)
        async with Bus(own_nats.url) as again:
            # Nobody says that the session is over: it ended while nothing could be heard.
            ids: dict[str, Any] = {login.user_id: str(uuid4()) for login in (staying, leaving)}
            await again.publish(facts.notification(restaurant_id, ids, title="2"), restaurant_id=restaurant_id)
            assert (await two.closed())[0] == BAD_TOKEN
            assert numbers(two) == []
            await one.until("notification_message")
            await again.publish(
                identity.SessionRevoked(session_id=str(uuid4()), user_id=str(uuid4())), restaurant_id=restaurant_id
            )
            await tell(again, staying, 3)
            await one.until("notification_message")
        assert numbers(one) == [1, 2, 3]
        await one.socket.close()
