"""One trace from the edge to the consumer, and nothing where nobody looks."""

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from servicekit import context, events, jobs, telemetry
from servicekit.broker import Broker
from servicekit.db import SYSTEM, Database, Query
from servicekit.inbox import Subscription
from servicekit.jobs import Job, Jobs, Task
from servicekit.outbox import Relay
from servicekit.subscriber import Subscriber
from servicekit.tables import outbox
from servicekit.tests.events import sample
from servicekit.tests.events.conftest import effect, eventually

PATH = "/mizan.sample.v1.TillService/Count"
OUTSIDE = f"00-{'c' * 32}-{'d' * 16}-01"
NOTIFY = Task("till.notify")


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Tracing switched on, and what was traced."""
    exporter = InMemorySpanExporter()
    telemetry.configure("sample", exporter=exporter)
    yield exporter
    telemetry.shutdown()


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    token = context.current.set(context.RequestContext())
    yield
    context.current.reset(token)


async def count_till(database: Database) -> None:
    """What a servicer method does: reads, changes, emits, defers."""
    await database.read(SYSTEM).all(Query(sa.select(outbox.c.seq)))
    async with database.write(SYSTEM) as session:
        events.emit(session, sample.TillCounted(note="x"), restaurant_id=None, aggregate_id="1")
        await jobs.defer(session, NOTIFY)


async def test_one_trace_leads_from_the_edge_to_the_consumer(
    database: Database, broker: Broker, spans: InMemorySpanExporter
) -> None:
    served = telemetry.rpc_server(PATH)
    called = telemetry.rpc_client(PATH)

    async def serve(_request: bytes, call: Any) -> bytes:
        with served(call.invocation_metadata()):
            await count_till(database)
        return b""

    async def handle(session: Any, event: Any, envelope: events.Envelope) -> None:
        await session.execute(sa.insert(effect), {"event_id": envelope.id, "note": event.note, "amount": 0})

    async def notify(_job: Job) -> None:
        await database.read(SYSTEM).all(Query(sa.select(effect.c.note)))

    server = grpc.aio.server()
    handler: Any = grpc.unary_unary_rpc_method_handler(serve)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("mizan.sample.v1.TillService", {"Count": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    relay = Relay("sample", database, broker)
    subscriber = Subscriber(Subscription("books", {sample.TillCounted: handle}), database, broker)
    await relay.start()
    await subscriber.start()

    with telemetry.http_server("gateway", "POST /api/till/")(OUTSIDE) as request:
        context.current.set(context.RequestContext(request_id="r-1", trace_parent=request.trace_parent))
        metadata = list(context.current.get().to_metadata())
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with called(metadata):
                call: Any = channel.unary_unary(PATH)
                await call(b"", metadata=metadata, timeout=10)

    consumed = "books evt.sample.till.counted.v1"
    await eventually(lambda: consumed in [span.name for span in spans.get_finished_spans()])
    await Jobs("sample", database, {NOTIFY: notify}).run_pending()
    await subscriber.stop()
    await relay.stop()
    await server.stop(None)

    finished = spans.get_finished_spans()
    assert {span.context.trace_id for span in finished} == {int("c" * 32, 16)}
    edges = edges_of(finished)
    rpc = "mizan.sample.v1.TillService/Count"
    assert {
        ("", "POST /api/till/ SERVER"),
        ("POST /api/till/ SERVER", f"{rpc} CLIENT"),
        (f"{rpc} CLIENT", f"{rpc} SERVER"),
        (f"{rpc} SERVER", "SELECT CLIENT"),
        (f"{rpc} SERVER", "INSERT CLIENT"),
        (f"{rpc} SERVER", "evt.sample.till.counted.v1 PRODUCER"),
        ("evt.sample.till.counted.v1 PRODUCER", f"{consumed} CONSUMER"),
        (f"{consumed} CONSUMER", "INSERT CLIENT"),
        (f"{rpc} SERVER", "job till.notify CONSUMER"),
        ("job till.notify CONSUMER", "SELECT CLIENT"),
    } <= edges


def edges_of(finished: Any) -> set[tuple[str, str]]:
    """Pairs of parent and child, each as name and kind; the parent outside is empty."""
    names = {span.context.span_id: f"{span.name} {span.kind.name}" for span in finished}
    return {
        (names.get(span.parent.span_id, "") if span.parent else "none", names[span.context.span_id])
        for span in finished
    }


async def test_a_failure_marks_its_span_and_no_secret_is_recorded(
    database: Database, spans: InMemorySpanExporter
) -> None:
    async def fails() -> None:
        with telemetry.rpc_server(PATH)([("traceparent", OUTSIDE)]):
            async with database.write(SYSTEM) as session:
                await session.execute(sa.text("SELECT 1 / :zero"), {"zero": 0})

    with pytest.raises(sa.exc.DBAPIError):
        await fails()
    by_name = {span.name: span for span in spans.get_finished_spans()}
    assert by_name["SELECT"].status.status_code is trace.StatusCode.ERROR
    server = by_name["mizan.sample.v1.TillService/Count"]
    assert server.status.status_code is trace.StatusCode.ERROR
    assert dict(server.attributes or {})["rpc.grpc.status_code"] == "UNKNOWN"
    assert dict(by_name["SELECT"].attributes or {})["db.query.text"] == "SELECT 1 / %(zero)s"


def test_a_refusal_is_not_a_failure(spans: InMemorySpanExporter) -> None:
    with telemetry.rpc_server(PATH)([]) as outcome:
        outcome.failed("NOT_FOUND")
    with telemetry.http_server("gateway", "GET /x/")("") as outcome:
        outcome.failed("404")
    assert [span.status.status_code for span in spans.get_finished_spans()] == [trace.StatusCode.UNSET] * 2


async def test_what_was_not_sampled_is_traced_nowhere_but_keeps_its_trace_id(
    database: Database, spans: InMemorySpanExporter
) -> None:
    unsampled = OUTSIDE[:-2] + "00"
    with telemetry.http_server("gateway", "POST /api/till/")(unsampled) as request:
        context.current.set(context.RequestContext(trace_parent=request.trace_parent))
        metadata = list(context.current.get().to_metadata())
        with telemetry.rpc_client(PATH)(metadata), telemetry.rpc_server(PATH)(metadata):
            await count_till(database)
    assert spans.get_finished_spans() == ()
    assert metadata == [("traceparent", unsampled)]
    async with database.write(SYSTEM) as session:
        headers = (await session.execute(sa.select(outbox.c.headers))).scalar_one()
    assert headers["traceparent"] == unsampled


def test_the_ratio_decides_at_the_edge() -> None:
    exporter = InMemorySpanExporter()
    telemetry.configure("sample", exporter=exporter, sample_ratio=0.0)
    with telemetry.http_server("gateway", "GET /x/")("") as request:
        assert int(request.trace_parent[-2:], 16) & 1 == 0
        metadata = [("traceparent", request.trace_parent)]
        with telemetry.span("step"), telemetry.rpc_server(PATH)(metadata):
            pass
    telemetry.shutdown()
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize("header", ["", "rubbish", "00-zz-zz-01", f"00-{'0' * 32}-{'0' * 16}-01"])
def test_a_malformed_header_begins_a_trace_of_its_own(spans: InMemorySpanExporter, header: str) -> None:
    with telemetry.http_server("gateway", "GET /x/")(header) as request:
        inside = request.trace_parent
    (span,) = spans.get_finished_spans()
    assert span.parent is None
    assert inside[3:35] == f"{span.context.trace_id:032x}"


async def test_concurrent_requests_do_not_mix(spans: InMemorySpanExporter) -> None:
    async def request(number: int) -> None:
        with telemetry.http_server("gateway", f"GET /{number}/")(""):
            await asyncio.sleep(0.001 * (number % 3))
            with telemetry.span(f"step {number}"):
                await asyncio.sleep(0.001)

    await asyncio.gather(*(request(number) for number in range(10)))
    finished: tuple[ReadableSpan, ...] = spans.get_finished_spans()
    assert {(f"GET /{number}/ SERVER", f"step {number} INTERNAL") for number in range(10)} <= edges_of(finished)


def test_switched_off_there_are_no_spans_but_still_trace_ids() -> None:
    with telemetry.http_server("gateway", "GET /x/")("") as request:
        assert not trace.get_current_span().is_recording()
        assert len(request.trace_parent) == 55
        assert request.trace_parent.endswith("-00")
        context.current.set(context.RequestContext(trace_parent=request.trace_parent))
        assert telemetry.trace_parent() == request.trace_parent
        assert telemetry.trace_id() == request.trace_parent[3:35]
    with telemetry.http_server("gateway", "GET /x/")(OUTSIDE) as request:
        assert request.trace_parent == OUTSIDE


def total(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_requests_are_counted_by_outcome_and_timed() -> None:
    labels = {"protocol": "grpc", "side": "server", "service": "mizan.sample.v1.RedService", "method": "Count"}
    measured = telemetry.rpc_server("/mizan.sample.v1.RedService/Count")
    with measured(()):
        pass
    with measured(()) as outcome:
        outcome.failed("NOT_FOUND")
    with pytest.raises(ValueError, match="bug"), measured(()):
        raise ValueError("bug")
    with pytest.raises(asyncio.CancelledError), measured(()):
        raise asyncio.CancelledError
    codes = {
        code: total("mizan_requests_total", **labels, code=code) for code in ("OK", "NOT_FOUND", "UNKNOWN", "CANCELLED")
    }
    assert codes == {"OK": 1, "NOT_FOUND": 1, "UNKNOWN": 1, "CANCELLED": 1}
    assert total("mizan_request_seconds_count", **labels) == 4


def test_a_request_that_broke_at_the_edge_is_a_500() -> None:
    labels = {"protocol": "http", "side": "server", "service": "gateway", "method": "GET /broken/", "code": "500"}
    with pytest.raises(ValueError, match="bug"), telemetry.http_server("gateway", "GET /broken/")(""):
        raise ValueError("bug")
    assert total("mizan_requests_total", **labels) == 1
