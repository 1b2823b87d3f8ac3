"""Calls from the administration site to its own service: what it changes, it changes as everybody else does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from google.protobuf.descriptor import ServiceDescriptor
from starlette.requests import Request

from servicekit import context, grpc_client
from servicekit.identity import ANONYMOUS, TokenMinter

LOOPBACK = "127.0.0.1"


class OwnCalls:
    """Opens clients of this process's gRPC services; the port is known once the server has started."""

    def __init__(self, minter: TokenMinter, port: Callable[[], int]) -> None:
        self._minter = minter
        self._port = port

    @asynccontextmanager
    async def to(self, service: ServiceDescriptor, request: Request) -> AsyncIterator[grpc_client.Client]:
        """A client whose calls carry the id, address and language of the page's request."""
        circumstances, _ = context.from_metadata(request.headers.items())
        before = context.current.set(circumstances)
        try:
            async with grpc_client.channel(f"{LOOPBACK}:{self._port()}", (service,)) as channel:
                yield grpc_client.Client(channel, service, self._minter, ANONYMOUS)
        finally:
            context.current.reset(before)
