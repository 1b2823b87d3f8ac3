"""What a service's protos say about each of its methods, read once at start-up.

The descriptors are the only place where a permission, an audit rule or a method's nature is declared; a method that
declares no access is an error here, which is what makes the platform deny by default.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from mizan.options.v1 import options_pb2

READS = 1  # google.protobuf.MethodOptions.NO_SIDE_EFFECTS
DEFAULT_CALLERS = frozenset({"USER"})


class UndeclaredAccess(Exception):
    """A method names neither a permission nor `authenticated` nor `public`."""


@dataclass(frozen=True)
class Method:
    """One RPC: its types, who may call it, and what its calls leave behind."""

    service: str
    name: str
    input_type: type[Message]
    output_type: type[Message]
    permission: str
    public: bool
    callers: frozenset[str]
    reads: bool
    keyed: bool
    keeps_answer: bool
    audit_action: str
    audit_entity: str
    audited: bool
    streams_in: bool
    streams_out: bool

    @property
    def path(self) -> str:
        """The method's gRPC path."""
        return f"/{self.service}/{self.name}"


def methods_of(service: ServiceDescriptor) -> Iterator[Method]:
    """The methods of a proto service. Raises UndeclaredAccess for the first that nobody may or may not call."""
    for descriptor in service.methods:
        yield _method(service, descriptor)


def _method(service: ServiceDescriptor, descriptor: MethodDescriptor) -> Method:
    options = descriptor.GetOptions()
    operation = options.Extensions[options_pb2.operation]
    access = operation.WhichOneof("access")
    if access is None or (access == "permission" and not operation.permission):
        raise UndeclaredAccess(f"{service.full_name}.{descriptor.name} declares no access")
    reads = options.idempotency_level == READS
    callers = frozenset(options_pb2.CallerKind.Name(kind).removeprefix("CALLER_KIND_") for kind in operation.callers)
    output = descriptor.output_type
    return Method(
        service=service.full_name,
        name=descriptor.name,
        input_type=message_factory.GetMessageClass(descriptor.input_type),
        output_type=message_factory.GetMessageClass(output),
        permission=operation.permission,
        public=operation.public,
        callers=callers or DEFAULT_CALLERS,
        reads=reads,
        # What needs no credential and answers with one, such as a login, is safe to repeat by rules of its own.
        keyed=not (
            reads
            or descriptor.client_streaming
            or descriptor.server_streaming
            or (operation.public and carries_secret(output))
        ),
        keeps_answer=not carries_secret(output),
        audit_action=operation.audit.action or _action_of(descriptor.name),
        audit_entity=operation.audit.entity_type or service.name.removesuffix("Service"),
        audited=not reads and not operation.audit.none,
        streams_in=descriptor.client_streaming,
        streams_out=descriptor.server_streaming,
    )


def _action_of(name: str) -> str:
    if name.startswith("Create"):
        return "CREATE"
    return "DELETE" if name.startswith("Delete") else "UPDATE"


def is_secret(field: FieldDescriptor) -> bool:
    """Whether a field is declared never to be logged, stored in clear or echoed."""
    return bool(field.GetOptions().Extensions[options_pb2.rules].secret)


@cache
def carries_secret(message: Descriptor) -> bool:
    """Whether a secret field stands anywhere inside a message."""
    return _carries_secret(message, frozenset())


def _carries_secret(message: Descriptor, around: frozenset[str]) -> bool:
    inside = around | {message.full_name}
    return any(
        is_secret(field)
        or (
            field.message_type is not None
            and field.message_type.full_name not in inside
            and _carries_secret(field.message_type, inside)
        )
        for field in message.fields
    )
