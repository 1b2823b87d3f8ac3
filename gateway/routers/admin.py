"""The administration site, which identity serves; passed through so that one origin serves everything."""

from collections.abc import Awaitable, Callable

import httpx
import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from gateway.exchange import exchange_of
from servicekit.errors import Unavailable

TIMEOUT_SECONDS = 15.0
CONNECTIONS = 8
LOGIN = "/admin/login"

_PASSED_ON = ("accept", "accept-language", "content-type", "cookie", "origin")
_PASSED_BACK = frozenset(
    {
        b"cache-control",
        b"content-security-policy",
        b"content-type",
        b"etag",
        b"last-modified",
        b"location",
        b"set-cookie",
    }
)

log = structlog.get_logger(__name__)


class AdminProxy:
    """Passes pages of identity on; without an upstream there are none. `admit` counts attempts to log in."""

    def __init__(self, upstream: str = "", admit: Callable[[str], Awaitable[None]] | None = None) -> None:
        self._upstream = upstream.rstrip("/")
        self._admit = admit
        limits = httpx.Limits(max_connections=CONNECTIONS)
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False)

    async def stop(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def serve(self, request: Request) -> Response:
        """Serves one page. Raises Unavailable when identity is not there and TooMany after too many logins."""
        if not self._upstream:
            raise Unavailable("This part of the platform is not available here.", code="not_configured")
        exchange = exchange_of(request.scope)
        if self._admit is not None and request.method == "POST" and request.url.path.rstrip("/") == LOGIN:
            await self._admit(exchange.client_ip)
        headers = {name: value for name in _PASSED_ON if (value := request.headers.get(name))}
        query = f"?{request.url.query}" if request.url.query else ""
        try:
            answer = await self._http.request(
                request.method,
                f"{self._upstream}{request.url.path}{query}",
                content=await request.body(),
                headers={**headers, **dict(exchange.context().to_metadata())},
            )
        except httpx.HTTPError as error:
            log.warning("admin_upstream_away", error=repr(error))
            raise Unavailable("The administration site does not answer. Please try again.") from error
        response = Response(answer.content, answer.status_code)
        response.raw_headers = [
            *((name.lower(), value) for name, value in answer.headers.raw if name.lower() in _PASSED_BACK),
            (b"content-length", str(len(answer.content)).encode()),
        ]
        return response


def router(proxy: AdminProxy) -> APIRouter:
    """`/admin/` and everything below it."""
    routes = APIRouter(tags=["Administration"])

    @routes.get("/admin/", response_class=HTMLResponse)
    async def site(request: Request) -> Response:
        """The administration site, for the platform's own staff; others are led to its login."""
        return await proxy.serve(request)

    for path in ("/admin", "/admin/{path:path}"):
        routes.add_api_route(path, proxy.serve, methods=["GET", "POST"], response_model=None, include_in_schema=False)
    return routes
