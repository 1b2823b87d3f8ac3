"""`python -m gateway.tests.measure`: what the engine's parts cost, in CPU microseconds of this process.

The server that the calls go to is a process of its own, so that only the gateway's side is counted.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import uvloop
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from google.protobuf.json_format import MessageToDict

from gateway.exchange import Exchange, exchange_of
from gateway.middleware import BodyLimit, Entry
from gateway.tests.harness import MAX_BODY, Harness, not_here
from gateway.tests.kitchen import ANNA, Kitchen
from gateway.transcode.catalog import Catalog, parse_path
from gateway.transcode.dispatch import PathTree
from gateway.transcode.engine import Engine
from gateway.transcode.models import Models
from servicekit import wire
from servicekit.testing.protos import DESCRIPTORS, compile_protos

ROUNDS = 5
ROUTES = 400
PROTOS = Path(__file__).parent / "protos"
REPOSITORY_PROTOS = Path(__file__).resolve().parents[2] / "protos"


def report(name: str, seconds: float) -> None:
    """Prints one figure."""
    sys.stdout.write(f"{name:58} {seconds * 1e6:9.1f} us\n")


def cost(work: Callable[[], object], times: int) -> float:
    """CPU seconds of one run: the best of some rounds, since other processes disturb."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - started) / times)
    return best


async def async_cost(work: Callable[[], Awaitable[object]], times: int) -> float:
    """The same for a coroutine function."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(times):
            await work()
        best = min(best, (time.process_time() - started) / times)
    return best


def measure_wire(catalog: Catalog) -> None:
    """100 rows of a message with 20 fields, from protobuf bytes to JSON bytes."""
    operation = next(op for op in catalog.operations if op.rpc == "ListRows")
    row = operation.response_type
    rows: Any = row()
    for number in range(100):
        added = rows.rows.add(
            id=ANNA, name=f"Name {number}", phone="+212600000000", active=True, count=number, rate="12.50",
            price=f"{number}.25", status=1, role="MANAGER", day="2026-01-01", start="09:00", tags=["a", "b"],
            score=1.5, restaurant_id=ANNA, department="kitchen",
        )  # fmt: skip
        added.created_at.FromJsonString("2026-01-02T03:04:05.123456Z")
        added.updated_at.FromJsonString("2026-01-02T03:04:05Z")
    data = rows.SerializeToString()
    encode = wire.encoder_of(operation.output)
    compiled = cost(lambda: orjson.dumps(encode(row.FromString(data))), 200)
    standard = cost(lambda: orjson.dumps(MessageToDict(row.FromString(data), preserving_proto_field_name=True)), 20)
    report("100 rows x 20 fields: decode, encode, orjson", compiled)
    report("  the same with json_format.MessageToDict", standard)


def measure_dispatch() -> None:
    """The last of many routes in the tree."""
    tree: PathTree[int] = PathTree()
    for number in range(ROUTES):
        tree.add("GET", parse_path(f"/api/resource{number}/{{id}}/part/"), number)
    report(
        f"finding one of {ROUTES} routes in the tree",
        cost(lambda: tree.find("GET", f"/api/resource{ROUTES - 1}/7/part/"), 5000),
    )


class Asgi:
    """Calls an ASGI application without a server."""

    def __init__(self, app: Any, method: str, path: str, body: bytes = b"") -> None:
        self._app = app
        self._scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
            "scheme": "http", "client": ("127.0.0.1", 1), "root_path": "", "http_version": "1.1",
            "headers": [
                (b"host", b"api.example.com"), (b"authorization", b"Bearer x"), (b"user-agent", b"measure"),
                (b"accept", b"*/*"), (b"content-type", b"application/json"),
            ],
        }  # fmt: skip
        self._body = body
        self.status = 0

    async def __call__(self) -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": self._body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]

        await self._app(dict(self._scope), receive, send)


async def measure_requests(catalog: Catalog) -> None:
    """Whole requests through the engine, and the same endpoint behind FastAPI's routing."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.tests.measure", "--serve", stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    port = int(await server.stdout.readline())
    harness = Harness(catalog)
    harness.target = f"127.0.0.1:{port}"
    await harness.channels.start()
    try:
        operation = next(op for op in catalog.operations if op.rpc == "GetUser")
        call, request = harness.channels.unary(operation), operation.request_type(id=ANNA)
        metadata = [("x-request-id", "measure"), ("x-client-ip", "127.0.0.1"), ("traceparent", "0" * 55)]
        report("the gRPC call alone", await async_cost(lambda: call(request, metadata=metadata, timeout=5), 1000))
        engine = Engine(catalog, Models(catalog.comments), harness.caller, not_here)
        app = Entry(BodyLimit(engine, max_bytes=MAX_BODY, read_seconds=5), trusted_proxies=[], access_log=None)
        for name, method, path, body in (
            ("GET one", "GET", f"/api/staff/{ANNA}/", b""),
            ("GET a list of 25", "GET", "/api/users/", b""),
            ("POST with 4 fields", "POST", "/api/staff/products/", b'{"name":"Soup","base_price":"12.50"}'),
        ):
            asgi = Asgi(app, method, path, body)
            report(f"{name}: the gateway's part, the call included", await async_cost(asgi, 1000))
            assert asgi.status in (200, 201), asgi.status
        await measure_routing(catalog, harness)
    finally:
        await harness.channels.stop()
        server.terminate()
        await server.wait()


async def measure_routing(catalog: Catalog, harness: Harness) -> None:
    """An endpoint that does nothing: straight from the tree, and through FastAPI as its first and last route."""

    async def nothing(exchange: Exchange, variables: Any, receive: Any, send: Any) -> int:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return 200

    tree: PathTree[Any] = PathTree()
    app = FastAPI()
    for number in range(ROUTES):
        path = f"/api/resource{number}/{{id}}/"
        tree.add("GET", parse_path(path), nothing)
        app.router.routes.append(_Route(path, _documented, methods=["GET"]))

    async def direct(scope: Any, receive: Any, send: Any) -> None:
        found = tree.find(scope["method"], scope["path"])
        assert found is not None
        await found.target(exchange_of(scope), found.variables, receive, send)

    last = f"/api/resource{ROUTES - 1}/7/"
    for name, target, path in (
        ("routing straight from the tree", direct, last),
        ("routing by FastAPI, a custom APIRoute, first route", app, "/api/resource0/7/"),
        (f"routing by FastAPI, a custom APIRoute, route {ROUTES}", app, last),
    ):
        asgi = Asgi(Entry(target, trusted_proxies=[], access_log=None), "GET", path)
        report(name, await async_cost(asgi, 500))
        assert asgi.status == 200


class _Route(APIRoute):
    """A route whose handler is not FastAPI's, as a documented operation would have it."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        async def handle(_request: Request) -> Response:
            return Response(b"")

        return handle


async def _documented(id: str) -> None:
    """Stands for an operation."""


async def serve(descriptors: Path) -> None:
    """Runs the server until it is ended."""
    kitchen = Kitchen(Catalog.load(descriptors, package="odd."))
    await kitchen.start()
    sys.stdout.write(f"{kitchen.port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        descriptors = compile_protos(PROTOS, Path(folder), REPOSITORY_PROTOS)
        assert descriptors.name == DESCRIPTORS
        if "--serve" in sys.argv:
            uvloop.run(serve(descriptors))
            return
        catalog = Catalog.load(descriptors, package="odd.")
        measure_wire(Catalog.load(descriptors, package="rows."))
        measure_dispatch()
        uvloop.run(measure_requests(catalog))


if __name__ == "__main__":
    main()
