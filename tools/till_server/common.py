"""What the local till systems have in common: checking, being busy, remembering what they were asked."""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Object = dict[str, Any]


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Object, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


class Provider:
    """One provider: `seen` is what it was asked, `busy` how many of the next requests it turns away.

    It answers nothing while it is `down`, and goes down after so many requests when it is told to.
    """

    def __init__(self) -> None:
        self.seen: list[Object] = []
        self.busy = 0
        self.down = False
        self.goes_down_after: int | None = None

    def answering(self, handler: Callable[[Request, Object], Any]) -> Callable[[Request], Awaitable[Response]]:
        """A route's endpoint: the handler's answer as JSON, or its refusal."""

        async def endpoint(request: Request) -> Response:
            body = await request.json() if request.method == "POST" else {}
            self.seen.append({"method": request.method, "path": request.url.path, "body": body})
            try:
                if self.goes_down_after is not None:
                    self.down = self.goes_down_after == 0
                    self.goes_down_after = max(self.goes_down_after - 1, 0)
                if self.down:
                    raise Refused(503, {"message": "down"})
                if self.busy:
                    self.busy -= 1
                    raise Refused(429, {"message": "slow down"}, {"Retry-After": "0"})
                return JSONResponse(handler(request, body))
            except Refused as refused:
                return JSONResponse(refused.body, refused.status, headers=refused.headers)

        return endpoint


def signature(key: str, message: bytes) -> str:
    """An HMAC-SHA256 in base64."""
    return base64.b64encode(hmac.digest(key.encode(), message, hashlib.sha256)).decode()
