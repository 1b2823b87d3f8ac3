"""The OpenAPI 3.1 document: FastAPI and Pydantic render it from the same types that validate.

Each binding becomes a route of a FastAPI application that is never called; only its description is wanted. Rendering
takes seconds for hundreds of operations, so it happens at build time or in a thread, and the bytes are served.
"""

import inspect
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Annotated, Any, NotRequired

from fastapi import Body, Cookie, FastAPI, Header, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, TypeAdapter
from typing_extensions import TypedDict

from gateway.transcode.bodies import MULTIPART
from gateway.transcode.catalog import HTTP_BODY, UPLOAD, Binding, Catalog, Operation, page_field
from gateway.transcode.models import Models, is_output_only, is_required, is_sent
from mizan.options.v1 import options_pb2
from servicekit import wire

SECURITY_SCHEMES: dict[str, Any] = {
    "session": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token that login answers.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A restaurant's key for agents and integrators; `Authorization: Bearer` takes it too.",
    },
    "agentKey": {"type": "http", "scheme": "bearer", "description": "The platform-wide key of the agent."},
}
_BY_CALLER = {"USER": ("session",), "AGENT": ("apiKey", "agentKey"), "INTEGRATION": ("apiKey",)}


class ErrorBody(TypedDict):
    """What every refusal answers with; complaints about single fields stand beside it under the fields' names."""

    __pydantic_config__ = ConfigDict(extra="allow", title="Error")  # type: ignore[misc]  # how Pydantic configures one

    message: str
    detail: str
    error: str
    code: str
    request_id: str
    errors: NotRequired[dict[str, list[str]] | list[str]]


PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "The same as an RFC 9457 problem, for clients that accept `application/problem+json`.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
# Named and not handed to FastAPI, which would look at the same type some thousand times.
_REFUSAL = {
    "application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}},
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
}


def application(catalog: Catalog, models: Models, *, title: str, version: str) -> FastAPI:
    """A FastAPI application that describes every operation of the catalog."""
    app = FastAPI(title=title, version=version, docs_url=None, redoc_url=None, openapi_url=None)
    for operation in catalog.operations:
        for number, binding in enumerate(operation.bindings):
            _add(app, models, operation, binding, number)
    return app


def document(app: FastAPI) -> dict[str, Any]:
    """The application's OpenAPI document."""
    rendered = app.openapi()
    components = rendered.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"], schemas[ErrorBody.__name__] = PROBLEM, TypeAdapter(ErrorBody).json_schema()
    components["securitySchemes"] = SECURITY_SCHEMES
    return rendered


def _add(app: FastAPI, models: Models, operation: Operation, binding: Binding, number: int) -> None:
    summary, description = _texts(operation)
    app.add_api_route(
        _fastapi_path(binding),
        _signature(models, operation, binding),
        methods=[binding.method],
        operation_id=f"{operation.service.rpartition('.')[2]}.{operation.rpc}" + (f".{number + 1}" if number else ""),
        summary=summary,
        description=description,
        tags=[_tag(operation)],
        status_code=operation.success_status,
        response_class=Response if _has_no_json(operation) else JSONResponse,
        response_model=None if _has_no_json(operation) else _answer_type(models, operation, binding),
        responses=dict(_responses(operation)),
        openapi_extra=_extra(operation),
    )


def _has_no_json(operation: Operation) -> bool:
    return operation.output.full_name == HTTP_BODY or bool(operation.redirect) or operation.success_status == 204


def _fastapi_path(binding: Binding) -> str:
    return re.sub(r"=\*\*\}", ":path}", binding.path)


def _signature(models: Models, operation: Operation, binding: Binding) -> Callable[..., None]:
    """A function whose parameters are the fields of the request, each where the binding takes it from."""
    body_field = operation.input.fields_by_name.get(binding.body)
    parameters: list[Any] = []
    for field in operation.input.fields:
        rules, name = wire.rules_of(field), wire.name_of(field)
        about = models.comment(field.full_name) or None
        if field.name in binding.variables:
            annotation = _bare(models.input_field(field, in_path=True))
            parameters.append((field.name, Annotated[annotation, Path(description=about)], inspect.Parameter.empty))
        elif rules.header:
            header = Header(alias=rules.header, description=about, convert_underscores=False)
            parameters.append((field.name, Annotated[str | None, header], None))
        elif rules.cookie and not is_output_only(field):
            parameters.append((field.name, Annotated[str | None, Cookie(alias=rules.cookie, description=about)], None))
        elif is_sent(field) and binding.body != "*" and field is not body_field and field.message_type is None:
            annotation = _bare(models.input_field(field))
            default = inspect.Parameter.empty if is_required(field) else None
            parameters.append((field.name, Annotated[annotation, Query(alias=name, description=about)], default))
    body = _body_type(models, operation, binding)
    if body is not None:
        parameters.append(("request_body", body, inspect.Parameter.empty))

    def endpoint(**_values: Any) -> None:
        """Stands for the operation in the description."""

    endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # FastAPI reads it from there
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, annotation, default in parameters
        ]
    )
    return endpoint


