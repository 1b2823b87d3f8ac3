"""The gateway as a whole: real NATS and Valkey, real gRPC, an identity and a kitchen behind it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import nats
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr, ValidationError

from gateway.main import Gateway, agent_permissions
from gateway.settings import GatewaySettings
from gateway.tests.fakes import FakeIdentity, until
from gateway.tests.kitchen import Kitchen
from gateway.transcode.catalog import Catalog
from mizan.identity.events.v1 import events_pb2
from mizan.identity.v1 import access_pb2
from servicekit import context, telemetry
from servicekit.errors import Refusal
from servicekit.identity import KeyRing, TokenVerifier
from tools.devkeys import DevKeys

AGENT_KEY = "agent-key-of-this-test"


class IdentityServer:
    """Serves the access questions from a FakeIdentity; only the gateway's own token may ask."""

    def __init__(self, identity: FakeIdentity, verifier: TokenVerifier) -> None:
        self.identity = identity
        self._verifier = verifier
        self._server = grpc.aio.server()
        types = access_pb2.DESCRIPTOR.message_types_by_name
        handlers = {}
        for name, answer in (
            ("GetJwks", self._jwks),
            ("ResolveSession", self._session),
            ("ResolveApiKey", self._api_key),
        ):
            request = getattr(access_pb2, f"{name}Request")
            response = getattr(access_pb2, f"{name}Response")
            assert types[f"{name}Request"] is request.DESCRIPTOR
            handlers[name] = grpc.unary_unary_rpc_method_handler(
                self._guarded(answer), request.FromString, response.SerializeToString
            )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("mizan.identity.v1.AccessService", handlers),)
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    def _guarded(self, answer: Any) -> Any:
        async def serve(request: Any, rpc: Any) -> Any:
            token = dict(rpc.invocation_metadata())[context.TOKEN]
            principal = self._verifier.principal_of(token)
            assert (principal.kind, principal.subject) == ("SERVICE", "gateway")
            assert principal.may("access.resolve")
            try:
                return await answer(request)
            except Refusal as refusal:
                await rpc.abort(refusal.grpc_code, refusal.message, (refusal.to_trailer(),))

        return serve

    async def _jwks(self, _request: Any) -> Any:
        return access_pb2.GetJwksResponse(jwks_json=await self.identity.jwks())

    async def _session(self, request: Any) -> Any:
        return access_pb2.ResolveSessionResponse(principal=await self.identity.session(request.session_id))

    async def _api_key(self, request: Any) -> Any:
        return access_pb2.ResolveApiKeyResponse(principal=await self.identity.api_key(request.api_key))


@dataclass
class World:
    """The gateway and what stands around it."""

    gateway: Gateway
    identity: FakeIdentity
    identity_server: IdentityServer
    kitchen: Kitchen
    verifier: TokenVerifier
    client: httpx.AsyncClient

    def principal_at_kitchen(self, rpc: str) -> Any:
        """Whom the kitchen was told of."""
        return self.verifier.principal_of(self.kitchen.metadata[rpc][context.TOKEN])


class KitchenSettings(GatewaySettings):
    """Settings with one more service."""

    kitchen_target: str


@pytest.fixture
async def world(stack, odd_descriptors, tmp_path: Path, monkeypatch) -> AsyncIterator[World]:
    keys = DevKeys(tmp_path / "secrets")
    keys.make_internal_keys(["gateway"])
    verifier = TokenVerifier(KeyRing(keys.internal_keys))
    identity = FakeIdentity()
    identity_server = IdentityServer(identity, verifier)
    catalog = Catalog.load(odd_descriptors, package="odd.")
    kitchen = Kitchen(catalog)
    await identity_server.start()
    await kitchen.start()
    settings = KitchenSettings(
        nats_url=stack.nats_url,
        redis_url=stack.redis_url,
        internal_keys_dir=keys.internal_keys,
        identity_target=f"127.0.0.1:{identity_server.port}",
        kitchen_target=f"127.0.0.1:{kitchen.port}",
        agent_key=SecretStr(AGENT_KEY),
        limit_heavy="2/minute",
        access_log=False,
    )
    gateway = Gateway(settings, catalog)
    await gateway.start()
    await until(lambda: gateway.revocations.is_healthy)
    transport = httpx.ASGITransport(gateway)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.example.com") as client:
        yield World(gateway, identity, identity_server, kitchen, verifier, client)
    await gateway.stop()
    await kitchen.stop()
    await identity_server.stop()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_session_reaches_the_service_as_a_principal(world):
    token, session_id, user_id = world.identity.log_in()
    answer = await world.client.get("/api/users/", headers=bearer(token))
    assert answer.status_code == 200
    principal = world.principal_at_kitchen("ListUsers")
    assert (principal.subject, principal.session_id) == (user_id, session_id)
    assert principal.permissions == {"staff.view"}


async def test_without_a_credential_no_identity_travels(world):
    answer = await world.client.get("/api/invitations/by-token/?token=x")
    assert answer.status_code == 200
    assert context.TOKEN not in world.kitchen.metadata["GetInvitationByToken"]
    refused = await world.client.get("/api/users/")
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")


async def test_a_bad_token_is_told_as_clients_expect(world):
    answer = await world.client.get("/api/users/", headers=bearer("a.b.c"))
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_not_valid"
    assert answer.json()["messages"][0]["token_class"] == "AccessToken"


