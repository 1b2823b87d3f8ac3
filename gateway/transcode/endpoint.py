"""One operation under one path: from an HTTP request to a gRPC call and back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

import grpc
from google.protobuf.message import Message
from pydantic_core import ValidationError

from gateway.exchange import Exchange, Receive, Send, as_metadata, respond
from gateway.transcode import answers
from gateway.transcode.bodies import RequestReader, mask_paths
from gateway.transcode.catalog import Binding, Operation
from gateway.transcode.errors import CallFailed, invalid_request, refuse
from gateway.transcode.models import RequestModel
from servicekit import context, wire
from servicekit.errors import Forbidden, Invalid, Refusal, Unauthenticated
from servicekit.identity import ANONYMOUS, Principal

Metadata = Sequence[tuple[str, str]]
Unary = Callable[..., Awaitable[Any]]

MAX_IDEMPOTENCY_KEY_LENGTH = 255


class Edge(Protocol):
    """What an endpoint needs of the gateway around it."""

    async def principal_of(self, exchange: Exchange, operation: Operation) -> Principal:
        """Who calls: ANONYMOUS without a credential. Raises a Refusal for one that is not valid."""
        ...

    async def admit(self, exchange: Exchange, operation: Operation, principal: Principal, message: Message) -> None:
        """Counts the request against its limits. Raises TooMany."""
        ...

    def metadata(self, exchange: Exchange, principal: Principal) -> list[tuple[str, str]]:
        """What travels with the call: identity, request id, address, language."""
        ...

    def unary(self, operation: Operation) -> Unary:
        """The gRPC call of the operation: (message, metadata=, timeout=) -> response."""
        ...

    def stream(self, operation: Operation) -> Callable[..., Any]:
        """The gRPC call of an operation that streams its answer."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """The deadline of calls whose operation names none."""
        ...


class Endpoint:
    """Serves one binding of one operation."""

    def __init__(self, operation: Operation, binding: Binding, model: RequestModel, edge: Edge) -> None:
        self.operation = operation
        self.binding = binding
        self.label = f"{binding.method} {binding.path}"
        self._edge = edge
        self._reader = RequestReader(operation, binding)
        self._model = model
        self._validate = model.validate
        self._variables = frozenset(binding.variables)
        self._decode = wire.decoder_of(operation.input)
        self._new = operation.request_type
        self._masked = operation.masked
        self._timeout = operation.timeout_seconds or edge.timeout_seconds
        self._bare = not operation.input.fields
        if operation.streams:
            self._open = edge.stream(operation)
        else:
            self._call = edge.unary(operation)
            self._render = answers.renderer(operation, binding)

    async def __call__(self, exchange: Exchange, variables: dict[str, str], receive: Receive, send: Send) -> int:
        """Answers the request and says with which status; refusals become the operation's error body."""
        try:
            message, metadata = await self._prepare(exchange, variables, receive)
            if self.operation.streams:
                return await self._stream(message, metadata, send)
            try:
                response = await self._call(message, metadata=metadata, timeout=self._timeout)
            except grpc.aio.AioRpcError as error:
                raise CallFailed(error) from error
            status, headers, body = self._render(response, message, exchange)
        except Refusal as refusal:
            return await refuse(send, exchange, refusal, style=self.operation.error_style)
        await respond(send, status, headers, body)
        return status

    async def _prepare(
        self, exchange: Exchange, variables: dict[str, str], receive: Receive
    ) -> tuple[Message, list[tuple[str, str]]]:
        operation = self.operation
        principal = await self._edge.principal_of(exchange, operation)
        check_access(operation, principal)
        message = self._new()
        if not self._bare:
            await self._fill(message, exchange, variables, receive, principal.time_zone)
        await self._edge.admit(exchange, operation, principal, message)
        metadata = self._edge.metadata(exchange, principal)
        if not operation.reads and "idempotency-key" in exchange.headers:
            metadata.append((context.IDEMPOTENCY_KEY, idempotency_key(exchange.headers["idempotency-key"])))
        return message, metadata

    async def _fill(
        self, message: Any, exchange: Exchange, variables: dict[str, str], receive: Receive, time_zone: str
    ) -> None:
        sent = await self._reader.read(exchange.scope["query_string"], exchange.headers, receive)
        sent.update(variables)
        data = self.validated(sent, time_zone)
        if self.operation.paging:
            answers.fill_page(self.operation, data)
        try:
            self._decode(data, message)
        except wire.WireError as error:
            raise Invalid.field(error.path, error.message) from error
        if self._masked:
            message.update_mask.paths.extend(mask_paths(self.operation, self.binding, data))
        self._reader.fill(message, exchange.headers)

    def validated(self, sent: dict[str, Any], time_zone: str) -> dict[str, Any]:
        """The request in canonical form. Raises Invalid or NotFound."""
        try:
            return self._validate(sent, time_zone)
        except ValidationError as error:
            details = error.errors(include_url=False)
            raise invalid_request(details, self._variables, paged=bool(self.operation.paging)) from error

    async def _stream(self, message: Message, metadata: Metadata, send: Send) -> int:
        call = self._open(message, metadata=metadata, timeout=self._timeout)
        parts: AsyncIterator[Any] = call.__aiter__()
        try:
            first = await anext(parts, None)
        except grpc.aio.AioRpcError as error:
            raise CallFailed(error) from error
        headers = answers.file_headers(first) if first is not None else []
        await send({"type": "http.response.start", "status": self.operation.success_status, "headers": headers})
        try:
            # A client that stops reading must not hold the call and its buffers for ever.
            async with asyncio.timeout(self._timeout):
                while first is not None:
                    await send({"type": "http.response.body", "body": first.data, "more_body": True})
                    first = await anext(parts, None)
        finally:
            call.cancel()
        await send({"type": "http.response.body", "body": b""})
        return self.operation.success_status


def idempotency_key(sent: str) -> str:
    """The key as it travels. Raises Invalid for one that is empty, too long or no plain text."""
    if not 0 < len(sent) <= MAX_IDEMPOTENCY_KEY_LENGTH or not as_metadata(sent):
        raise Invalid("The Idempotency-Key must be 1 to 255 printable ASCII characters.", code="bad_idempotency_key")
    return sent


def check_access(operation: Operation, principal: Principal) -> None:
    """Default deny at the edge; the service checks again. Raises Unauthenticated or Forbidden."""
    if operation.public:
        return
    if principal is ANONYMOUS:
        raise Unauthenticated("Authentication credentials were not provided.")
    if principal.kind not in operation.callers:
        raise Forbidden()
    if operation.permission and operation.permission not in principal.permissions:
        raise Forbidden()
