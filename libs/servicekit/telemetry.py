"""Traces and request metrics: what an operator sees of a call on its way through the platform.

Tracing is off until `configure` names an exporter, and a request that was not sampled at the edge is not traced
anywhere: both cost one comparison per would-be span. The W3C trace context travels in gRPC metadata, outbox rows and
NATS headers all the same, so that log lines of one request share a trace id.
"""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from types import TracebackType
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Histogram
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from servicekit import context

INTERNAL = SpanKind.INTERNAL
SERVER = SpanKind.SERVER
CLIENT = SpanKind.CLIENT
PRODUCER = SpanKind.PRODUCER
CONSUMER = SpanKind.CONSUMER

FLUSH_TIMEOUT_MS = 3_000

REQUESTS = Counter(
    "mizan_requests", "Requests answered, by outcome.", ("protocol", "side", "service", "method", "code")
)
DURATION = Histogram(
    "mizan_request_seconds",
    "Time from the arrival of a request to its answer.",
    ("protocol", "side", "service", "method"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)

_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_EVEN_DIGITS = frozenset("02468ace")

_propagator = TraceContextTextMapPropagator()
_ids = RandomIdGenerator()
_NOTHING: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)


class _Tracing:
    """The process's tracer, once there is somewhere to send spans to."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self.tracer = provider.get_tracer("mizan")


_tracing: _Tracing | None = None


def configure(
    service: str, *, endpoint: str = "", sample_ratio: float = 1.0, exporter: SpanExporter | None = None
) -> None:
    """Starts exporting spans to an OTLP endpoint, or to the given exporter; with neither, tracing stays off."""
    global _tracing
    if not endpoint and exporter is None:
        return
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: service}), sampler=ParentBased(TraceIdRatioBased(sample_ratio))
    )
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    else:
        # Imported here because it takes 0.3 s, which a process that exports nothing need not pay.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    _tracing = _Tracing(provider)


def shutdown() -> None:
    """Sends what is still held back, at most for a few seconds, and turns tracing off."""
    global _tracing
    tracing, _tracing = _tracing, None
    if tracing is not None:
        tracing.provider.force_flush(FLUSH_TIMEOUT_MS)
        tracing.provider.shutdown()


def trace_parent() -> str:
    """The W3C trace context to hand on: that of the current span, or the one that the request came with."""
    if _tracing is not None:
        span = trace.get_current_span()
        if span.is_recording():
            return _header_of(span)
    return context.current.get().trace_parent


def trace_id() -> str:
    """The id that all log lines of this request share; empty where there is none."""
    return context.current.get().trace_parent[3:35]


def span(
    name: str, kind: SpanKind = INTERNAL, attributes: Mapping[str, Any] | None = None
) -> AbstractContextManager[Span]:
    """A step of the current span's work, recorded only where that one is."""
    if _tracing is None or not trace.get_current_span().is_recording():
        return _NOTHING
    return _tracing.tracer.start_as_current_span(name, kind=kind, attributes=attributes)


def consumer_span(name: str, parent: str, attributes: Mapping[str, Any] | None = None) -> AbstractContextManager[Span]:
    """The handling of an event, as a continuation of the trace in which it was emitted."""
    if _tracing is None or _is_dropped(parent):
        return _NOTHING
    return _tracing.tracer.start_as_current_span(
        name, context=_context_of(parent), kind=CONSUMER, attributes=attributes
    )


def sql_span(statement: str) -> AbstractContextManager[Span]:
    """The execution of one SQL statement; the text holds placeholders and no values."""
    if _tracing is None or not trace.get_current_span().is_recording():
        return _NOTHING
    return _tracing.tracer.start_as_current_span(
        statement.split(None, 1)[0].upper() if statement else "SQL",
        kind=CLIENT,
        attributes={"db.system.name": "postgresql", "db.query.text": statement},
    )


def instrument(engine: AsyncEngine) -> None:
    """Records the statements of a SQLAlchemy engine."""
    event.listen(engine.sync_engine, "before_cursor_execute", _before_cursor_execute)
    event.listen(engine.sync_engine, "after_cursor_execute", _after_cursor_execute)
    event.listen(engine.sync_engine, "handle_error", _on_sql_error)


def _before_cursor_execute(
    _connection: Any, _cursor: Any, statement: str, _parameters: Any, execution: Any, _many: bool
) -> None:
    # The tenant's setting in front of every transaction is no work of the request.
    if _tracing is not None and trace.get_current_span().is_recording() and "set_config(" not in statement:
        scope = sql_span(statement)
        execution.mizan_span = (scope, scope.__enter__())


def _after_cursor_execute(
    _connection: Any, _cursor: Any, _statement: str, _parameters: Any, execution: Any, _m: bool
) -> None:
    started = getattr(execution, "mizan_span", None)
    if started is not None:
        del execution.mizan_span
        started[0].__exit__(None, None, None)


def _on_sql_error(failure: Any) -> None:
    started = getattr(failure.execution_context, "mizan_span", None)
    if started is not None:
        del failure.execution_context.mizan_span
        error = failure.original_exception
        started[0].__exit__(type(error), error, error.__traceback__)


