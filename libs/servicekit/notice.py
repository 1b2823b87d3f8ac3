"""How a server tells its callers that it is about to stop, while it still takes calls.

Callers watch the health of the name ACCEPTING and send nothing to a server that is not serving it. A server that only
closes cancels calls that have arrived and were not begun, and callers must not repeat what changes something.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio as grpc_health
from prometheus_client import Gauge

if TYPE_CHECKING:
    import grpc

ACCEPTING = "mizan.accepting"
CALLERS = Gauge("mizan_callers", "Connections whose other side watches whether this process takes calls.")

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class WatchedHealth(grpc_health.HealthServicer):
    """The library's health, whose `Watch` forgets all watchers of a name when one of them leaves; this one does not."""

    def __init__(self) -> None:
        super().__init__()
        self._statuses: dict[str, Any] = {"": _SERVING}
        self._changed = asyncio.Condition()
        self._stopping = False
        self.watchers = 0
        """How many callers would hear of a change."""

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> None:
        """Tells a caller the status of a name and each change of it, until one of the two leaves."""
        said = None
        self.watchers += 1
        CALLERS.inc()
        try:
            while True:
                async with self._changed:
                    while (status := self._statuses.get(request.service, _UNKNOWN)) == said:
                        await self._changed.wait()
                said = status
                await context.write(health_pb2.HealthCheckResponse(status=status))
        finally:
            self.watchers -= 1
            CALLERS.dec()

    async def set(self, service: str, status: Any) -> None:
        """Sets the status of a name, unless the server is stopping."""
        await super().set(service, status)
        if not self._stopping:
            await self._tell({service: status})

    async def enter_graceful_shutdown(self) -> None:
        """From now on nothing is served, whatever is set."""
        await super().enter_graceful_shutdown()
        self._stopping = True
        await self._tell(dict.fromkeys(self._statuses, _NOT_SERVING))

    async def _tell(self, statuses: dict[str, Any]) -> None:
        async with self._changed:
            self._statuses |= statuses
            self._changed.notify_all()
