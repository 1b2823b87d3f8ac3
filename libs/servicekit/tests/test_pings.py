"""Servers bear being asked whether a connection lives."""

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit import grpc_client, grpc_server
from servicekit.notice import ACCEPTING

FOURTH_PING_SECONDS = 6
"""gRPC sends pings a second apart at the closest, and ends a connection at the fourth that comes too early."""


async def test_a_connection_on_which_nothing_happens_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert grpc_server.LEAST_PING_INTERVAL_MS < grpc_client.PING_INTERVAL_MS
    monkeypatch.setattr(grpc_server, "LEAST_PING_INTERVAL_MS", 500)
    unused: Any = None
    server = grpc_server.GrpcServer(
        [],
        database=unused,
        verifier=unused,
        host="127.0.0.1",
        port=0,
        drain_seconds=1,
        max_connection_age_seconds=600,
    )
    await server.start()
    eager = [("grpc.keepalive_time_ms", 1_000), ("grpc.http2.max_pings_without_data", 0)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=eager) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # its methods are made at run time
        watching = stub.Watch(health_pb2.HealthCheckRequest(service=ACCEPTING))
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(FOURTH_PING_SECONDS):
                await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        watching.cancel()
    await server.stop()
