"""A Pydantic type per message: what validates a request, and what documents a request or an answer.

The types are TypedDicts. A validated request is then a plain dict of what was sent, under the dialect's names and in
canonical form, so that absent and null stay apart and `servicekit.wire` can take it from there.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from operator import getitem
from types import ModuleType
from typing import Annotated, Any, ForwardRef, Literal, NotRequired, Optional, Required

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from gateway.transcode import formats
from gateway.transcode.catalog import FIELD_MASK, HTTP_BODY, UPLOAD, Operation
from mizan.options.v1 import files_pb2, options_pb2
from servicekit import wire

MAX_TEXT_LENGTH = 10_000
"""Of a text whose field declares no maximum."""

_C = FieldDescriptor
_RANGES = {
    _C.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    _C.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    _C.CPPTYPE_UINT32: (0, 2**32 - 1),
    _C.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FREE_JSON: dict[str, Any] = {
    "google.protobuf.Struct": dict[str, Any],
    "google.protobuf.ListValue": list[Any],
    "google.protobuf.Value": Any,
}


# Types are computed here, which the type checker's own reading of these forms does not allow for.
_typed_dict: Any = TypedDict


def _of(generic: Any, *arguments: Any) -> Any:
    """`generic[arguments]`."""
    return getitem(generic, arguments if len(arguments) > 1 else arguments[0])


def is_required(field: FieldDescriptor) -> bool:
    """Whether a request must carry the field."""
    return field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def is_output_only(field: FieldDescriptor) -> bool:
    """Whether the field means something in answers only."""
    return field_behavior_pb2.OUTPUT_ONLY in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def is_sent(field: FieldDescriptor) -> bool:
    """Whether a path, query or body can carry the field: not so for masks, headers, cookies and output."""
    rules = wire.rules_of(field)
    is_mask = field.message_type is not None and field.message_type.full_name == FIELD_MASK
    return not (is_mask or rules.header or rules.cookie or is_output_only(field))


class Models:
    """Builds the types of one catalog; each message type is built once for requests and once for answers."""

    def __init__(self, comments: Mapping[str, str]) -> None:
        self._comments = comments
        # Recursive types find each other by name in this module.
        self._module = ModuleType(f"{__name__}_{id(self):x}")
        sys.modules[self._module.__name__] = self._module
        self._types: dict[tuple[str, str], Any] = {}
        self._names: dict[str, tuple[str, str]] = {}

    def request(self, operation: Operation) -> "RequestModel":
        """The validator of an operation's requests."""
        return RequestModel(self, operation)

    def comment(self, name: str) -> str:
        """The proto comment of a message or field."""
        return self._comments.get(name, "")

    def input_type(self, message: Descriptor, *, masked: bool = False) -> Any:
        """The TypedDict of a message in a request; in a masked one, null is for fields that can be unset."""

        def fields() -> dict[str, Any]:
            sent = [field for field in message.fields if is_sent(field)]
            return {wire.name_of(field): self.input_field(field, masked=masked) for field in sent}

        return self._typed_dict(message, "Change" if masked else "Input", fields, total=False)

    def body_type(self, message: Descriptor, without: frozenset[str], *, masked: bool) -> Any:
        """The TypedDict of a request's body, which lacks the fields that the path carries."""
        if not without:
            return self.input_type(message, masked=masked)

        def fields() -> dict[str, Any]:
            sent = [field for field in message.fields if is_sent(field) and field.name not in without]
            return {wire.name_of(field): self.input_field(field, masked=masked) for field in sent}

        return self._typed_dict(message, f"Without{'And'.join(sorted(without)).title()}", fields, total=False)

    def input_field(self, field: FieldDescriptor, *, masked: bool = False, in_path: bool = False) -> Any:
        """The annotation of one field of a request."""
        rules, required = wire.rules_of(field), in_path or is_required(field)
        annotation = self._value(field, masked=masked, required=required)
        nullable = not required and not (masked and not field.has_presence)
        if nullable:
            annotation = _of(Optional, annotation)
        before: list[Any] = []
        if rules.blank_is_absent and required:
            before.append(BeforeValidator(_refuse_blank))
        elif rules.blank_is_absent:
            before.append(BeforeValidator(formats.not_blank))
        name = wire.name_of(field)
        about = Field(
            description=self.comment(field.full_name) or None,
            validation_alias=AliasChoices(name, *rules.aliases) if rules.aliases else None,
        )
        annotation = Annotated[annotation, *before, about]
        return Required[annotation] if required else NotRequired[annotation]

    def output_type(self, message: Descriptor) -> Any:
        """The TypedDict of a message in an answer."""

        def fields() -> dict[str, Any]:
            return {wire.name_of(field): self.output_field(field) for field in message.fields}

        return self._typed_dict(message, "", fields, total=True)

    def output_field(self, field: FieldDescriptor) -> Any:
        """The annotation of one field of an answer."""
        annotation = self.output_value(field)
        omitted = wire.rules_of(field).omit_unset
        if field.has_presence and not omitted:
            annotation = _of(Optional, annotation)
        annotation = Annotated[annotation, Field(description=self.comment(field.full_name) or None)]
        return NotRequired[annotation] if omitted else annotation

    def page_type(self, operation: Operation, rows: FieldDescriptor) -> Any:
        """The TypedDict of an envelope with these rows."""

        def fields() -> dict[str, Any]:
            envelope = {"count": int, "next": str | None, "previous": str | None, "results": self.output_value(rows)}
            others = [field for field in operation.output.fields if field is not rows and field.name != "count"]
            return envelope | {wire.name_of(field): self.output_field(field) for field in others}

        return self._typed_dict(operation.output, "Page", fields, total=True)

    def _typed_dict(
        self, message: Descriptor, role: str, fields: Callable[[], Mapping[str, Any]], *, total: bool
    ) -> Any:
        key = (message.full_name, role)
        if key not in self._types:
            name = message.name + ("" if message.name.endswith("Request") and role in ("Input", "Change") else role)
            name = self._unique(name, key, message.file.package)
            # A message that contains itself finds this reference while its fields are made.
            self._types[key] = ForwardRef(name, module=self._module.__name__)
            made = _typed_dict(name, dict(fields()), total=total)
            self._types[key] = self._publish(made, name, self.comment(message.full_name))
        return self._types[key]

    def _publish(self, made: Any, name: str, comment: str) -> Any:
        made.__module__ = self._module.__name__
        made.__doc__ = comment
        # Clients send numbers where a text is meant (phone numbers, codes); refusing them helps nobody.
        made.__pydantic_config__ = ConfigDict(coerce_numbers_to_str=True, title=name)
        setattr(self._module, name, made)
        return made

    def _unique(self, name: str, key: tuple[str, str], package: str = "") -> str:
        """The name, with its service in front when another message has it already."""
        if self._names.setdefault(name, key) != key:
            name = package.split(".")[-2].capitalize() + name if "." in package else f"{name}{len(self._names)}"
            self._names[name] = key
        return name

    def _value(self, field: FieldDescriptor, *, masked: bool, required: bool) -> Any:
        rules = wire.rules_of(field)
        if wire.is_map(field):
            value = self._value(field.message_type.fields_by_name["value"], masked=False, required=False)
            return Annotated[_of(dict, str, value), Field(max_length=_limit(rules.max_items))]
        if field.is_repeated:
            item = self._single(field, rules, masked=False, required=False)
            low = rules.min_items if rules.HasField("min_items") else (1 if required else None)
            return Annotated[_of(list, item), Field(min_length=low, max_length=_limit(rules.max_items))]
        return self._single(field, rules, masked=masked, required=required)

    def _single(self, field: FieldDescriptor, rules: options_pb2.FieldRules, *, masked: bool, required: bool) -> Any:
        if field.message_type is not None:
            return self._nested(field.message_type, masked=masked)
        if field.enum_type is not None:
            choices = _of(Literal, *spelled(field.enum_type))
            return Annotated[choices, BeforeValidator(formats.upper)] if rules.upper_case else choices
        if field.type == _C.TYPE_BOOL:
            return bool
        if field.cpp_type in _RANGES:
            low, high = _RANGES[field.cpp_type]
            if rules.HasField("minimum"):
                low = max(low, int(rules.minimum))
            if rules.HasField("maximum"):
                high = min(high, int(rules.maximum))
            return Annotated[int, Field(ge=low, le=high)]
        if field.cpp_type == _C.CPPTYPE_DOUBLE:
            low_float = rules.minimum if rules.HasField("minimum") else None
            high_float = rules.maximum if rules.HasField("maximum") else None
            return Annotated[float, Field(ge=low_float, le=high_float, allow_inf_nan=False)]
        if field.type == _C.TYPE_BYTES:
            return Annotated[str, AfterValidator(_base64), WithJsonSchema({"type": "string", "format": "byte"})]
        return self._text(rules, required=required)

    def _nested(self, message: Descriptor, *, masked: bool) -> Any:
        name = message.full_name
        if name == "google.protobuf.Timestamp":
            schema = {"type": "string", "format": "date-time"}
            return Annotated[Any, AfterValidator(formats.moment), WithJsonSchema(schema)]
        if name in _FREE_JSON:
            return _FREE_JSON[name]
        if name == UPLOAD:
            return Annotated[Any, AfterValidator(_upload), WithJsonSchema({"type": "string", "format": "binary"})]
        if name == HTTP_BODY:
            return Any
        return self.input_type(message, masked=masked)

    def _text(self, rules: options_pb2.FieldRules, *, required: bool) -> Any:
        before = [BeforeValidator(formats.upper)] if rules.upper_case else []
        if rules.one_of:
            return _of(Annotated, _of(Literal, *rules.one_of), *before) if before else _of(Literal, *rules.one_of)
        if rules.format == options_pb2.FORMAT_JSON:
            return Any
        if rules.format == options_pb2.FORMAT_DECIMAL:
            low = rules.minimum if rules.HasField("minimum") else None
            high = rules.maximum if rules.HasField("maximum") else None
            check = formats.decimal(rules.scale, low, high)
            schema: dict[str, JsonValue] = {"anyOf": [{"type": "string"}, {"type": "number"}]}
            return Annotated[Any, AfterValidator(check), WithJsonSchema(dict(schema))]
        shortest = rules.min_length if rules.HasField("min_length") else (1 if required else None)
        constraints = StringConstraints(
            # A password may begin or end with a space.
            strip_whitespace=not rules.secret,
            min_length=shortest,
            max_length=rules.max_length if rules.HasField("max_length") else MAX_TEXT_LENGTH,
            pattern=f"^(?:{rules.pattern})$" if rules.pattern else None,
        )
        if rules.format in formats.FORMATS:
            check_text, keywords = formats.FORMATS[rules.format]
            return Annotated[str, *before, constraints, AfterValidator(check_text), Field(json_schema_extra=keywords)]
        return Annotated[str, *before, constraints]

    def output_value(self, field: FieldDescriptor) -> Any:
        """The type of a field's value when it is there."""
        if wire.is_map(field):
            return _of(dict, str, self._output_single(field.message_type.fields_by_name["value"], field))
        single = self._output_single(field, field)
        return _of(list, single) if field.is_repeated else single

    def _output_single(self, field: FieldDescriptor, ruled: FieldDescriptor) -> Any:
        rules = wire.rules_of(ruled)
        if field.message_type is not None:
            name = field.message_type.full_name
            if name == "google.protobuf.Timestamp":
                return Annotated[str, Field(json_schema_extra={"format": "date-time"})]
            return _FREE_JSON[name] if name in _FREE_JSON else self.output_type(field.message_type)
        if field.enum_type is not None:
            choices = _of(Literal, *spelled(field.enum_type))
            return choices if field.has_presence else choices | None
        if field.cpp_type in _RANGES:
            return int
        simple = {_C.CPPTYPE_BOOL: bool, _C.CPPTYPE_DOUBLE: float}
        if field.cpp_type in simple:
            return simple[field.cpp_type]
        if field.type == _C.TYPE_BYTES:
            return Annotated[str, Field(json_schema_extra={"format": "byte"})]
        return _text_output(rules, optional=field.has_presence)