class Measured:
    """One request under way: counted, timed and, when sampled, traced.

    `failed` names the outcome when it is not a success; an exception that nobody named counts as one.
    """

    __slots__ = ("_kind", "_parent", "_span", "_started", "_token", "_where", "code", "metadata", "trace_parent")

    def __init__(
        self, where: "_Where", kind: SpanKind, parent: str, metadata: list[tuple[str, str]] | None = None
    ) -> None:
        self._where = where
        self._kind = kind
        self._parent = parent
        self._span: Span | None = None
        self._token: Any = None
        self._started = 0.0
        self.code = where.success
        self.trace_parent = parent
        self.metadata = metadata

    def failed(self, code: str) -> None:
        """States how the request ended."""
        self.code = code

    def __enter__(self) -> "Measured":
        self._started = time.perf_counter()
        tracing = _tracing
        if tracing is not None:
            self._trace(tracing)
        elif not self.trace_parent and self._where.edge:
            self.trace_parent = new_trace_parent()
        return self

    def _trace(self, tracing: _Tracing) -> None:
        if self._kind is CLIENT:
            if not trace.get_current_span().is_recording():
                return
            parent = None
        else:
            if _is_dropped(self._parent):
                return
            parent = _context_of(self._parent)
        self._span = tracing.tracer.start_span(
            self._where.name, context=parent, kind=self._kind, attributes=self._where.attributes
        )
        self._token = otel_context.attach(trace.set_span_in_context(self._span))
        self.trace_parent = _header_of(self._span)
        if self.metadata is not None:
            self.metadata[:] = [entry for entry in self.metadata if entry[0] != context.TRACE_PARENT]
            self.metadata.append((context.TRACE_PARENT, self.trace_parent))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is not None and self.code == self._where.success:
            self.code = self._where.unexpected(error)
        self._where.observe(self.code, time.perf_counter() - self._started)
        if self._span is not None:
            self._span.set_attribute(self._where.code_attribute, self.code)
            if self._where.is_fault(self.code):
                self._span.set_status(Status(StatusCode.ERROR))
                if error is not None:
                    self._span.record_exception(error)
            self._span.end()
            otel_context.detach(self._token)


class _Where:
    """What is measured: one method or route, its labels resolved once."""

    def __init__(self, protocol: str, side: str, service: str, method: str) -> None:
        self.edge = protocol == "http"
        self.name = f"{service}/{method}" if protocol == "grpc" else method
        self.success = "200" if self.edge else "OK"
        self.code_attribute = "http.response.status_code" if self.edge else "rpc.grpc.status_code"
        self.attributes: dict[str, str] = (
            {"http.route": method}
            if self.edge
            else {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        )
        self._labels = (protocol, side, service, method)
        self._duration = DURATION.labels(*self._labels)
        self._counters: dict[str, Counter] = {}

    def observe(self, code: str, seconds: float) -> None:
        """Counts one answer."""
        counter = self._counters.get(code)
        if counter is None:
            counter = self._counters[code] = REQUESTS.labels(*self._labels, code)
        counter.inc()
        self._duration.observe(seconds)

    def unexpected(self, error: BaseException) -> str:
        """The outcome of a request that ended in an exception that nobody named."""
        cancelled = not isinstance(error, Exception)
        if self.edge:
            return "499" if cancelled else "500"
        return "CANCELLED" if cancelled else "UNKNOWN"

    def is_fault(self, code: str) -> bool:
        """Whether the outcome is the platform's fault and not the caller's."""
        return code >= "500" if self.edge else code in _GRPC_FAULTS


_GRPC_FAULTS = frozenset({"UNKNOWN", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS", "UNIMPLEMENTED"})


def rpc_server(path: str) -> Callable[[Any], Measured]:
    """For one gRPC method: a function from a call's invocation metadata to its measurement."""
    where = _Where("grpc", "server", *path[1:].split("/"))

    def measured(metadata: Any) -> Measured:
        if _tracing is None:
            return Measured(where, SERVER, "")
        return Measured(
            where, SERVER, next((value for key, value in metadata or () if key == context.TRACE_PARENT), "")
        )

    return measured


def rpc_client(path: str) -> Callable[[list[tuple[str, str]]], Measured]:
    """For one gRPC method of a neighbour: a function from the metadata to be sent, which it completes."""
    where = _Where("grpc", "client", *path[1:].split("/"))
    return lambda metadata: Measured(where, CLIENT, "", metadata)


@lru_cache(maxsize=4096)
def http_server(service: str, route: str) -> Callable[[str], Measured]:
    """For one HTTP route (`GET /api/orders/{id}/`): a function from the `traceparent` header, empty when absent.

    The measurement's `trace_parent` is what the request's context hands on.
    """
    where = _Where("http", "server", service, route)
    return lambda parent: Measured(where, SERVER, parent if _TRACE_PARENT.fullmatch(parent) else "")


def new_trace_parent() -> str:
    """A fresh trace context that is not sampled, for log lines only."""
    return f"00-{_ids.generate_trace_id():032x}-{_ids.generate_span_id():016x}-00"


def _is_dropped(parent: str) -> bool:
    """Whether the edge decided not to sample: the lowest of the flags, the header's last digit, is not set."""
    return parent[-1:] in _EVEN_DIGITS


def _context_of(parent: str) -> otel_context.Context:
    return _propagator.extract({context.TRACE_PARENT: parent}, otel_context.Context())


def _header_of(span: Span) -> str:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span))
    return carrier.get(context.TRACE_PARENT, "")
