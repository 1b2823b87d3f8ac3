"""Every public operation, read from the descriptor set that the protos compile to."""

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from mizan.options.v1 import options_pb2
from servicekit import wire

HTTP_BODY = "google.api.HttpBody"
FIELD_MASK = "google.protobuf.FieldMask"
UPLOAD = "mizan.options.v1.Upload"
EMPTY = "google.protobuf.Empty"
UPDATE_MASK = "update_mask"
DEFAULT_PAGE_SIZE = 10

_POOL: Any = descriptor_pool.Default()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
_READS = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
_VARIABLE = re.compile(r"\{([a-z0-9_]+)(=\*\*)?\}")


class BadAnnotation(ValueError):
    """A proto method whose annotations contradict each other or its messages."""


@dataclass(frozen=True)
class Segment:
    """One part of a path between slashes: literal text, a variable, or a variable that takes all that is left."""

    text: str = ""
    variable: str = ""
    rest: bool = False


@dataclass(frozen=True)
class Binding:
    """One method and path under which an operation is mounted."""

    method: str
    path: str
    segments: tuple[Segment, ...]
    body: str
    response_body: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The request fields that the path carries."""
        return tuple(segment.variable for segment in self.segments if segment.variable)


@dataclass(frozen=True)
class Operation:
    """One gRPC method with everything that its REST form needs to know."""

    service: str
    rpc: str
    input: Descriptor
    output: Descriptor
    request_type: type[Message]
    response_type: type[Message]
    bindings: tuple[Binding, ...]
    permission: str
    public: bool
    callers: frozenset[str]
    reads: bool
    streams: bool
    success_status: int
    paging: int
    page_size: int
    error_style: int
    rate_limit: str
    redirect: str
    timeout_seconds: int
    comment: str

    @property
    def path(self) -> str:
        """The gRPC path, such as `/mizan.identity.v1.AccountService/Login`."""
        return f"/{self.service}/{self.rpc}"

    @property
    def access(self) -> str:
        """The permission, or the word that stands for it, as `make routes` prints it."""
        return self.permission or ("public" if self.public else "authenticated")

    @property
    def masked(self) -> bool:
        """Whether the request has an `update_mask`, so that absent and null differ."""
        return UPDATE_MASK in self.input.fields_by_name

    @property
    def owner(self) -> str:
        """The service process that serves it: `identity` for the package `mizan.identity.v1`."""
        return self.service.split(".")[-3]


class Catalog:
    """All operations of a descriptor set, and the comments of everything in it."""

    def __init__(self, operations: Iterable[Operation], comments: Mapping[str, str]) -> None:
        self.operations = tuple(operations)
        self.comments = comments

    @classmethod
    def load(cls, descriptors: Path, package: str = "mizan.") -> "Catalog":
        """Reads a descriptor set made with source info. Raises OSError, ImportError or BadAnnotation."""
        files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
        comments = {name: text for file in files.file for name, text in _comments_of(file)}
        operations: list[Operation] = []
        for file in files.file:
            if not f"{file.package}.".startswith(package):
                continue
            importlib.import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
            for service in file.service:
                operations += _operations_of(f"{file.package}.{service.name}", comments)
        return cls(operations, comments)


def _operations_of(service_name: str, comments: Mapping[str, str]) -> Iterator[Operation]:
    service = _POOL.FindServiceByName(service_name)
    for method in service.methods:
        if method.GetOptions().HasExtension(annotations_pb2.http):
            yield _operation(service_name, method, comments)


def _operation(service: str, method: MethodDescriptor, comments: Mapping[str, str]) -> Operation:
    options = method.GetOptions()
    declared = options.Extensions[options_pb2.operation]
    rule = options.Extensions[annotations_pb2.http]
    callers = frozenset(options_pb2.CallerKind.Name(kind).removeprefix("CALLER_KIND_") for kind in declared.callers)
    operation = Operation(
        service=service,
        rpc=method.name,
        input=method.input_type,
        output=method.output_type,
        request_type=message_factory.GetMessageClass(method.input_type),
        response_type=message_factory.GetMessageClass(method.output_type),
        bindings=tuple(_binding(method, bound) for bound in (rule, *rule.additional_bindings)),
        permission=declared.permission,
        public=declared.public,
        callers=callers or frozenset({"USER"}),
        reads=options.idempotency_level == _READS,
        streams=method.server_streaming,
        success_status=_success_status(method, declared),
        paging=declared.paging,
        page_size=declared.page_size or DEFAULT_PAGE_SIZE,
        error_style=declared.error_style,
        rate_limit=options_pb2.RateLimit.Name(declared.rate_limit).removeprefix("RATE_LIMIT_"),
        redirect=declared.redirect,
        timeout_seconds=declared.timeout_seconds,
        comment=comments.get(f"{service}.{method.name}", ""),
    )
    _check(operation, method, declared)
    return operation


def _success_status(method: MethodDescriptor, declared: options_pb2.Operation) -> int:
    if declared.success_status:
        return declared.success_status
    if declared.redirect:
        return 302
    empty = not method.output_type.fields and method.output_type.full_name != HTTP_BODY
    return 204 if empty else 200


def _check(operation: Operation, method: MethodDescriptor, declared: options_pb2.Operation) -> None:
    where = f"{operation.service}.{operation.rpc}"
    if declared.WhichOneof("access") is None:
        raise BadAnnotation(f"{where} names no access")
    if "SERVICE" in operation.callers:
        raise BadAnnotation(f"{where} is for services and has a public path")
    if method.client_streaming:
        raise BadAnnotation(f"{where}: a client stream has no REST form")
    if operation.streams and operation.output.full_name != HTTP_BODY:
        raise BadAnnotation(f"{where}: only google.api.HttpBody can be streamed")
    if operation.paging:
        page_field(operation)
        for name in ("page", "page_size"):
            if name not in operation.input.fields_by_name:
                raise BadAnnotation(f"{where} is paged and its request has no {name}")
    if operation.redirect and operation.redirect not in operation.output.fields_by_name:
        raise BadAnnotation(f"{where} redirects to an unknown field {operation.redirect}")
    for binding in operation.bindings:
        _check_binding(where, operation, binding)


def _check_binding(where: str, operation: Operation, binding: Binding) -> None:
    fields = operation.input.fields_by_name
    for variable in binding.variables:
        if variable not in fields or fields[variable].message_type is not None or fields[variable].is_repeated:
            raise BadAnnotation(f"{where}: {binding.path} names {variable}, which is no scalar field of the request")
    if binding.body not in ("", "*") and binding.body not in fields:
        raise BadAnnotation(f"{where}: body names the unknown field {binding.body}")
    if binding.response_body and binding.response_body not in operation.output.fields_by_name:
        raise BadAnnotation(f"{where}: response_body names the unknown field {binding.response_body}")


def page_field(operation: Operation) -> FieldDescriptor:
    """The rows of a paged response. Raises BadAnnotation unless there is `count` and exactly one list."""
    lists = [field for field in operation.output.fields if field.is_repeated and not wire.is_map(field)]
    if len(lists) != 1 or "count" not in operation.output.fields_by_name:
        raise BadAnnotation(f"{operation.service}.{operation.rpc} is paged: its response needs `count` and one list")
    rows: FieldDescriptor = lists[0]
    return rows


def _binding(method: MethodDescriptor, rule: HttpRule) -> Binding:
    verb = rule.WhichOneof("pattern")
    if verb is None:
        raise BadAnnotation(f"{method.full_name} has an http rule without a path")
    path = rule.custom.path if verb == "custom" else getattr(rule, verb)
    name = rule.custom.kind if verb == "custom" else verb
    if verb == "get" and rule.body:
        raise BadAnnotation(f"{method.full_name}: GET has no body")
    return Binding(name.upper(), path, parse_path(path), rule.body, rule.response_body)


def parse_path(path: str) -> tuple[Segment, ...]:
    """The segments of a path template. Raises BadAnnotation for anything but literals, `{field}` and `{field=**}`."""
    if not path.startswith("/"):
        raise BadAnnotation(f"{path} is no absolute path")
    segments: list[Segment] = []
    for text in path[1:].split("/"):
        match = _VARIABLE.fullmatch(text)
        if match is None and ("{" in text or "*" in text):
            raise BadAnnotation(f"{path}: {text} is not understood")
        segments.append(Segment(variable=match[1], rest=bool(match[2])) if match else Segment(text=text))
    if any(segment.rest for segment in segments[:-1]):
        raise BadAnnotation(f"{path}: only the last variable can take the rest")
    return tuple(segments)


def _comments_of(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, str]]:
    names = dict(_named_paths(file))
    for location in file.source_code_info.location:
        name = names.get(tuple(location.path))
        if name and location.leading_comments:
            lines = [line.removeprefix(" ") for line in location.leading_comments.rstrip().split("\n")]
            yield name, "\n".join(lines)


def _named_paths(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """The source path of every service, method, message, field and enum value, with its full name."""
    for s, service in enumerate(file.service):
        yield (6, s), f"{file.package}.{service.name}"
        for m, method in enumerate(service.method):
            yield (6, s, 2, m), f"{file.package}.{service.name}.{method.name}"
    for m, message in enumerate(file.message_type):
        yield from _message_paths(message, (4, m), f"{file.package}.{message.name}")
    for e, enum in enumerate(file.enum_type):
        yield (5, e), f"{file.package}.{enum.name}"


def _message_paths(
    message: descriptor_pb2.DescriptorProto, path: tuple[int, ...], name: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, name
    for f, field in enumerate(message.field):
        yield (*path, 2, f), f"{name}.{field.name}"
    for n, nested in enumerate(message.nested_type):
        yield from _message_paths(nested, (*path, 3, n), f"{name}.{nested.name}")
