"""The gRPC server of a service: servicers behind the layers that the protos declare."""

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from servicekit import context as request_context
from servicekit import telemetry
from servicekit.call import Call
from servicekit.context import from_metadata
from servicekit.db import Database
from servicekit.errors import Refusal
from servicekit.identity import ANONYMOUS, TokenVerifier
from servicekit.interceptors import STACK, Handler, compose, refusal_of
from servicekit.methods import Method, methods_of
from servicekit.notice import ACCEPTING, WatchedHealth

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_CONCURRENT_CALLS = 1_000
# A refusal is an answer: callers repeat by themselves only what no server has answered.
DO_NOT_REPEAT = ("grpc-retry-pushback-ms", "-1")

# Callers ask every half minute whether the connection lives. By default a server bears that every five minutes, and
# ends the connection under whichever call comes next.
LEAST_PING_INTERVAL_MS = 10_000

# What callers need to hear that this server takes no more calls and to turn to another one.
NOTICE_SECONDS = 0.5

log = structlog.get_logger(__name__)


class GrpcServer:
    """Serves a service's methods; `build` order is start order, `stop` drains what is under way."""

    name = "grpc"

    def __init__(
        self,
        servicers: Sequence[tuple[ServiceDescriptor, object]],
        *,
        database: Database,
        verifier: TokenVerifier,
        host: str,
        port: int,
        drain_seconds: float,
        max_connection_age_seconds: int,
    ) -> None:
        self._servicers = servicers
        self._database = database
        self._verifier = verifier
        self._address = f"{host}:{port}"
        self._drain_seconds = drain_seconds
        self._age_ms = max_connection_age_seconds * 1000
        self.health = WatchedHealth()
        self.port = port
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Binds and serves. Raises UndeclaredAccess or AttributeError when a method is undeclared or missing."""
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_connection_age_ms", self._age_ms),
                ("grpc.max_connection_age_grace_ms", 30_000),
                ("grpc.http2.min_ping_interval_without_data_ms", LEAST_PING_INTERVAL_MS),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS,
        )
        names = [reflection.SERVICE_NAME, "grpc.health.v1.Health"]
        for descriptor, servicer in self._servicers:
            handlers = {method.name: self._rpc_handler(method, servicer) for method in methods_of(descriptor)}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(descriptor.full_name, handlers),))
            names.append(descriptor.full_name)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        reflection.enable_server_reflection(names, server)
        self.port = server.add_insecure_port(self._address)
        await self.health.set(ACCEPTING, health_pb2.HealthCheckResponse.SERVING)
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Says "not serving" while it still serves, then waits for the calls under way, at most the drain time."""
        if self._server is not None:
            await self.health.enter_graceful_shutdown()
            if self.health.watchers:
                await asyncio.sleep(min(NOTICE_SECONDS, self._drain_seconds))
            await self._server.stop(self._drain_seconds)

    def _rpc_handler(self, method: Method, servicer: object) -> "grpc.RpcMethodHandler[Any, Any]":
        handler = compose(method, getattr(servicer, method.name), STACK)
        codec: dict[str, Any] = {
            "request_deserializer": method.input_type.FromString,
            "response_serializer": method.output_type.SerializeToString,
        }
        if method.streams_out:
            return grpc.unary_stream_rpc_method_handler(self._streaming(method, handler), **codec)
        if method.streams_in:
            return grpc.stream_unary_rpc_method_handler(self._unary(method, handler), **codec)
        return grpc.unary_unary_rpc_method_handler(self._unary(method, handler), **codec)

    def _unary(self, method: Method, handler: Handler) -> Any:
        measured = telemetry.rpc_server(method.path)

        async def serve(request: Any, rpc: "grpc.aio.ServicerContext[Any, Any]") -> Any:
            with measured(rpc.invocation_metadata()) as outcome:
                try:
                    return await handler(request, self._call(method, request, rpc))
                except Exception as error:  # noqa: BLE001 - the boundary: whatever a method raises becomes a status
                    refusal = self._refusal(method, error)
                    outcome.failed(refusal.grpc_code.name)
                    await rpc.abort(refusal.grpc_code, refusal.message, (refusal.to_trailer(), DO_NOT_REPEAT))

        return serve

    def _streaming(self, method: Method, handler: Handler) -> Any:
        measured = telemetry.rpc_server(method.path)

        async def serve(request: Any, rpc: "grpc.aio.ServicerContext[Any, Any]") -> Any:
            with measured(rpc.invocation_metadata()) as outcome:
                try:
                    async for part in await handler(request, self._call(method, request, rpc)):
                        yield part
                except Exception as error:  # noqa: BLE001 - the boundary: whatever a method raises becomes a status
                    refusal = self._refusal(method, error)
                    outcome.failed(refusal.grpc_code.name)
                    await rpc.abort(refusal.grpc_code, refusal.message, (refusal.to_trailer(), DO_NOT_REPEAT))

        return serve

    def _call(self, method: Method, request: Any, rpc: "grpc.aio.ServicerContext[Any, Any]") -> Call:
        circumstances, token = from_metadata(rpc.invocation_metadata() or ())
        request_context.current.set(circumstances)
        principal = self._verifier.principal_of(token) if token else ANONYMOUS
        return Call(method, principal, circumstances, request, self._database)

    def _refusal(self, method: Method, error: Exception) -> Refusal:
        refusal = refusal_of(error)
        if refusal is None:
            log.error("call_failed", method=method.path, exc_info=error)
            return InternalError()
        if refusal is not error:
            log.warning("call_refused", method=method.path, reason=refusal.code, exc_info=error)
        return refusal


class InternalError(Refusal):
    """A bug: the caller learns only that it was not their fault, and the request id to report."""

    grpc_code = grpc.StatusCode.INTERNAL
    default_code = "internal"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side.")
