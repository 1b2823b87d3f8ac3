"""The error bodies of the public API, and the one table from gRPC codes to HTTP statuses."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import grpc
import orjson
from google.protobuf import struct_pb2
from pydantic_core import ErrorDetails

from gateway.exchange import Exchange, Headers, Send, respond
from mizan.options.v1 import error_pb2, options_pb2
from servicekit import wire
from servicekit.errors import NON_FIELD, Invalid, NotFound, Refusal, Unauthenticated, detail_of

_CODES = grpc.StatusCode

HTTP_STATUS: dict[grpc.StatusCode, int] = {
    _CODES.INVALID_ARGUMENT: 400,
    _CODES.FAILED_PRECONDITION: 400,
    _CODES.OUT_OF_RANGE: 400,
    _CODES.UNAUTHENTICATED: 401,
    _CODES.PERMISSION_DENIED: 403,
    _CODES.NOT_FOUND: 404,
    _CODES.ABORTED: 409,
    _CODES.ALREADY_EXISTS: 409,
    _CODES.RESOURCE_EXHAUSTED: 429,
    # A service that is stopping cancels the calls that it has not begun.
    _CODES.CANCELLED: 503,
    _CODES.UNIMPLEMENTED: 501,
    _CODES.UNAVAILABLE: 503,
    _CODES.DEADLINE_EXCEEDED: 504,
    _CODES.INTERNAL: 500,
    _CODES.UNKNOWN: 500,
    _CODES.DATA_LOSS: 500,
}

# What is said when a call failed without a typed detail, by HTTP status; the gRPC text may name internals.
_BARE: dict[int, tuple[str, str]] = {
    400: ("invalid", "The request could not be processed."),
    401: ("not_authenticated", "Authentication credentials were not provided."),
    403: ("permission_denied", "You do not have permission to perform this action."),
    404: ("not_found", "Not found."),
    409: ("conflict", "The request conflicts with the current state."),
    429: ("throttled", "Request was throttled."),
    500: ("internal", "Something went wrong on our side."),
    501: ("not_implemented", "Not implemented."),
    503: ("unavailable", "A part of the platform does not answer. Please try again."),
    504: ("timeout", "The request took too long. Please try again."),
}


class TokenNotValid(Unauthenticated):
    """A bearer token that is forged, expired or revoked, in the shape that clients of the contract read."""

    default_code = "token_not_valid"

    def __init__(self, reason: str = "Token is invalid") -> None:
        super().__init__(
            "Given token not valid for any token type",
            extra={"messages": [{"token_class": "AccessToken", "token_type": "access", "message": reason}]},
        )


class MethodNotAllowed(Refusal):
    """The path exists and does not answer to this method: 405."""

    http_status = 405
    default_code = "method_not_allowed"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f'Method "{method}" not allowed.')
        self.allowed = tuple(sorted(allowed))


class UnsupportedMediaType(Refusal):
    """A body of a type that the operation does not read: 415."""

    http_status = 415
    default_code = "unsupported_media_type"

    def __init__(self, media_type: str) -> None:
        super().__init__(f'Unsupported media type "{media_type}" in request.')


class TooLarge(Refusal):
    """A body over the limit: 413."""

    http_status = 413
    default_code = "too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request is larger than {limit} bytes.")


class TooSlow(Refusal):
    """A body that does not arrive: 408."""

    http_status = 408
    default_code = "request_timeout"

    def __init__(self) -> None:
        super().__init__("The request did not arrive in time.")


class Malformed(Invalid):
    """A body that is not what its content type says: 400."""

    default_code = "parse_error"


class CallFailed(Refusal):
    """A gRPC call that ended in an error, as the caller is told of it."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.grpc_code = error.code()
        detail = detail_of(error)
        if detail is None:
            code, message = _BARE[HTTP_STATUS.get(self.grpc_code, 500)]
            super().__init__(message, code=code)
            return
        super().__init__(
            detail.message, code=detail.code, fields=_field_lists(detail), retry_after=detail.retry_after,
            extra=_extra(detail.extra),
        )  # fmt: skip
        self.http_status = detail.http_status


def _field_lists(detail: error_pb2.ErrorDetail) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for complaint in detail.fields:
        fields.setdefault(complaint.field, []).append(complaint.message)
    return fields