async def test_a_revoked_session_ends_within_two_seconds(world, stack):
    token, session_id, user_id = world.identity.log_in()
    assert (await world.client.get("/api/users/", headers=bearer(token))).status_code == 200
    del world.identity.sessions[session_id]
    publisher = await nats.connect(stack.nats_url)
    event = events_pb2.SessionRevoked(session_id=session_id, user_id=user_id)
    await publisher.publish("evt.identity.session.revoked.v1", event.SerializeToString())

    async def refused() -> bool:
        return (await world.client.get("/api/users/", headers=bearer(token))).status_code == 401

    await until(refused, seconds=2)
    await publisher.close()


async def test_what_travels_with_a_call(world):
    token, *_ = world.identity.log_in(permissions=("staff.manage",))
    headers = {
        **bearer(token), "x-request-id": "request-42", "idempotency-key": "once", "accept-language": "fr",
        "user-agent": "test", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-00",
    }  # fmt: skip
    await world.client.post("/api/devices/pair/", json={}, headers=headers)
    sent = world.kitchen.metadata["PairDevice"]
    assert sent[context.REQUEST_ID] == "request-42"
    assert sent[context.IDEMPOTENCY_KEY] == "once"
    assert sent[context.LANGUAGE] == "fr"
    assert sent[context.CLIENT_IP] == "127.0.0.1"
    assert sent[context.TRACE_PARENT].split("-")[1] == "a" * 32
    token, *_ = world.identity.log_in()
    await world.client.get("/api/users/", headers={**headers, **bearer(token)})
    assert context.IDEMPOTENCY_KEY not in world.kitchen.metadata["ListUsers"]


async def test_the_agent_key(world):
    answer = await world.client.get("/api/pos/agent/sales-summary/", headers=bearer(AGENT_KEY))
    assert answer.json()["success"] is True
    principal = world.principal_at_kitchen("GetSalesSummary")
    assert (principal.kind, principal.restaurant_id) == ("AGENT", None)
    assert principal.permissions == {"agent.staff", "agent.requests", "agent.sales"}
    wrong = await world.client.get("/api/scheduling/agent/staff-by-phone/?phone=1", headers=bearer("wrong"))
    assert (wrong.status_code, wrong.json()["success"], wrong.json()["error"]) == (401, False, "Unauthorized")
    assert agent_permissions(world.gateway.catalog) == principal.permissions


async def test_a_class_of_limits(world):
    token, *_ = world.identity.log_in()
    path = "/api/staff/profiles/0190a000-0000-7000-8000-000000000001/report/"
    statuses = [(await world.client.get(path, headers=bearer(token))).status_code for _ in range(4)]
    assert statuses[-1] == 429
    assert statuses.count(200) <= 2


async def test_health(world):
    assert (await world.client.get("/healthz")).text == "ok"
    ready = await world.client.get("/readyz")
    assert ready.json() == {"status": "ready", "failing": {}}
    assert (await world.client.get("/api/health/")).json() == {"status": "ok", "failing": []}


async def test_health_names_what_fails(world):
    await world.kitchen.stop()

    async def degraded() -> bool:
        return bool((await world.client.get("/api/health/")).json() == {"status": "degraded", "failing": ["kitchen"]})

    await until(degraded, seconds=20)
    assert (await world.client.get("/readyz")).status_code == 200
    await world.identity_server.stop()

    async def not_ready() -> bool:
        answer = await world.client.get("/readyz")
        return answer.status_code == 503 and "identity" in answer.json()["failing"]

    await until(not_ready, seconds=20)
    assert (await world.client.get("/api/health/")).status_code == 503


async def test_metrics_on_their_own_port(world):
    await world.client.get("/api/invitations/by-token/?token=old")
    async with httpx.AsyncClient() as outside:
        text = (await outside.get(f"http://127.0.0.1:{world.gateway.metrics_port}/metrics")).text
    wanted = 'protocol="http",service="gateway",side="server"'
    assert f'mizan_requests_total{{code="400",method="GET /api/invitations/by-token/",{wanted}}}' in text
    assert (await world.client.get("/metrics")).status_code == 404


async def test_a_trace_starts_at_the_edge(world):
    exporter = InMemorySpanExporter()
    telemetry.configure("gateway", exporter=exporter)
    try:
        await world.client.get("/api/invitations/by-token/?token=x")
    finally:
        telemetry.shutdown()
    (span,) = [span for span in exporter.get_finished_spans() if span.name == "GET /api/invitations/by-token/"]
    sent = world.kitchen.metadata["GetInvitationByToken"][context.TRACE_PARENT].split("-")
    assert sent[1] == f"{span.context.trace_id:032x}"
    assert sent[2] == f"{span.context.span_id:016x}"


async def test_a_service_that_is_not_configured(world):
    world.gateway.settings.kitchen_target = ""
    await world.gateway.stop()
    gateway = Gateway(world.gateway.settings, world.gateway.catalog)
    await gateway.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://x") as client:
        answer = await client.get("/api/invitations/by-token/?token=x")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_configured")
    await gateway.stop()
    await world.gateway.start()


async def test_lifespan(world):
    await world.gateway.stop()
    sent: list[Any] = []
    events: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def send(message: Any) -> None:
        sent.append(message["type"])

    running = asyncio.create_task(world.gateway({"type": "lifespan"}, events.get, send))
    await events.put({"type": "lifespan.startup"})
    await until(lambda: sent == ["lifespan.startup.complete"])
    assert (await world.client.get("/healthz")).status_code == 200
    await events.put({"type": "lifespan.shutdown"})
    await running
    assert sent[-1] == "lifespan.shutdown.complete"
    await world.gateway.start()


def test_the_agent_key_has_one_form(tmp_path):
    with pytest.raises(ValidationError, match="not both"):
        GatewaySettings(
            nats_url="x",
            redis_url="x",
            internal_keys_dir=tmp_path,
            identity_target="x",
            agent_key=SecretStr("a"),
            agent_key_sha256="b",
        )
