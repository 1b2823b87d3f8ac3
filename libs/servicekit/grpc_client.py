"""Channels to other services, and stubs that pass on the caller's identity, context and remaining time."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from servicekit import telemetry
from servicekit.context import IDEMPOTENCY_KEY, TOKEN, current
from servicekit.errors import Refusal, Unavailable, detail_of
from servicekit.identity import Principal, TokenMinter
from servicekit.methods import Method, methods_of
from servicekit.notice import ACCEPTING

DEFAULT_TIMEOUT_SECONDS = 5.0
PING_INTERVAL_MS = 30_000
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.05s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    # A server that is stopping cancels the calls that it has not begun.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)


class RemoteRefusal(Refusal):
    """Another service refused; its own code, message and fields are passed on as they are."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        detail = detail_of(error)
        if detail is None:
            super().__init__(error.details() or "The other service refused.")
        else:
            fields: dict[str, list[str]] = {}
            for complaint in detail.fields:
                fields.setdefault(complaint.field, []).append(complaint.message)
            super().__init__(detail.message, code=detail.code, fields=fields, retry_after=detail.retry_after)
            self.http_status = detail.http_status
        self.grpc_code = error.code()


def channel(target: str, services: tuple[ServiceDescriptor, ...]) -> grpc.aio.Channel:
    """A channel that balances over every address of the target and retries only methods without side effects."""
    reads = [
        {"service": method.service, "method": method.name}
        for service in services
        for method in methods_of(service)
        if method.reads
    ]
    config: dict[str, Any] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        # A server that is about to stop says so here, and calls go to the others before it closes.
        "healthCheckConfig": {"serviceName": ACCEPTING},
    }
    if reads:
        config["methodConfig"] = [{"name": reads, "retryPolicy": _RETRY}]
    return grpc.aio.insecure_channel(
        target,
        options=[
            ("grpc.service_config", json.dumps(config)),
            ("grpc.keepalive_time_ms", PING_INTERVAL_MS),
            ("grpc.keepalive_timeout_ms", 5_000),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2_000),
            # In a rolling update the next pod's address is needed before the half minute is over that is the default.
            ("grpc.dns_min_time_between_resolutions_ms", 3_000),
            ("grpc.max_receive_message_length", 16 * 1024 * 1024),
        ],
    )


Unary = Callable[..., Awaitable[Any]]


class Client:
    """Calls one proto service of a neighbour; each RPC is a method of the same name.

    A call is made as the given principal, or as the service itself. Raises RemoteRefusal when the neighbour refuses and
    Unavailable when it does not answer in time.
    """

    def __init__(
        self, connection: grpc.aio.Channel, service: ServiceDescriptor, minter: TokenMinter, itself: Principal
    ) -> None:
        self._connection = connection
        self._minter = minter
        self._itself = itself
        self._calls = {method.name: self._prepare(method) for method in methods_of(service)}

    def __getattr__(self, name: str) -> Unary:
        try:
            return self._calls[name]
        except KeyError:
            raise AttributeError(name) from None

    def _prepare(self, method: Method) -> Unary:
        invoke = self._connection.unary_unary(
            method.path,
            request_serializer=method.input_type.SerializeToString,
            response_deserializer=method.output_type.FromString,
        )
        measured = telemetry.rpc_client(method.path)

        async def call(
            request: Message,
            *,
            principal: Principal | None = None,
            timeout: float = DEFAULT_TIMEOUT_SECONDS,
            idempotency_key: str = "",
        ) -> Any:
            metadata = [(TOKEN, self._minter.token_for(principal or self._itself)), *current.get().to_metadata()]
            if idempotency_key:
                metadata.append((IDEMPOTENCY_KEY, idempotency_key))
            with measured(metadata) as outcome:
                try:
                    return await invoke(request, metadata=tuple(metadata), timeout=timeout)
                except grpc.aio.AioRpcError as error:
                    outcome.failed(error.code().name)
                    if error.code() in _AWAY:
                        raise Unavailable("A part of the platform does not answer. Please try again.") from error
                    raise RemoteRefusal(error) from error

        return call
