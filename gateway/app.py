"""The ASGI application: the engine, the hand-written routes behind it, and the layers around both."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from gateway.exchange import App, exchange_of
from gateway.middleware import AccessLog, AddressLimit, BodyLimit, Entry
from gateway.ratelimit import Limit, Limiter
from gateway.settings import GatewaySettings
from gateway.transcode.errors import MethodNotAllowed, answer_to
from servicekit.errors import NotFound, Refusal

CORS_HEADERS = (
    "Accept",
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "X-API-Key",
    "X-Device-Token",
    "X-Request-ID",
    "X-Restaurant-ID",
)
CORS_EXPOSED = ("X-Request-ID", "Retry-After", "Content-Disposition")
CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def pages(routers: Sequence[APIRouter], routes: Sequence[BaseRoute], *, title: str, version: str) -> FastAPI:
    """The hand-written routes; whatever they do not know is answered with the one error body."""
    app = FastAPI(title=title, version=version, docs_url=None, redoc_url=None, openapi_url=None)
    for router in routers:
        app.include_router(router)
    app.router.routes.extend(routes)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return _answer(request, NotFound())
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "").split(", ")
            return _answer(request, MethodNotAllowed(request.method, allowed))
        refusal = Refusal(str(error.detail))
        refusal.http_status = error.status_code
        return _answer(request, refusal)

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return _answer(request, error)

    return app


def _answer(request: Request, refusal: Refusal) -> Response:
    status, headers, body = answer_to(exchange_of(request.scope), refusal)
    response = Response(body, status)
    response.raw_headers = [*headers, (b"content-length", str(len(body)).encode())]
    return response


def surround(app: App, settings: GatewaySettings, limiter: Limiter) -> App:
    """The layers around the application, outermost last."""
    app = AddressLimit(app, limiter=limiter, limit=Limit.parse("address", settings.limit_address))
    app = BodyLimit(app, max_bytes=settings.max_body_bytes, read_seconds=settings.read_timeout_seconds)
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=CORS_METHODS,
            allow_headers=CORS_HEADERS,
            expose_headers=CORS_EXPOSED,
            max_age=600,
        )
    log = AccessLog() if settings.access_log else None
    return Entry(app, trusted_proxies=settings.trusted_proxies, access_log=log)
