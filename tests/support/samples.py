"""Requests made up from the protos: valid as far as field rules can tell, with a given id wherever an id can stand."""

from collections.abc import Iterator
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.transcode.catalog import Binding, Operation
from mizan.options.v1 import options_pb2

PATTERNS = {"[0-9]{4,6}": "2468"}
FORMATS = {
    options_pb2.FORMAT_EMAIL: "somebody@example.com",
    options_pb2.FORMAT_DATE: "2026-11-23",
    options_pb2.FORMAT_TIME: "09:30",
    options_pb2.FORMAT_DECIMAL: "12",
    options_pb2.FORMAT_URI: "https://example.com/",
    options_pb2.FORMAT_TIME_ZONE: "Africa/Casablanca",
    options_pb2.FORMAT_CURRENCY: "MAD",
    options_pb2.FORMAT_IP: "192.0.2.1",
    options_pb2.FORMAT_JSON: {},
}


def rules_of(field: FieldDescriptor) -> options_pb2.FieldRules:
    """The declared constraints of a field."""
    rules: options_pb2.FieldRules = field.GetOptions().Extensions[options_pb2.rules]
    return rules


def is_required(field: FieldDescriptor) -> bool:
    """Whether a request without the field is refused."""
    return field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def is_id(field: FieldDescriptor) -> bool:
    """Whether the field names a thing by its id."""
    return rules_of(field).format == options_pb2.FORMAT_UUID


def id_fields(operation: Operation) -> Iterator[str]:
    """The fields of the request, at any depth, in which an id can stand."""
    yield from _id_fields(operation.input, "", frozenset())


def _id_fields(message: Descriptor, path: str, around: frozenset[str]) -> Iterator[str]:
    for field in message.fields:
        if is_id(field):
            yield path + field.name
        elif field.message_type is not None and field.message_type.full_name not in around:
            yield from _id_fields(field.message_type, f"{path}{field.name}.", around | {message.full_name})


def body(operation: Operation, binding: Binding, identifier: str) -> dict[str, Any]:
    """A body with what is required, and the id in every field that takes one."""
    return _values(operation.input, identifier, frozenset(binding.variables))


def path(binding: Binding, identifier: str) -> str:
    """The path with the id in place of each variable."""
    filled = binding.path
    for variable in binding.variables:
        filled = filled.replace("{" + variable + "}", identifier)
    return filled


def _values(message: Descriptor, identifier: str, without: frozenset[str]) -> dict[str, Any]:
    return {
        field.name: _value(field, identifier)
        for field in message.fields
        if field.name not in without and (is_required(field) or is_id(field))
    }


def _value(field: FieldDescriptor, identifier: str) -> Any:
    value = _one(field, identifier)
    return [value] if field.is_repeated else value


def _one(field: FieldDescriptor, identifier: str) -> Any:
    rules = rules_of(field)
    if is_id(field):
        return identifier
    if field.message_type is not None:
        return _values(field.message_type, identifier, frozenset())
    if field.enum_type is not None:
        return field.enum_type.values[-1].name.removeprefix(field.enum_type.name.upper() + "_")
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return True
    if field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        return max(int(rules.minimum), 1)
    if rules.one_of:
        return rules.one_of[0]
    if rules.pattern:
        return PATTERNS.get(rules.pattern, "SAMPLE")
    text: Any = FORMATS.get(rules.format, "Str0ng!sample")
    return text
