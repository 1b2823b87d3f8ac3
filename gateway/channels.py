"""The gRPC connections to the services, one each."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from gateway.transcode.catalog import Operation
from mizan.identity.v1 import access_pb2
from servicekit import grpc_client
from servicekit.errors import Unavailable

_POOL: Any = descriptor_pool.Default()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
ACCESS: ServiceDescriptor = access_pb2.DESCRIPTOR.services_by_name["AccessService"]


class Channels:
    """Opens a channel per service that is configured; the calls of the others are refused as unavailable."""

    def __init__(self, operations: Iterable[Operation], target_of: Callable[[str], str]) -> None:
        self._target_of = target_of
        self._services: dict[str, dict[str, ServiceDescriptor]] = {"identity": {ACCESS.full_name: ACCESS}}
        for operation in operations:
            service = _POOL.FindServiceByName(operation.service)
            self._services.setdefault(operation.owner, {})[operation.service] = service
        self._channels: dict[str, grpc.aio.Channel] = {}

    @property
    def owners(self) -> tuple[str, ...]:
        """The services that are configured."""
        return tuple(owner for owner in self._services if self._target_of(owner))

    async def start(self) -> None:
        """Makes the channels; they connect when they are first used."""
        for owner, services in self._services.items():
            target = self._target_of(owner)
            if target:
                self._channels[owner] = grpc_client.channel(target, tuple(services.values()))

    async def stop(self) -> None:
        """Closes the channels; calls under way have ended before."""
        for channel in self._channels.values():
            await channel.close()

    def of(self, owner: str) -> grpc.aio.Channel:
        """The channel of a service. Raises KeyError when it is not configured."""
        return self._channels[owner]

    async def reach(self, owner: str, timeout: float) -> None:
        """Waits until the service is connected. Raises TimeoutError."""
        channel = self._channels[owner]
        state = channel.get_state(try_to_connect=True)
        async with asyncio.timeout(timeout):
            while state is not grpc.ChannelConnectivity.READY:
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)

    def unary(self, operation: Operation) -> Callable[..., Awaitable[Any]]:
        """The call of an operation that answers with one message."""
        channel = self._channels.get(operation.owner)
        if channel is None:
            return _not_configured
        return channel.unary_unary(
            operation.path,
            request_serializer=operation.request_type.SerializeToString,
            response_deserializer=operation.response_type.FromString,
        )

    def stream(self, operation: Operation) -> Callable[..., Any]:
        """The call of an operation that answers with a stream."""
        channel = self._channels.get(operation.owner)
        if channel is None:
            return _not_configured
        return channel.unary_stream(
            operation.path,
            request_serializer=operation.request_type.SerializeToString,
            response_deserializer=operation.response_type.FromString,
        )


def _not_configured(_message: object, **_options: object) -> Any:
    raise Unavailable("This part of the platform is not available here.", code="not_configured")
