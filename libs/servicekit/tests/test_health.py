"""What probes are told."""

import asyncio

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as grpc_health
from prometheus_client import CollectorRegistry, Counter

from servicekit import health
from servicekit.health import Health, HealthServer


async def fine() -> None:
    await asyncio.sleep(0)


async def broken() -> None:
    raise ConnectionError("postgresql://user:hunter2@db/identity refused")


async def hanging() -> None:
    await asyncio.Event().wait()


async def probe(checks: Health, path: str = "/readyz") -> httpx.Response:
    server = HealthServer(checks, "127.0.0.1", 0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server.app), base_url="http://health") as client:
        return await client.get(path)


async def test_ready_while_every_essential_part_answers() -> None:
    checks = Health()
    checks.check("database", fine)
    checks.check("nats", broken, essential=False)
    answer = await probe(checks)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "failing": {"nats": "ConnectionError"}})


async def test_an_essential_failure_is_named_without_its_secrets() -> None:
    checks = Health()
    checks.check("database", broken)
    answer = await probe(checks)
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "failing": {"database": "ConnectionError"}}
    assert "hunter2" not in answer.text


async def test_a_check_that_hangs_fails_in_time() -> None:
    checks = Health()
    checks.check("disk", hanging, limit=0.05)
    async with asyncio.timeout(2):
        answer = await probe(checks)
    assert answer.json()["failing"] == {"disk": "no answer within 0.05 s"}


async def test_not_ready_while_stopping_but_alive() -> None:
    checks = Health()
    checks.check("database", fine)
    assert (await probe(checks)).status_code == 200
    checks.stopping()
    assert (await probe(checks)).json()["status"] == "stopping"
    assert (await probe(checks, "/healthz")).status_code == 200


async def test_probes_that_come_together_share_one_round_of_checks() -> None:
    rounds = 0

    async def counted() -> None:
        nonlocal rounds
        rounds += 1

    checks = Health()
    checks.check("database", counted)
    await asyncio.gather(*(checks.report() for _ in range(10)))
    assert rounds == 1


def test_a_name_is_checked_once() -> None:
    checks = Health()
    checks.check("database", fine)
    with pytest.raises(ValueError, match="already"):
        checks.check("database", fine)


async def test_a_real_server_answers_and_keeps_grpc_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(health, "ANSWER_LIFETIME_SECONDS", 0.0)
    works = True

    async def changing() -> None:
        if not works:
            raise OSError

    registry = CollectorRegistry()
    Counter("mizan_probe", "For this test.", registry=registry).inc(3)
    servicer = grpc_health.HealthServicer()
    grpc_server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, grpc_server)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{grpc_server.add_insecure_port('127.0.0.1:0')}")
    await grpc_server.start()

    async def reported(status: int) -> None:
        stub = health_pb2_grpc.HealthStub(channel)
        watching = stub.Watch(health_pb2.HealthCheckRequest(), timeout=5)  # type: ignore[attr-defined] # its stubs lack it
        async for answer in watching:
            if answer.status == status:
                return

    checks = Health()
    checks.check("database", changing)
    server = HealthServer(checks, "127.0.0.1", 0, servicer, registry=registry)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", follow_redirects=True) as client:
            assert (await client.get("/readyz")).status_code == 200
            assert "mizan_probe_total 3.0" in (await client.get("/metrics")).text
            await reported(health_pb2.HealthCheckResponse.SERVING)
            works = False
            await reported(health_pb2.HealthCheckResponse.NOT_SERVING)
            assert (await client.get("/readyz")).status_code == 503
            works = True
            await reported(health_pb2.HealthCheckResponse.SERVING)
    finally:
        await server.stop()
        await channel.close()
        await grpc_server.stop(None)
    with pytest.raises(OSError, match=r".*"):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_port_that_is_taken_is_an_error_at_the_start() -> None:
    first = HealthServer(Health(), "127.0.0.1", 0)
    await first.start()
    with pytest.raises(OSError, match="in use"):
        await HealthServer(Health(), "127.0.0.1", first.port).start()
    await first.stop()
