"""Callers hear that a server is about to stop, and turn to another one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit import grpc_client
from servicekit.notice import ACCEPTING, WatchedHealth

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Counted(WatchedHealth):
    """A server whose answers are counted, and which tells when somebody begins or ends to watch it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def Check(self, request, context):
        """The library's answer."""
        self.asked += 1
        return await super().Check(request, context)


@pytest.fixture
async def servers() -> AsyncIterator[list[tuple[Counted, int]]]:
    started = []
    for _ in range(2):
        health, server = Counted(), grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        await health.set(ACCEPTING, SERVING)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        started.append((health, port, server))
    yield [(health, port) for health, port, _ in started]
    for _, _, server in started:
        await server.stop(0)


async def test_calls_turn_away_from_a_server_that_has_given_notice(servers) -> None:
    (first, port), (second, other_port) = servers
    async with grpc_client.channel(f"ipv4:127.0.0.1:{port},127.0.0.1:{other_port}", ()) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # its methods are made at run time

        async def ask_until(answered) -> None:
            async with asyncio.timeout(20):
                while not answered():
                    await stub.Check(health_pb2.HealthCheckRequest(service=ACCEPTING))

        await ask_until(lambda: first.asked and second.asked)
        assert (first.watchers, second.watchers) == (1, 1)
        await first.enter_graceful_shutdown()
        # It goes on answering until the notice has arrived: nothing fails on the way.
        await ask_until(lambda: second.asked >= 20)
        before = first.asked
        for _ in range(20):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=ACCEPTING))
            assert answer.status == SERVING
        assert first.asked == before


async def test_each_watcher_hears_of_changes_after_another_has_left(servers) -> None:
    ((health, port), _) = servers
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # its methods are made at run time
        watching = [stub.Watch(health_pb2.HealthCheckRequest(service=ACCEPTING)) for _ in range(2)]
        async with asyncio.timeout(20):
            assert [(await watch.read()).status for watch in watching] == [SERVING, SERVING]
            watching[0].cancel()
            while health.watchers > 1:
                await stub.Check(health_pb2.HealthCheckRequest())
            await health.set(ACCEPTING, NOT_SERVING)
            assert (await watching[1].read()).status == NOT_SERVING
            await health.set(ACCEPTING, SERVING)
            assert (await watching[1].read()).status == SERVING
            await health.enter_graceful_shutdown()
            await health.set(ACCEPTING, SERVING)
            assert (await watching[1].read()).status == NOT_SERVING
