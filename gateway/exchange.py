"""One HTTP request as the parts of the gateway see it, made once when it arrives."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import cookie_parser

from servicekit.context import RequestContext

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

KEY = "mizan.exchange"
DEVICE_COOKIE = "mizan_device"


@dataclass
class Exchange:
    """The circumstances of one request, and what the log will say of it."""

    scope: Scope
    request_id: str
    client_ip: str
    secure: bool
    host: str
    trace_parent: str = ""
    route: str = ""
    subject: str = ""
    restaurant: str = ""
    code: str = ""

    @cached_property
    def headers(self) -> dict[str, str]:
        """The request's headers by lower-case name; of repeated ones the last."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}

    def context(self) -> RequestContext:
        """What travels with every call that this request causes."""
        headers = self.headers
        device = headers.get("x-device-token", "")
        if not device and DEVICE_COOKIE in headers.get("cookie", ""):
            device = cookie_parser(headers["cookie"]).get(DEVICE_COOKIE, "")
        return RequestContext(
            request_id=self.request_id,
            trace_parent=self.trace_parent,
            client_ip=self.client_ip,
            user_agent=as_metadata(headers.get("user-agent", "")),
            language=as_metadata(headers.get("accept-language", "")),
            device_token=as_metadata(device),
        )

    @property
    def url(self) -> str:
        """Scheme, host and path as the client sees them, without the query."""
        return f"{'https' if self.secure else 'http'}://{self.host}{self.scope['path']}"


def as_metadata(text: str) -> str:
    """A header's value as gRPC metadata can carry it; empty when it cannot."""
    return text[:500] if text.isascii() and text.isprintable() else ""


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that belongs to an ASGI scope."""
    exchange: Exchange = scope[KEY]
    return exchange


async def respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Sends a whole answer."""
    if status not in (204, 304):
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