def _text_output(rules: options_pb2.FieldRules, *, optional: bool) -> Any:
    if rules.format == options_pb2.FORMAT_JSON:
        return Any
    if rules.format == options_pb2.FORMAT_DECIMAL:
        kind = float if rules.json_number else str
        return kind if optional else kind | None
    if rules.one_of and optional:
        return _of(Literal, *rules.one_of)
    return str


class RequestModel:
    """Validates what one operation's requests carry: the fields of path, query and body together."""

    def __init__(self, models: Models, operation: Operation) -> None:
        self._models = models
        self._operation = operation

    @cached_property
    def adapter(self) -> TypeAdapter[dict[str, Any]]:
        """The compiled validator, built at its first use."""
        return TypeAdapter(self._models.input_type(self._operation.input, masked=self._operation.masked))

    def validate(self, data: Mapping[str, Any], time_zone: str) -> dict[str, Any]:
        """The request in canonical form, with clock times as those of a zone. Raises pydantic_core.ValidationError."""
        return self.adapter.validator.validate_python(data, context=time_zone)  # type: ignore[no-any-return]  # a TypedDict is a dict


def spelled(enum: EnumDescriptor) -> Iterable[str]:
    """What may be sent for an enum."""
    return [text for text in wire.spellings_of(enum).values() if text is not None]


def _limit(max_items: int) -> int:
    return max_items or 1000


def _refuse_blank(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise PydanticCustomError("missing", "Field required")
    return value


def _upload(value: Any) -> files_pb2.Upload:
    if not isinstance(value, files_pb2.Upload):
        raise ValueError("The submitted data was not a file. Send it as a part of a multipart form.")
    return value


def _base64(value: str) -> str:
    try:
        wire.decode_base64(value)
    except ValueError as error:
        raise ValueError("Must be base64.") from error
    return value