def _body_type(models: Models, operation: Operation, binding: Binding) -> Any:
    if not binding.body:
        return None
    if binding.body == "*":
        message, variables = operation.input, frozenset(binding.variables)
        if not any(is_sent(field) and field.name not in variables for field in message.fields):
            return None
        has_file = any(f.message_type is not None and f.message_type.full_name == UPLOAD for f in message.fields)
        annotation = models.body_type(message, variables, masked=operation.masked)
        return Annotated[annotation, Body(media_type=MULTIPART if has_file else "application/json")]
    field = operation.input.fields_by_name[binding.body]
    if field.message_type is not None and field.message_type.full_name == HTTP_BODY:
        return Annotated[bytes, Body(media_type="*/*")]
    return Annotated[_bare(models.input_field(field, masked=operation.masked)), Body()]


def _bare(annotation: Any) -> Any:
    """What stands inside Required[...] or NotRequired[...]."""
    return annotation.__args__[0]


def _answer_type(models: Models, operation: Operation, binding: Binding) -> Any:
    if operation.paging:
        rows = page_field(operation)
        page = models.page_type(operation, rows)
        if operation.paging == options_pb2.PAGING_ARRAY_UNLESS_PAGED:
            return models.output_value(rows) | page
        return page
    if binding.response_body:
        return _unwrapped(models.output_field(operation.output.fields_by_name[binding.response_body]))
    return models.output_type(operation.output)


def _unwrapped(annotation: Any) -> Any:
    return annotation.__args__[0] if getattr(annotation, "__origin__", None) is NotRequired else annotation


def _responses(operation: Operation) -> Iterable[tuple[int | str, dict[str, Any]]]:
    if operation.output.full_name == HTTP_BODY:
        # Without a schema it is any content, also JSON; with one of bytes a file of JSON would break it.
        yield operation.success_status, {"description": "The file.", "content": {"*/*": {}}}
    elif operation.redirect:
        location = {"schema": {"type": "string", "format": "uri-reference"}}
        yield operation.success_status, {"description": "Elsewhere.", "headers": {"Location": location}, "content": {}}
    statuses = [400, 404, 429, 503]
    statuses += [] if operation.public else [401, 403]
    statuses += [] if operation.reads else [409, 413, 415, 422]
    for status in sorted(statuses):
        yield status, {"description": HTTPStatus(status).phrase, "content": dict(_REFUSAL)}
    yield "default", {"description": "Any other refusal.", "content": dict(_REFUSAL)}


def _extra(operation: Operation) -> dict[str, Any]:
    schemes = (
        [] if operation.public else [s for caller in sorted(operation.callers) for s in _BY_CALLER.get(caller, ())]
    )
    extra: dict[str, Any] = {"security": [{scheme: []} for scheme in dict.fromkeys(schemes)]}
    if operation.permission:
        extra["x-permission"] = operation.permission
    if not operation.reads:
        description = "Sent again with the same request, answers what it answered before and does nothing."
        key = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"}}
        extra["parameters"] = [{**key, "description": description}]
    return extra


def _texts(operation: Operation) -> tuple[str, str]:
    """Summary and description from the method's comment: "GetMe returns ..." becomes "Returns ..."."""
    text = operation.comment.removeprefix(f"{operation.rpc} ")
    text = text[:1].upper() + text[1:]
    summary = re.split(r"(?<=[.:;]) |\n\n", text.replace("\n", " "), maxsplit=1)[0].rstrip(".:; ")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", operation.rpc)
    return summary or words, text


def _tag(operation: Operation) -> str:
    name = operation.service.rpartition(".")[2].removesuffix("Service")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
