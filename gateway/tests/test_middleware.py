"""What happens around every request."""

import asyncio
import io
import ipaddress
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from gateway.app import surround
from gateway.exchange import exchange_of, respond
from gateway.middleware import AccessLog, BodyLimit, Entry
from gateway.ratelimit import Limiter
from gateway.settings import GatewaySettings
from gateway.transcode.bodies import read_all


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Tells what it sees."""
    if scope["path"] == "/broken/":
        raise RuntimeError("secret internals")
    exchange = exchange_of(scope)
    body = await read_all(receive)
    seen = {
        "ip": exchange.client_ip,
        "url": exchange.url,
        "request_id": exchange.request_id,
        "bytes": len(body),
        "language": exchange.context().language,
        "device": exchange.context().device_token,
    }
    await respond(send, 200, [(b"content-type", b"application/json")], orjson.dumps(seen))


def client_of(app: Any, address: str = "9.9.9.9") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 5))
    return httpx.AsyncClient(transport=transport, base_url="http://api.example.com")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(Entry(application, trusted_proxies=[], access_log=None)) as client:
        yield client


class TestRequestId:
    async def test_one_is_made(self, client):
        first, second = await client.get("/"), await client.get("/")
        assert len(first.headers["x-request-id"]) == 32
        assert first.headers["x-request-id"] == first.json()["request_id"] != second.headers["x-request-id"]

    async def test_a_sane_one_is_kept(self, client):
        answer = await client.get("/", headers={"x-request-id": "front-end:42"})
        assert answer.headers["x-request-id"] == "front-end:42"

    @pytest.mark.parametrize("sent", ["short", "x" * 200, 'a"b<c>defgh', "with space here"])
    async def test_another_is_not(self, client, sent):
        assert (await client.get("/", headers={"x-request-id": sent})).headers["x-request-id"] != sent


class TestHeaders:
    async def test_security(self, client):
        headers = (await client.get("/")).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in headers

    async def test_transport_security_over_tls(self, client):
        assert "max-age=" in (await client.get("https://api.example.com/")).headers["strict-transport-security"]

    async def test_the_device_by_cookie_or_header(self, client):
        by_cookie = await client.get("/", headers={"cookie": "a=b; mizan_device=d1; c=d"})
        by_header = await client.get("/", headers={"x-device-token": "d2", "cookie": "mizan_device=d1"})
        assert (by_cookie.json()["device"], by_header.json()["device"]) == ("d1", "d2")

    async def test_headers_that_metadata_cannot_carry_are_dropped(self, client):
        answer = await client.get("/", headers={"accept-language": "fr;q=1, \u00e9".encode("latin-1")})
        assert answer.json()["language"] == ""

    async def test_a_host_that_is_none(self, client):
        answer = await client.get("/x/", headers={"host": 'evil"><script>'})
        assert answer.json()["url"] == "http://localhost/x/"


async def test_a_bug_is_answered_without_its_text(client):
    answer = await client.get("/broken/")
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


class TestProxies:
    TRUSTED = (ipaddress.ip_network("10.0.0.0/8"),)
    HEADERS = (
        ("x-forwarded-for", "6.6.6.6, 1.2.3.4"),
        ("x-forwarded-for", "10.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "mizan.example"),
    )

    async def ask(self, address: str, headers: Any = HEADERS) -> dict[str, Any]:
        async with client_of(Entry(application, trusted_proxies=self.TRUSTED, access_log=None), address) as client:
            answer: dict[str, Any] = (await client.get("/a/", headers=list(headers))).json()
            return answer

    async def test_nobody_else_is_believed(self):
        seen = await self.ask("9.9.9.9")
        assert (seen["ip"], seen["url"]) == ("9.9.9.9", "http://api.example.com/a/")

    async def test_the_last_address_that_is_no_proxy(self):
        seen = await self.ask("10.0.0.1")
        assert (seen["ip"], seen["url"]) == ("1.2.3.4", "https://mizan.example/a/")

    async def test_a_proxy_that_says_nothing(self):
        seen = await self.ask("10.0.0.1", ())
        assert (seen["ip"], seen["url"]) == ("10.0.0.1", "http://api.example.com/a/")

    async def test_nonsense_is_where_the_chain_ends(self):
        assert (await self.ask("10.0.0.1", [("x-forwarded-for", "1.2.3.4, unknown")]))["ip"] == "unknown"


class TestBodyLimit:
    @pytest.fixture
    async def limited(self) -> AsyncIterator[httpx.AsyncClient]:
        app = Entry(BodyLimit(application, max_bytes=1000, read_seconds=0.2), trusted_proxies=[], access_log=None)
        async with client_of(app) as client:
            yield client

    async def test_within(self, limited):
        assert (await limited.post("/", content=b"x" * 1000)).json()["bytes"] == 1000

    async def test_declared(self, limited):
        answer = await limited.post("/", content=b"x" * 1001)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["x-request-id"] == answer.json()["request_id"]

    async def test_streamed_without_a_length(self, limited):
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b"x" * 100

        answer = await limited.post("/", content=chunks())
        assert answer.status_code == 413

    async def test_a_body_that_does_not_arrive(self):
        sent: list[Any] = []

        async def never() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        app = Entry(BodyLimit(application, max_bytes=10, read_seconds=0.05), trusted_proxies=[], access_log=None)
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "scheme": "http",
            "headers": [],
            "client": None,
        }
        await app(scope, never, send)
        assert sent[0]["status"] == 408


class TestAccessLog:
    async def test_a_line(self):
        out = io.BytesIO()
        app = Entry(application, trusted_proxies=[], access_log=AccessLog(out))
        async with client_of(app) as client:
            await client.get("/a/?token=secret", headers={"authorization": "Bearer secret", "x-request-id": "id-12345"})
            await client.get("/healthz")
        (line,) = out.getvalue().splitlines()
        entry = orjson.loads(line)
        assert b"secret" not in line
        assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/a/", 200)
        assert (entry["request_id"], entry["client_ip"]) == ("id-12345", "9.9.9.9")
        assert entry["ms"] > 0


class TestSurround:
    """The layers in their order, with limits on a real Valkey."""

    ORIGIN = "https://app.example.com"

    @pytest.fixture
    async def api(self, stack, tmp_path) -> AsyncIterator[httpx.AsyncClient]:
        settings = GatewaySettings(
            nats_url="nats://127.0.0.1:1",
            redis_url=stack.redis_url,
            internal_keys_dir=tmp_path,
            identity_target="127.0.0.1:1",
            cors_origins=[self.ORIGIN],
            max_body_bytes=100,
            limit_address="3/minute",
            access_log=False,
        )
        limiter = Limiter(stack.redis_url)
        async with client_of(
            surround(application, settings, limiter), f"2001:db8:{id(limiter) % 65536:x}::1"
        ) as client:
            yield client
        await limiter.stop()

    async def test_cors(self, api):
        allowed = await api.get("/", headers={"origin": self.ORIGIN})
        assert allowed.headers["access-control-allow-origin"] == self.ORIGIN
        assert allowed.headers["access-control-allow-credentials"] == "true"
        assert "X-Request-ID" in allowed.headers["access-control-expose-headers"]
        foreign = await api.get("/", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in foreign.headers

    async def test_preflight(self, api):
        wanted = "authorization, content-type, idempotency-key, accept-language, x-restaurant-id"
        headers = {"origin": self.ORIGIN, "access-control-request-method": "PATCH"}
        answer = await api.options("/", headers={**headers, "access-control-request-headers": wanted})
        assert answer.status_code == 200
        assert "PATCH" in answer.headers["access-control-allow-methods"]

    async def test_refusals_carry_the_headers_of_every_answer(self, api):
        large = await api.post("/", content=b"x" * 101, headers={"origin": self.ORIGIN})
        assert large.status_code == 413
        assert large.headers["access-control-allow-origin"] == self.ORIGIN

    async def test_too_many_from_one_address(self, api):
        statuses = [(await api.get("/")).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        refused = await api.get("/", headers={"origin": self.ORIGIN})
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["code"] == "throttled"
        assert refused.headers["access-control-allow-origin"] == self.ORIGIN
        assert (await api.get("/healthz")).status_code == 200
