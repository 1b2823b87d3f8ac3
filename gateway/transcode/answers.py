"""From a response message to status, headers and body."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson
from google.api import httpbody_pb2
from google.protobuf.message import Message

from gateway.exchange import Exchange, Headers
from gateway.transcode.catalog import HTTP_BODY, Binding, Operation, page_field
from gateway.transcode.remembered import Made, Make, Remembered
from mizan.options.v1 import files_pb2, options_pb2
from servicekit import wire

MAX_PAGE_SIZE = 500
COOKIE_SECONDS = 400 * 24 * 3600
"""As long as browsers keep one at most."""

_JSON = (b"content-type", b"application/json")
# What a browser may show in place without running anything of it.
_HARMLESS = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain", "application/json"}
)

Answer = tuple[int, Headers, bytes]
Render = Callable[[Any, Message, Exchange], Answer]

_remembered = Remembered()


def renderer(operation: Operation, binding: Binding) -> Render:
    """The function (response, request, exchange) -> answer of an operation under one binding."""
    status = operation.success_status
    if operation.redirect:
        return _with_cookies(operation, _redirect(operation))
    if operation.output.full_name == HTTP_BODY:
        return lambda response, _request, _exchange: (status, file_headers(response), response.data)
    if status == 204:
        return _with_cookies(operation, lambda *_: (204, [], b""))
    if operation.paging:
        return _page(operation)
    if binding.response_body:
        field = operation.output.fields_by_name[binding.response_body]
        encode: Callable[[Any], Any] = wire.field_encoder_of(field)
    else:
        encode = wire.encoder_of(operation.output)
    made = _maker(operation, lambda response: Made(orjson.dumps(encode(response)), {}))
    return _with_cookies(operation, lambda response, _request, _exchange: (status, [_JSON], made(response).json))


def _maker(operation: Operation, make: Make) -> Make:
    """`make`, which is not called for the answer of a read that it was called for before."""
    return partial(_remembered.made, make) if operation.reads else make


def _redirect(operation: Operation) -> Render:
    def render(response: Any, _request: Message, _exchange: Exchange) -> Answer:
        location = quote(getattr(response, operation.redirect), safe="%/:=&?~#+!$,;'@()*[]")
        return operation.success_status, [(b"location", location.encode())], b""

    return render


def _with_cookies(operation: Operation, render: Render) -> Render:
    cookies = [(field, wire.rules_of(field).cookie) for field in operation.output.fields if wire.rules_of(field).cookie]
    if not cookies:
        return render

    def with_cookies(response: Any, request: Message, exchange: Exchange) -> Answer:
        status, headers, body = render(response, request, exchange)
        for field, cookie in cookies:
            if not field.has_presence or response.HasField(field.name):
                value = getattr(response, field.name)
                seconds = COOKIE_SECONDS if value else 0
                text = f"{cookie}={quote(value)}; Max-Age={seconds}; Path=/; HttpOnly; Secure; SameSite=Lax"
                headers.append((b"set-cookie", text.encode()))
        return status, headers, body

    return with_cookies


# For as long as a link to a file stays the same; nobody else's cache may keep it, nor show it to somebody else.
_KEPT_BY_BROWSERS: Headers = [(b"cache-control", b"private, max-age=1800"), (b"vary", b"authorization")]


def file_headers(body: httpbody_pb2.HttpBody) -> Headers:
    """Content type and disposition of a file; nothing that a browser could run is shown in place."""
    disposition = files_pb2.Disposition()
    for extension in body.extensions:
        if extension.Unpack(disposition):
            break
    content_type = body.content_type or "application/octet-stream"
    headers: Headers = [(b"content-type", content_type.encode("latin-1", "replace"))]
    media_type = content_type.partition(";")[0].strip().lower()
    harmless = media_type in _HARMLESS
    if disposition.filename or not harmless:
        kind = "inline" if disposition.inline and harmless else "attachment"
        headers.append((b"content-disposition", f"{kind}{_filename(disposition.filename)}".encode()))
    if harmless and media_type.startswith("image/"):
        headers += _KEPT_BY_BROWSERS
    return headers


def _filename(name: str) -> str:
    """RFC 6266: the name in ASCII for old clients, and in UTF-8."""
    if not name:
        return ""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\/%' else "_" for c in name)
    return f"; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def wants_page(operation: Operation, data: Mapping[str, Any]) -> bool:
    """Whether the answer is an envelope for this request."""
    if operation.paging == options_pb2.PAGING_ARRAY_UNLESS_PAGED:
        return data.get("page") is not None or data.get("page_size") is not None
    return operation.paging == options_pb2.PAGING_ENVELOPE


def fill_page(operation: Operation, data: dict[str, Any]) -> None:
    """Makes page and page size explicit, within the cap, when the answer is going to be a page."""
    if wants_page(operation, data):
        data["page"] = data.get("page") or 1
        data["page_size"] = min(data.get("page_size") or operation.page_size, MAX_PAGE_SIZE)


def _page(operation: Operation) -> Render:
    rows_field = wire.name_of(page_field(operation))
    encode = wire.encoder_of(operation.output)
    status = operation.success_status

    def make(response: Any) -> Made:
        data = encode(response)
        return Made(orjson.dumps(data.pop(rows_field)), data)

    made = _maker(operation, make)

    def render(response: Any, request: Any, exchange: Exchange) -> Answer:
        rows, others = made(response)
        if not request.page_size:
            return status, [_JSON], rows
        count: Any = others["count"]
        page, size = request.page, request.page_size
        # The count stays first, although it is among the others as well.
        envelope = {
            "count": count,
            "next": _page_url(exchange, page + 1) if page * size < count else None,
            "previous": _page_url(exchange, page - 1) if page > 1 else None,
            "results": orjson.Fragment(rows),
            **others,
        }
        return status, [_JSON], orjson.dumps(envelope)

    return render


def _page_url(exchange: Exchange, page: int) -> str:
    query = [(k, v) for k, v in parse_qsl(exchange.scope["query_string"].decode("latin-1")) if k != "page"]
    if page > 1:
        query.append(("page", str(page)))
    return f"{exchange.url}?{urlencode(query)}" if query else exchange.url
