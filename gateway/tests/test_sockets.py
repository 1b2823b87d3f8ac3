"""WebSockets through the gateway, over real connections."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from gateway.app import pages
from gateway.middleware import Entry
from gateway.routers import sockets
from gateway.tests.fakes import until

FLOOD = 3000


class Notify:
    """A WebSocket server that does what the path says."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.closed: list[tuple[int | None, str | None]] = []
        self.sent = 0

    async def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.requests.append(connection.request)
        path = connection.request.path.partition("?")[0]
        if path == "/ws/close/":
            await connection.close(4401, "token expired")
        elif path == "/ws/flood/":
            noise = os.urandom(10_000)  # compression must not make it small
            for _ in range(FLOOD):
                await connection.send(noise)
                self.sent += 1
        else:
            with suppress(websockets.ConnectionClosed):
                async for message in connection:
                    await connection.send(message)
        await connection.wait_closed()
        self.closed.append((connection.close_code, connection.close_reason))


@pytest.fixture
def notify() -> Notify:
    return Notify()


async def serving(app: Any) -> tuple[uvicorn.Server, asyncio.Task[None], int]:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_config=None,
        ws="websockets-sansio",
        http="httptools",
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    return server, task, server.servers[0].sockets[0].getsockname()[1]


@pytest.fixture
async def url(notify: Notify) -> AsyncIterator[str]:
    def refuse(connection: ServerConnection, request: Any) -> Any:
        return connection.respond(403, "no") if request.path == "/ws/forbidden/" else None

    def choose(_connection: ServerConnection, offered: Any) -> Any:
        return "json" if "json" in offered else None

    async with serve(notify, "127.0.0.1", 0, select_subprotocol=choose, process_request=refuse) as upstream:
        port = next(iter(upstream.sockets)).getsockname()[1]
        proxy = sockets.SocketProxy(f"ws://127.0.0.1:{port}")
        app = Entry(pages([], sockets.routes(proxy), title="x", version="1"), trusted_proxies=[], access_log=None)
        server, task, own_port = await serving(app)
        yield f"ws://127.0.0.1:{own_port}"
        server.should_exit = True
        await task


@pytest.mark.parametrize("path", ["/ws/notifications/", "/notifications/"])
async def test_messages_pass_both_ways(url, notify, path):
    async with connect(f"{url}{path}?token=abc") as client:
        await client.send("héllo")
        assert await client.recv() == "héllo"
        await client.send(b"\x00\xff")
        assert await client.recv() == b"\x00\xff"
    assert notify.requests[0].path == f"{path}?token=abc"


async def test_subprotocol_and_headers(url, notify):
    headers = {"Cookie": "mizan_device=d1", "X-Request-ID": "socket-request", "X-Forwarded-For": "6.6.6.6"}
    async with connect(f"{url}/ws/chat/", subprotocols=[Subprotocol("json")], additional_headers=headers) as client:
        assert client.subprotocol == "json"
    seen = notify.requests[0].headers
    assert seen["cookie"] == "mizan_device=d1"
    assert seen["x-request-id"] == "socket-request"
    assert seen["x-client-ip"] == "127.0.0.1"
    assert "x-forwarded-for" not in seen


async def test_the_close_code_of_notify_reaches_the_client(url):
    async with connect(f"{url}/ws/close/") as client:
        with pytest.raises(websockets.ConnectionClosed):
            await client.recv()
    assert (client.close_code, client.close_reason) == (4401, "token expired")


async def test_the_close_code_of_the_client_reaches_notify(url, notify):
    async with connect(f"{url}/ws/echo/") as client:
        await client.send("x")
        await client.recv()
        await client.close(4000, "bye")
    await until(lambda: bool(notify.closed))
    assert notify.closed == [(4000, "bye")]


async def test_a_slow_reader_slows_the_writer(url, notify):
    async with connect(f"{url}/ws/flood/", max_queue=1) as client:
        settled = -1
        while settled != notify.sent:
            settled = notify.sent
            await asyncio.sleep(0.3)
        assert notify.sent < FLOOD
        received = 0
        async for _ in client:
            received += 1
            if received == FLOOD:
                break
    assert received == FLOOD


async def test_a_refused_handshake_is_refused(url):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(f"{url}/ws/forbidden/")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("upstream", ["", "ws://127.0.0.1:1"], ids=["not-configured", "away"])
async def test_notify_away(upstream):
    proxy = sockets.SocketProxy(upstream)
    app = Entry(pages([], sockets.routes(proxy), title="x", version="1"), trusted_proxies=[], access_log=None)
    server, task, port = await serving(app)
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{port}/ws/x/")
    assert refused.value.response.status_code in (403, 503)
    server.should_exit = True
    await task
