"""What a request carried, as one dict of fields: query, form or JSON body, and path."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl

import filetype  # type: ignore[import-untyped]  # ships no types
import orjson
from google.api import httpbody_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import cookie_parser

from gateway.transcode.catalog import FIELD_MASK, HTTP_BODY, UPLOAD, Binding, Operation
from gateway.transcode.errors import Malformed, UnsupportedMediaType
from mizan.options.v1 import files_pb2, options_pb2
from servicekit import wire

JSON = "application/json"
MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
MAX_FORM_PARTS = 500
MAX_JSON_DEPTH = 24
"""Protobuf reads messages 100 deep at most, and a level of a Struct is three of them."""

SNIFF_BYTES = 8192

Receive = Callable[[], Any]


async def read_all(receive: Receive) -> bytes:
    """The whole body. Raises Malformed when the client hangs up in the middle."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body
    chunks: list[bytes] = []
    while True:
        if message["type"] == "http.disconnect":
            raise Malformed("The request ended early.")
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


class RequestReader:
    """Reads the requests of one operation under one binding."""

    def __init__(self, operation: Operation, binding: Binding) -> None:
        fields = {wire.name_of(field): field for field in operation.input.fields}
        self._aliases = {
            alias: name for name, field in fields.items() for alias in (name, *wire.rules_of(field).aliases)
        }
        self._fields = fields
        self._body_field = operation.input.fields_by_name.get(binding.body)
        self._has_body = bool(binding.body)
        ruled = [(field.name, wire.rules_of(field)) for field in operation.input.fields]
        self._headers = [(name, rules.header.lower()) for name, rules in ruled if rules.header]
        self._cookies = [(name, rules.cookie) for name, rules in ruled if rules.cookie]
        self._raw = (
            self._body_field is not None
            and self._body_field.message_type is not None
            and self._body_field.message_type.full_name == HTTP_BODY
        )

    async def read(self, query: bytes, headers: Mapping[str, str], receive: Receive) -> dict[str, Any]:
        """The fields that query and body carry.

        Raises Malformed, UnsupportedMediaType, or what the receive channel raises for a body that is too large.
        """
        found = self._from_query(query) if query else {}
        if not self._has_body:
            return found
        body = await self._body(headers, receive)
        if self._body_field is not None:
            found[wire.name_of(self._body_field)] = body
        elif not isinstance(body, dict):
            raise Malformed("Invalid data. Expected an object.", code="invalid")
        else:
            found |= body
        return found

    def _from_query(self, query: bytes) -> dict[str, Any]:
        """The query's fields; an empty value counts as absent, since forms send every filter."""
        try:
            pairs = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=MAX_FORM_PARTS)
        except ValueError as error:
            raise Malformed("The query is not valid.") from error
        return self._collect(pairs)

    def _collect(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            name = self._aliases.get(key) or self._aliases.get(key.removesuffix("[]"))
            if name is None:
                continue
            if isinstance(value, str) and "\0" in value:
                raise Malformed("Null characters are not allowed.")
            field = self._fields[name]
            if field.is_repeated and not wire.is_map(field):
                found.setdefault(key.removesuffix("[]"), []).append(value)
            else:
                found[key] = value
        return found

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> Any:
        content_type = headers.get("content-type", "")
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type == MULTIPART and not self._raw:
            return await self._multipart(content_type, receive)
        raw = await read_all(receive)
        if self._raw:
            return httpbody_pb2.HttpBody(content_type=content_type, data=raw)
        if not raw:
            return {}
        if media_type == JSON or media_type.endswith("+json"):
            return parse_json(raw)
        if media_type == URLENCODED:
            try:
                pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_PARTS)
            except ValueError as error:
                raise Malformed("The form is not valid.") from error
            return self._form(pairs)
        raise UnsupportedMediaType(content_type)

    async def _multipart(self, content_type: str, receive: Receive) -> dict[str, Any]:
        async def stream() -> Any:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Malformed("The request ended early.")
                yield message.get("body", b"")
                if not message.get("more_body"):
                    return

        parser = MultiPartParser(
            Headers({"content-type": content_type}),
            stream(),
            max_files=MAX_FORM_PARTS,
            max_fields=MAX_FORM_PARTS,
            max_part_size=2**31,
        )
        try:
            form: FormData = await parser.parse()
        except (MultiPartException, KeyError) as error:
            raise Malformed("Multipart form parse error.") from error
        try:
            pairs = [
                (name, await _upload(value) if isinstance(value, UploadFile) else value)
                for name, value in form.multi_items()
            ]
        finally:
            await form.close()
        return self._form(pairs)

    def _form(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = self._collect(pairs)
        for key, value in found.items():
            field = self._fields[self._aliases[key]]
            found[key] = [_form_item(field, i) for i in value] if isinstance(value, list) else _form_item(field, value)
            if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) and value[0].startswith("["):
                found[key] = parse_json(value[0].encode())
        return found

    def fill(self, message: Message, headers: Mapping[str, str]) -> None:
        """Sets the fields that headers and cookies carry."""
        for field, header in self._headers:
            if header in headers:
                setattr(message, field, headers[header])
        if self._cookies and "cookie" in headers:
            sent = cookie_parser(headers["cookie"])
            for field, cookie in self._cookies:
                if cookie in sent:
                    setattr(message, field, sent[cookie])