def _extra(extra: struct_pb2.Struct) -> dict[str, Any]:
    return wire.encode_struct(extra) if extra.fields else {}


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal."""
    return refusal.http_status or HTTP_STATUS.get(refusal.grpc_code, 500)


def body_of(refusal: Refusal, request_id: str, style: int = 0) -> dict[str, Any]:
    """The error body: readable texts under every name that a client looks for, then fields and further keys.

    A field called like one of the fixed keys is found under `errors` only.
    """
    message = _readable(refusal)
    body: dict[str, Any] = {}
    if style == options_pb2.ERROR_STYLE_SUCCESS_FALSE:
        body["success"] = False
    body |= {"message": message, "detail": message, "error": message, "code": refusal.code, "request_id": request_id}
    if refusal.fields:
        shown: Mapping[str, Any] = refusal.fields
        if style == options_pb2.ERROR_STYLE_FIELD_STRINGS:
            shown = {name: " ".join(texts) for name, texts in refusal.fields.items()}
        body |= {name: texts for name, texts in shown.items() if name not in body}
        body["errors"] = refusal.fields
    return body | refusal.extra


def problem_of(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """The same as an RFC 9457 problem."""
    status = status_of(refusal)
    problem: dict[str, Any] = {
        "type": f"urn:mizan:problem:{refusal.code}",
        "title": _phrase(status),
        "status": status,
        "detail": _readable(refusal),
        "code": refusal.code,
        "request_id": request_id,
    }
    if refusal.fields:
        problem["errors"] = [
            {"field": name, "detail": text} for name, texts in refusal.fields.items() for text in texts
        ]
    return problem | {key: value for key, value in refusal.extra.items() if key not in problem}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Closed Request"


def _readable(refusal: Refusal) -> str:
    """The refusal's own message, or what is wrong with its first field."""
    if refusal.message or not refusal.fields:
        return refusal.message
    name, texts = next(iter(refusal.fields.items()))
    return texts[0] if name == NON_FIELD else f"{name}: {texts[0]}"


def render(refusal: Refusal, request_id: str, *, style: int = 0, problem: bool = False) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a refusal; `problem` when the client asked for `application/problem+json`."""
    status = status_of(refusal)
    kind = b"application/problem+json" if problem else b"application/json"
    headers = [(b"content-type", kind), (b"vary", b"accept")]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="api"'))
    if refusal.retry_after:
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    if isinstance(refusal, MethodNotAllowed):
        headers.append((b"allow", ", ".join(refusal.allowed).encode()))
    body = problem_of(refusal, request_id) if problem else body_of(refusal, request_id, style)
    return status, headers, orjson.dumps(body)


def answer_to(exchange: Exchange, refusal: Refusal, *, style: int = 0) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a refusal in the form that the request asks for; the log learns its code."""
    exchange.code = refusal.code
    problem = "application/problem+json" in exchange.headers.get("accept", "")
    return render(refusal, exchange.request_id, style=style, problem=problem)


async def refuse(send: Send, exchange: Exchange, refusal: Refusal, *, style: int = 0) -> int:
    """Answers a request with a refusal and says with which status."""
    status, headers, body = answer_to(exchange, refusal, style=style)
    await respond(send, status, headers, body)
    return status


def invalid_request(errors: Sequence[ErrorDetails], path_variables: frozenset[str], *, paged: bool) -> Refusal:
    """The refusal for a request that did not validate; an impossible id in the path is a thing that does not exist."""
    fields: dict[str, list[str]] = {}
    for error in errors:
        names = [str(part) for part in error["loc"]]
        if names and names[0] in path_variables:
            return NotFound()
        if paged and names == ["page"]:
            return NotFound("Invalid page.", code="invalid_page")
        fields.setdefault(".".join(names) or NON_FIELD, []).append(_text_of(error))
    return Invalid("", fields=fields)


_TEXTS: dict[str, str] = {
    "missing": "This field is required.",
    "string_type": "Not a valid string.",
    "string_pattern_mismatch": "This value does not match the required pattern.",
    "string_unicode": "Not a valid string.",
    "int_type": "A valid integer is required.",
    "int_parsing": "A valid integer is required.",
    "int_from_float": "A valid integer is required.",
    "int_parsing_size": "A valid integer is required.",
    "float_type": "A valid number is required.",
    "float_parsing": "A valid number is required.",
    "finite_number": "A valid number is required.",
    "bool_type": "Must be a valid boolean.",
    "bool_parsing": "Must be a valid boolean.",
    "list_type": "Expected a list of items.",
    "dict_type": "Expected an object.",
    "string_too_long": "Ensure this field has no more than {max_length} characters.",
    "string_too_short": "Ensure this field has at least {min_length} characters.",
    "greater_than_equal": "Ensure this value is greater than or equal to {ge}.",
    "less_than_equal": "Ensure this value is less than or equal to {le}.",
    "too_long": "Ensure this field has no more than {max_length} elements.",
    "too_short": "Ensure this field has at least {min_length} elements.",
    "value_error": "{error}",
}


def _text_of(error: ErrorDetails) -> str:
    """What a person is told about one failed check."""
    given, kind = error["input"], error["type"]
    if given is None and kind != "missing":
        return "This field may not be null."
    if kind == "literal_error":
        return f'"{given}" is not a valid choice.'
    if kind == "string_too_short" and isinstance(given, str) and not given.strip():
        return "This field may not be blank."
    context = {name: _plain(value) for name, value in error.get("ctx", {}).items()}
    template = _TEXTS.get(kind)
    return template.format_map(context) if template else error["msg"]


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
