"""The OpenAPI document, and Swagger UI with assets of our own."""

import asyncio
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import orjson
import yaml
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

JSON = "application/json"
YAML = "application/yaml"
_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
# Swagger UI styles its own elements in place; scripts come from here only.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mizan API</title>
<link rel="stylesheet" href="swagger-ui.css">
<script src="swagger-ui-bundle.js" defer></script>
<script src="start.js" defer></script>
</head>
<body><div id="swagger-ui"></div></body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "../schema/?format=json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: true,
  validatorUrl: null
});
"""


class Document:
    """The rendered document: read from a file, or rendered once in a thread at the first request."""

    def __init__(self, render: Callable[[], dict[str, Any]], rendered: bytes | None = None) -> None:
        self._render = render
        self._json = rendered
        self._yaml: bytes | None = None
        self._lock = asyncio.Lock()

    async def json(self) -> bytes:
        """The document as JSON."""
        async with self._lock:
            if self._json is None:
                self._json = await asyncio.to_thread(lambda: orjson.dumps(self._render()))
            return self._json

    async def yaml(self) -> bytes:
        """The document as YAML."""
        text = await self.json()
        async with self._lock:
            if self._yaml is None:
                self._yaml = await asyncio.to_thread(as_yaml, text)
            return self._yaml


def as_yaml(document: bytes) -> bytes:
    """A JSON document as YAML."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(orjson.loads(document), Dumper=dumper, sort_keys=False, allow_unicode=True).encode()


def router(document: Document) -> APIRouter:
    """`/api/schema/` and `/api/swagger-ui/`."""
    routes = APIRouter(tags=["Documentation"])
    cached = {"cache-control": "public, max-age=300", "vary": "accept"}

    @routes.get("/api/schema/", response_class=Response, responses={200: {"content": {YAML: {}, JSON: {}}}})
    async def schema(request: Request) -> Response:
        """This document: YAML, or JSON when the client accepts that or names it by `format=json`."""
        wanted = request.query_params.get("format", "")
        accept = request.headers.get("accept", "")
        if wanted == "json" or (not wanted and "json" in accept):
            return Response(await document.json(), media_type=JSON, headers=cached)
        return Response(await document.yaml(), media_type=YAML, headers=cached)

    @routes.get("/api/swagger-ui/", response_class=HTMLResponse)
    async def page() -> Response:
        """A page that explains and tries every operation."""
        return HTMLResponse(_PAGE, headers={"content-security-policy": _POLICY})

    @routes.get("/api/swagger-ui/start.js", include_in_schema=False)
    async def start() -> Response:
        return Response(_START, media_type="text/javascript", headers={"cache-control": "public, max-age=300"})

    for name, media_type in _ASSETS.items():
        routes.add_api_route(
            f"/api/swagger-ui/{name}", _asset_route(name, media_type), methods=["GET"], include_in_schema=False
        )
    return routes


@cache
def _asset(name: str) -> bytes:
    return (resources.files("fastapi_offline") / "static" / name).read_bytes()


def _asset_route(name: str, media_type: str) -> Callable[[], Any]:
    async def asset() -> Response:
        content = await asyncio.to_thread(_asset, name)
        return Response(content, media_type=media_type, headers={"cache-control": "public, max-age=86400"})

    return asset
