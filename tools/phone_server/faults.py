"""Failures that somebody ordered: how a provider answers its next requests."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import JSONResponse, PlainTextResponse, Response

Object = Mapping[str, object]


@dataclass(frozen=True)
class Fault:
    """One failure: a status with a body, an answer that comes too late, or one that is lost after the work was done."""

    status: int = 500
    body: Object | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    accepts: bool = False
    """Whether the message is taken although the answer says otherwise."""

    async def answer(self) -> Response:
        """What is sent instead of the usual answer."""
        await asyncio.sleep(self.delay)
        if self.body is None:
            return PlainTextResponse("upstream failure", self.status, self.headers)
        return JSONResponse(self.body, self.status, self.headers)


class Faults:
    """The failures that wait for the next requests."""

    def __init__(self) -> None:
        self._waiting: deque[Fault] = deque()

    def order(self, fault: Fault, times: int = 1) -> None:
        """Have the next requests fail."""
        self._waiting.extend([fault] * times)

    def take(self) -> Fault | None:
        """The failure of this request, or None."""
        return self._waiting.popleft() if self._waiting else None

    def clear(self) -> None:
        """Have everything work again."""
        self._waiting.clear()
