"""An operation used from within the gateway, exactly as the same request from outside would be served."""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from gateway.exchange import KEY, App, Exchange
from gateway.mcp.manual import JSON, Entry
from servicekit.errors import Invalid

_VARIABLE = re.compile(r"\{(\w+)(:path)?\}")
# Who calls, from where and in which language; the rest of the outer request is about the protocol.
_HANDED_ON = ("authorization", "x-api-key", "x-restaurant-id", "accept-language", "user-agent", "cookie")


@dataclass
class Answer:
    """What the operation answered."""

    status: int = 0
    body: bytearray = field(default_factory=bytearray)

    async def take(self, message: MutableMapping[str, Any]) -> None:
        """Receives a part of the answer, as a server does."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message.get("body", b"")

    def content(self) -> dict[str, Any]:
        """The answer as data."""
        return {"status": self.status, "body": orjson.loads(self.body) if self.body else None}


async def perform(
    app: App,
    exchange: Exchange,
    entry: Entry,
    *,
    path_parameters: Mapping[str, str],
    query: Mapping[str, Any],
    body: Any = None,
    idempotency_key: str = "",
) -> Answer:
    """Serves the operation for whoever made the outer request. Raises Invalid when the path cannot be filled."""
    path = _filled(entry.path, path_parameters)
    headers = {name: exchange.headers[name] for name in _HANDED_ON if name in exchange.headers}
    headers["accept"] = JSON
    if idempotency_key:
        headers["idempotency-key"] = idempotency_key
    payload = b"" if body is None else orjson.dumps(body)
    if body is not None:
        headers |= {"content-type": JSON, "content-length": str(len(payload))}
    outer = exchange.scope
    scope = {
        **{key: outer[key] for key in ("type", "asgi", "http_version", "scheme", "client", "server") if key in outer},
        "method": entry.method,
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": urlencode(_parameters(query)).encode(),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    scope[KEY] = replace(exchange, scope=scope)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": payload, "more_body": False}

    answer = Answer()
    await app(scope, receive, answer.take)
    return answer


def _filled(path: str, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name, rest = found[1], found[2]
        text = values.get(name, "")
        if not text or (not rest and "/" in text):
            raise Invalid.field(name, "This part of the path is missing, or has a slash in it.")
        return text

    return _VARIABLE.sub(value, path)


def _parameters(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A repeated parameter for each value of a list; booleans as JSON spells them."""
    return [
        (name, value if isinstance(value, str) else orjson.dumps(value).decode())
        for name, values in query.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]
