"""What happens around every request, as plain ASGI: ids, limits on size, headers, and one line in the log."""

import asyncio
import ipaddress
import re
import sys
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, BinaryIO

import orjson
import structlog

from gateway.exchange import KEY, App, Exchange, Headers, Receive, Scope, Send, exchange_of
from gateway.ratelimit import Limit, Limiter, network_of
from gateway.transcode.errors import TooLarge, TooSlow, refuse
from servicekit import context
from servicekit.errors import Refusal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}")
_TRACE_PARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
TRY_AGAIN_LATER = 1013  # close code of a WebSocket
_PROBES = frozenset({"/healthz", "/readyz"})

Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]

log = structlog.get_logger(__name__)


class Entry:
    """The outermost layer: makes the exchange, measures it, adds headers, and answers when something breaks."""

    def __init__(self, app: App, *, trusted_proxies: Networks, access_log: "AccessLog | None") -> None:
        self._app = app
        self._proxies = Proxies(trusted_proxies)
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or WebSocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = self._exchange(scope)
        scope[KEY] = exchange
        sent = _Sender(send, exchange)
        try:
            await self._app(scope, receive, sent if scope["type"] == "http" else send)
        except Exception as error:
            log.error("request_failed", path=scope["path"], request_id=exchange.request_id, exc_info=error)
            if scope["type"] == "http" and not sent.status:
                await refuse(sent, exchange, _Broken())
        finally:
            if self._access_log is not None and scope["path"] not in _PROBES:
                self._access_log.write(exchange, sent.status, time.perf_counter() - started)

    def _exchange(self, scope: Scope) -> Exchange:
        client = scope.get("client")
        exchange = Exchange(
            scope=scope,
            request_id="",
            client_ip=client[0] if client else "",
            secure=scope["scheme"] in ("https", "wss"),
            host="",
        )
        headers = exchange.headers
        sent_id = headers.get("x-request-id", "")
        exchange.request_id = sent_id if _REQUEST_ID.fullmatch(sent_id) else context.new_request_id()
        self._proxies.apply(exchange)
        exchange.host = exchange.host or headers.get("host", "")
        if not _HOST.fullmatch(exchange.host):
            exchange.host = "localhost"
        parent = headers.get("traceparent", "")
        exchange.trace_parent = parent if _TRACE_PARENT.fullmatch(parent) else ""
        return exchange


class _Broken(Refusal):
    """A bug: the caller learns only that it was not their fault."""

    http_status = 500
    default_code = "internal"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side.")


class Proxies:
    """Believes X-Forwarded-* of the configured proxies and of nobody else."""

    def __init__(self, trusted: Networks) -> None:
        self._trusted = tuple(trusted)
        self._is_trusted = lru_cache(maxsize=10_000)(self._look_up)

    def apply(self, exchange: Exchange) -> None:
        """Puts the client's own address, scheme and host in place of the proxy's."""
        if not self._trusted or not self._is_trusted(exchange.client_ip):
            return
        headers = exchange.headers
        # Each proxy appends whom it saw: the last address that is no proxy of ours is the client's.
        for address in reversed(_forwarded_for(exchange.scope["headers"])):
            exchange.client_ip = address
            if not self._is_trusted(address):
                break
        exchange.secure = headers.get("x-forwarded-proto", "https" if exchange.secure else "http") == "https"
        exchange.host = headers.get("x-forwarded-host", "")

    def _look_up(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _forwarded_for(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    values = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    return [address.strip() for address in ",".join(values).split(",") if address.strip()]


_SECURITY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
)
_NO_STORE = (b"cache-control", b"no-store")
_TRANSPORT = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class _Sender:
    """The send channel of one request: adds the headers that every answer has."""

    __slots__ = ("_exchange", "_send", "status")

    def __init__(self, send: Send, exchange: Exchange) -> None:
        self._send = send
        self._exchange = exchange
        self.status = 0

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[tuple[bytes, bytes]] = [*message.get("headers", ()), *_SECURITY]
            names = {name for name, _ in headers}
            if b"content-security-policy" not in names:
                headers.append(_POLICY)
            if b"cache-control" not in names:
                headers.append(_NO_STORE)
            if self._exchange.secure:
                headers.append(_TRANSPORT)
            headers.append((b"x-request-id", self._exchange.request_id.encode()))
            message = {**message, "headers": headers}
        await self._send(message)


class AccessLog:
    """One JSON line per request. Paths only: queries hold tokens and personal data."""

    def __init__(self, out: BinaryIO | None = None) -> None:
        self._out = out or sys.stdout.buffer

    def write(self, exchange: Exchange, status: int, seconds: float) -> None:
        """Writes the line of a finished request."""
        scope = exchange.scope
        line = {
            "event": "request",
            "service": "gateway",
            "level": "info" if status < 500 else "error",
            "timestamp": time.time(),
            "method": scope.get("method", "WEBSOCKET"),
            "path": scope["path"],
            "route": exchange.route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "code": exchange.code,
            "client_ip": exchange.client_ip,
            "subject": exchange.subject,
            "restaurant_id": exchange.restaurant,
            "request_id": exchange.request_id,
            "trace_id": exchange.trace_parent[3:35],
        }
        self._out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        self._out.flush()


class BodyLimit:
    """Refuses bodies over the limit, also those that do not say how long they are, and those that do not arrive."""

    def __init__(self, app: App, *, max_bytes: int, read_seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._read_seconds = read_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves the request with a receive channel that raises TooLarge or TooSlow."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        left = self._max_bytes

        async def limited() -> Any:
            nonlocal left
            try:
                async with asyncio.timeout(self._read_seconds):
                    message = await receive()
            except TimeoutError as error:
                raise TooSlow from error
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLarge(self._max_bytes)
            return message

        declared = exchange_of(scope).headers.get("content-length", "")
        try:
            if declared.isdigit() and int(declared) > self._max_bytes:
                raise TooLarge(self._max_bytes)
            await self._app(scope, limited, send)
        except (TooLarge, TooSlow) as refusal:
            await refuse(send, exchange_of(scope), refusal)


class AddressLimit:
    """Counts every request against the limit of its address, whatever it asks for."""

    def __init__(self, app: App, *, limiter: Limiter, limit: Limit) -> None:
        self._app = app
        self._limiter = limiter
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves the request, or refuses it with 429; a WebSocket is not accepted."""
        if scope["type"] != "lifespan" and self._limit.items and scope["path"] not in _PROBES:
            exchange = exchange_of(scope)
            try:
                await self._limiter.take(self._limit, network_of(exchange.client_ip))
            except Refusal as refusal:
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
                else:
                    await refuse(send, exchange, refusal)
                return
        await self._app(scope, receive, send)
