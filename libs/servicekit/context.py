"""What travels with every call beside its message: ids, the caller's address and language, the idempotency key."""

import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

TOKEN = "x-mizan-identity"  # noqa: S105 - the name of a header
REQUEST_ID = "x-request-id"
TRACE_PARENT = "traceparent"
IDEMPOTENCY_KEY = "idempotency-key"
CLIENT_IP = "x-client-ip"
USER_AGENT = "x-client-user-agent"
LANGUAGE = "accept-language"
DEVICE = "x-device-token"

Metadata = Iterable[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The circumstances of one request; empty texts where nothing is known."""

    request_id: str = ""
    trace_parent: str = ""
    idempotency_key: str = ""
    client_ip: str = ""
    user_agent: str = ""
    language: str = ""
    device_token: str = ""

    def to_metadata(self) -> list[tuple[str, str]]:
        """What is passed on to the services that this request calls; the idempotency key is not."""
        return [
            (name, value)
            for name, value in (
                (REQUEST_ID, self.request_id),
                (TRACE_PARENT, self.trace_parent),
                (CLIENT_IP, self.client_ip),
                (USER_AGENT, self.user_agent),
                (LANGUAGE, self.language),
                (DEVICE, self.device_token),
            )
            if value
        ]


_FIELDS = {
    REQUEST_ID: "request_id",
    TRACE_PARENT: "trace_parent",
    IDEMPOTENCY_KEY: "idempotency_key",
    CLIENT_IP: "client_ip",
    USER_AGENT: "user_agent",
    LANGUAGE: "language",
    DEVICE: "device_token",
}

_NONE = RequestContext()
current: ContextVar[RequestContext] = ContextVar("mizan_request_context", default=_NONE)


def from_metadata(metadata: Metadata) -> tuple[RequestContext, str]:
    """The request's context, and its internal token (empty when there is none)."""
    values: dict[str, str] = {}
    token = ""
    for key, value in metadata:
        if key == TOKEN:
            token = str(value)
        elif key in _FIELDS:
            values[_FIELDS[key]] = value if isinstance(value, str) else value.decode()
    if "request_id" not in values:
        values["request_id"] = new_request_id()
    return RequestContext(**values), token


def new_request_id() -> str:
    """A fresh id for a request that came without one: 32 hexadecimal digits."""
    return secrets.token_hex(16)
