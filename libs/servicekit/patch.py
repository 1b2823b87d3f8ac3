"""Requests as plain Python values: what a message carries, and what a partial change changes.

Field rules decide the types: decimals become Decimal, dates `date`, UUIDs `UUID`, free-form JSON its value, instants
aware datetimes. The gateway has validated the texts; a malformed one from elsewhere is a ValueError.
"""

from collections.abc import Callable, Collection
from datetime import UTC, date, time
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from mizan.options.v1 import options_pb2

MASK = "update_mask"
_PARSERS: dict[int, Callable[[str], Any]] = {
    options_pb2.FORMAT_UUID: UUID,
    options_pb2.FORMAT_DATE: date.fromisoformat,
    options_pb2.FORMAT_TIME: time.fromisoformat,
    options_pb2.FORMAT_DECIMAL: Decimal,
    options_pb2.FORMAT_JSON: orjson.loads,
}


def values_of(message: Message, *, without: Collection[str] = ()) -> dict[str, Any]:
    """The fields that a message carries, as Python values."""
    return {
        field.name: _python(field, value)
        for field, value in message.ListFields()
        if field.name not in without and field.name != MASK
    }


def changes_of(request: Message, fields: Collection[str], *, nullable: Collection[str] = ()) -> dict[str, Any]:
    """What a partial change does to the given fields: those that its update mask names and that carry a value.

    A field that was sent as null appears as None when it is nullable, and is otherwise left as it is.
    """
    sent: set[str] = {path.partition(".")[0] for path in getattr(request, MASK).paths}
    descriptors = request.DESCRIPTOR.fields_by_name
    changes: dict[str, Any] = {}
    for name in fields:
        if name not in sent:
            continue
        field = descriptors[name]
        if field.is_repeated or not field.has_presence or request.HasField(name):
            changes[name] = _python(field, getattr(request, name))
        elif name in nullable:
            changes[name] = None
    return changes


def _python(field: FieldDescriptor, value: Any) -> Any:
    convert = _converter(field)
    if field.is_repeated:
        return list(value) if convert is None else [convert(item) for item in value]
    return value if convert is None else convert(value)


@lru_cache(maxsize=4096)
def _converter(field: FieldDescriptor) -> Callable[[Any], Any] | None:
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp":
            return lambda stamp: stamp.ToDatetime(tzinfo=UTC)
        return None
    if field.type != FieldDescriptor.TYPE_STRING:
        return None
    return _PARSERS.get(field.GetOptions().Extensions[options_pb2.rules].format)
