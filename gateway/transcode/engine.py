"""All operations behind one dispatcher."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.exchange import App, Exchange, Receive, Scope, Send, exchange_of, respond
from gateway.transcode.catalog import Catalog
from gateway.transcode.dispatch import PathTree
from gateway.transcode.endpoint import Edge, Endpoint
from gateway.transcode.errors import MethodNotAllowed, refuse
from gateway.transcode.models import Models
from servicekit import context, telemetry


class Engine:
    """An ASGI application that serves a catalog and hands every other path on."""

    def __init__(self, catalog: Catalog, models: Models, edge: Edge, otherwise: App) -> None:
        self._tree: PathTree[Endpoint] = PathTree()
        self._otherwise = otherwise
        for operation in catalog.operations:
            model = models.request(operation)
            for binding in operation.bindings:
                self._tree.add(binding.method, binding.segments, Endpoint(operation, binding, model, edge))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves the request, redirects it to its path with the slash, refuses the method, or hands it on."""
        if scope["type"] != "http":
            await self._otherwise(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        exchange = exchange_of(scope)
        found = self._tree.find("GET" if method == "HEAD" else method, path)
        if found is None:
            with _measured(exchange, "other"):
                await self._elsewhere(scope, method, path, receive, send)
            return
        endpoint = found.target
        exchange.route = endpoint.binding.path
        with _measured(exchange, endpoint.label) as outcome:
            status = await endpoint(exchange, found.variables, receive, send)
            if status != 200:
                outcome.failed(str(status))

    async def _elsewhere(self, scope: Scope, method: str, path: str, receive: Receive, send: Send) -> None:
        allowed = self._tree.methods_of(path)
        if allowed:
            await refuse(send, exchange_of(scope), MethodNotAllowed(method, sorted(allowed)))
        elif not path.endswith("/") and self._tree.methods_of(path + "/"):
            await respond(send, 301 if method in ("GET", "HEAD") else 307, [_location(scope)], b"")
        else:
            await self._otherwise(scope, receive, send)


@contextmanager
def _measured(exchange: Exchange, label: str) -> Iterator[telemetry.Measured]:
    """Measures and traces a request, and makes its circumstances known to whatever it calls."""
    with telemetry.http_server("gateway", label)(exchange.trace_parent) as outcome:
        exchange.trace_parent = outcome.trace_parent
        token = context.current.set(exchange.context())
        try:
            yield outcome
        finally:
            context.current.reset(token)


def _location(scope: Scope) -> tuple[bytes, bytes]:
    """The same address with a slash at the end; relative, so that no host can be smuggled in."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    # Two leading slashes would name a host.
    path = b"/" + raw.partition(b"?")[0].lstrip(b"/") + b"/"
    query: bytes = scope["query_string"]
    return b"location", path + (b"?" + query if query else b"")
