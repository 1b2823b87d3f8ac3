"""Parts of a screen: calls of other services, side by side, each with a deadline and a stated default."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from prometheus_client import Counter

from gateway.channels import Channels
from servicekit.errors import Unavailable

PART_TIMEOUT_SECONDS = 2.0
MISSING = Counter("mizan_screen_parts_missing", "Parts of composed screens that did not answer.", ("part",))

M = TypeVar("M", bound=Message)
Metadata = Sequence[tuple[str, str]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Part(Generic[M]):
    """One call: the service that answers it, its gRPC path, what it answers with, and what people call it."""

    owner: str
    path: str
    response: type[M]
    title: str
    default: Callable[[], M] | None = None
    """Stands for an answer that did not come; an empty message without it."""

    def instead(self) -> M:
        """What the screen shows without the part."""
        return self.default() if self.default is not None else self.response()


Handler = Callable[..., Awaitable[Message]]
"""Answers an operation in this process: (request, metadata=, timeout=) -> response."""

Wanted = Mapping[Part[Any], Message | None]
"""Parts with what is asked of each; None for the empty request."""


@dataclass
class Answers:
    """What came of the parts of one screen."""

    messages: dict[Part[Any], Message] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def of(self, part: Part[M]) -> M:
        """The part's answer, or its default."""
        answer = self.messages[part]
        if not isinstance(answer, part.response):
            raise TypeError(f"{part.path} was answered with {type(answer).__name__}")
        return answer


class Parts:
    """Asks for parts in the name of whoever asked for the screen."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    async def ask(self, wanted: Wanted, metadata: Metadata, timeout: float) -> Answers:
        """The answers, in the time that the slowest needs, at most the shorter of the part's and the screen's limit.

        A part that the caller may not see is left at its default in silence: the screen has less for them.
        """
        answers = Answers()
        limit = min(timeout, PART_TIMEOUT_SECONDS)
        given = await asyncio.gather(*(self._ask(part, request, metadata, limit) for part, request in wanted.items()))
        for part, (message, is_missing) in zip(wanted, given, strict=True):
            answers.messages[part] = message
            if is_missing:
                answers.warnings.append(f"{part.title} cannot be shown right now.")
        return answers

    async def need(self, part: Part[M], request: Message | None, metadata: Metadata, timeout: float) -> M:
        """The answer of a part that nothing can stand for. Raises AioRpcError, or Unavailable without a channel."""
        try:
            channel = self._channels.of(part.owner)
        except KeyError as error:
            raise Unavailable(f"{part.title} cannot be shown right now.") from error
        call = channel.unary_unary(
            part.path,
            request_serializer=_serialized,
            response_deserializer=part.response.FromString,
        )
        answer: M = await call(request if request is not None else Empty(), metadata=metadata, timeout=timeout)
        return answer

    async def _ask(self, part: Part[M], request: Message | None, metadata: Metadata, limit: float) -> tuple[M, bool]:
        try:
            return await self.need(part, request, metadata, limit), False
        except Unavailable:
            return part.instead(), True
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.PERMISSION_DENIED:
                return part.instead(), False
            MISSING.labels(part.path).inc()
            log.warning("screen_part_missing", part=part.path, code=error.code().name)
            return part.instead(), True


def handlers_of(service: ServiceDescriptor, servicer: object) -> dict[str, Handler]:
    """The methods of a composed proto service by gRPC path."""
    return {f"/{service.full_name}/{method.name}": getattr(servicer, method.name) for method in service.methods}


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()