def _form_item(field: FieldDescriptor, value: Any) -> Any:
    """A form has only texts: structured fields are JSON in them, and an empty text is no number."""
    if not isinstance(value, str):
        return value
    structured = field.message_type is not None and field.message_type.full_name not in (
        UPLOAD,
        "google.protobuf.Timestamp",
    )
    if structured or wire.rules_of(field).format == options_pb2.FORMAT_JSON:
        return parse_json(value.encode()) if value.strip() else None
    if value == "" and (field.cpp_type != FieldDescriptor.CPPTYPE_STRING or wire.rules_of(field).format):
        return None
    return value


async def _upload(file: UploadFile) -> files_pb2.Upload:
    content = await file.read()
    # Both separators: the name may come from any system.
    name = PurePosixPath((file.filename or "").replace("\\", "/")).name.replace("\0", "")
    kind = filetype.guess_mime(content[:SNIFF_BYTES])
    return files_pb2.Upload(filename=name[:255], content_type=kind or "application/octet-stream", content=content)


def parse_json(raw: bytes) -> Any:
    """The JSON value of a text. Raises Malformed, also for what PostgreSQL or protobuf could not hold."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"JSON parse error - {error}") from error
    if b"\\u0000" in raw and _has_null_character(value):
        raise Malformed("Null characters are not allowed.")
    if raw.count(b"[") + raw.count(b"{") > MAX_JSON_DEPTH and _depth(raw) > MAX_JSON_DEPTH:
        raise Malformed("JSON parse error - nested too deeply")
    return value


def _has_null_character(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_null_character(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_null_character, value))


_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')


def _depth(raw: bytes) -> int:
    deepest = depth = 0
    for byte in _STRINGS.sub(b"", raw).translate(None, _NOT_BRACKETS):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def mask_paths(operation: Operation, binding: Binding, data: Mapping[str, Any]) -> list[str]:
    """The proto paths of everything that the body named; data is the validated request.

    With `body: "staff"` the paths are relative to that field, as is usual for masks.
    """
    message, named = operation.input, data
    if binding.body not in ("", "*"):
        message, named = message.fields_by_name[binding.body].message_type, data.get(binding.body) or {}
    skipped = frozenset(binding.variables) if binding.body == "*" else frozenset[str]()
    paths: list[str] = []
    _collect_paths(message, named, "", skipped, paths)
    return paths


def _collect_paths(
    message: Any, named: Mapping[str, Any], prefix: str, skipped: frozenset[str], paths: list[str]
) -> None:
    for field in message.fields:
        name = wire.name_of(field)
        if name not in named or field.name in skipped:
            continue
        value, nested = named[name], field.message_type
        plain = nested is None or field.is_repeated or nested.file.package.startswith("google.protobuf")
        if nested is not None and nested.full_name in (FIELD_MASK, UPLOAD):
            plain = True
        if plain or not isinstance(value, Mapping):
            paths.append(prefix + field.name)
        else:
            _collect_paths(nested, value, f"{prefix}{field.name}.", frozenset(), paths)
