"""Protobuf messages to and from the JSON dialect of the public API, compiled once per message type.

`google.protobuf.json_format` decides everything anew for every field of every message; here each message descriptor
becomes one generated function in each direction. REST answers, CloudEvents and agent tools all use it, so one message
looks the same wherever it appears:

- names are the proto's own (snake_case) unless the field sets `wire_name`;
- a scalar without `optional` is always there; `optional`, message and oneof fields are null when unset, or left out
  with `omit_unset`; repeated fields are lists, maps are objects;
- Timestamp is RFC 3339 in UTC with `Z`, microseconds only when there are any; FORMAT_DATE and FORMAT_TIME are texts;
- FORMAT_DECIMAL is quantised to its scale, half up, and sent as text or, with `json_number`, as a number;
- an enum is its bare name (the type's prefix removed) or its declared spelling; the zero value is null;
- 64-bit integers are numbers, bytes are base64, Struct, Value, ListValue and FORMAT_JSON are free JSON;
- an Upload or HttpBody is taken as the message that it is, since JSON cannot hold a file.

Decoding takes what encoding gives and ignores keys it does not know; null and absent leave a field unset. It checks
types only: the limits that `FieldRules` declare are validated before. What cannot be expressed (32-bit floats, which
lose digits; Any; Duration) is refused when the message type is compiled.
"""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache, lru_cache
from keyword import iskeyword
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from mizan.options.v1 import options_pb2

Encoder = Callable[[Any], dict[str, Any]]
Decoder = Callable[[Any, Any], None]

_STRING, _BOOL = FieldDescriptor.CPPTYPE_STRING, FieldDescriptor.CPPTYPE_BOOL
_LARGEST_EXACT_DOUBLE = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# CPython makes a larger dict display in parts, which it then copies together.
_LARGEST_DISPLAY = 15


class WireError(ValueError):
    """A value that does not fit its field; `path` names the field, such as "lines.2.quantity"."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class UnsupportedField(TypeError):
    """A proto field that the dialect cannot express."""


def encode(message: Message) -> dict[str, Any]:
    """The message as JSON-ready data. Raises UnsupportedField for a type that the dialect cannot express."""
    descriptor: Any = message.DESCRIPTOR
    return encoder_of(descriptor)(message)


def decode(data: Any, into: Message) -> None:
    """Sets the message's fields from JSON data. Raises WireError when a value does not fit its field."""
    descriptor: Any = into.DESCRIPTOR
    decoder_of(descriptor)(data, into)


def rules_of(field: FieldDescriptor) -> options_pb2.FieldRules:
    """What the proto declares about a field; an empty value when it declares nothing."""
    rules: options_pb2.FieldRules = field.GetOptions().Extensions[options_pb2.rules]
    return rules


def name_of(field: FieldDescriptor) -> str:
    """The field's name over the wire."""
    return rules_of(field).wire_name or field.name


def spellings_of(enum: EnumDescriptor) -> dict[int, str | None]:
    """How each value of an enum is written; None for the zero value, which means that nothing was chosen."""
    prefix = "".join(f"_{c}" if c.isupper() and i else c for i, c in enumerate(enum.name)).upper() + "_"
    spellings: dict[int, str | None] = {}
    for value in enum.values:
        declared = value.GetOptions().Extensions[options_pb2.spelling]
        spellings[value.number] = declared or (value.name.removeprefix(prefix) if value.number else None)
    return spellings


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map; its message type then has the fields `key` and `value`."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def encode_decimal(text: str, scale: int) -> str:
    """A decimal text with exactly `scale` digits behind the point. Raises WireError for what is no number."""
    try:
        return format(Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP), "f")
    except InvalidOperation as error:
        raise WireError("", f"{text!r} is not a decimal number") from error


@cache
def _decimal_encoder(scale: int, as_number: bool) -> Callable[[str], str | float]:
    """The encoder of one kind of decimal field. Prices repeat, so each text is worked out once."""
    if as_number:
        return lru_cache(maxsize=16_384)(lambda text: float(encode_decimal(text, scale)))
    return lru_cache(maxsize=16_384)(lambda text: encode_decimal(text, scale))


def encode_time_of_day(text: str) -> str:
    """HH:MM:SS for a time that may lack its seconds."""
    return text + ":00" if len(text) == 5 else text


# Formatting a datetime costs ten times as much as joining prepared texts.
_SECONDS = [f"{second:02}" for second in range(60)]
_SECONDS_ENDING = [f"{second:02}Z" for second in range(60)]
_MILLISECONDS = [f".{part:03}" for part in range(1000)]
_MICROSECONDS_ENDING = [f"{part:03}Z" for part in range(1000)]


@lru_cache(maxsize=16_384)
def _minute_text(minute: int) -> str:
    return (_EPOCH + timedelta(minutes=minute)).isoformat()[:17]


def encode_timestamp(stamp: Any) -> str:
    """RFC 3339 in UTC."""
    return _instant_text(stamp.seconds, stamp.nanos)


# The instants of a row are the same whenever it is read.
@lru_cache(maxsize=16_384)
def _instant_text(seconds: int, nanos: int) -> str:
    minute = seconds // 60
    micros = nanos // 1000
    if micros:
        tail = _MILLISECONDS[micros // 1000] + _MICROSECONDS_ENDING[micros % 1000]
        return _minute_text(minute) + _SECONDS[seconds - minute * 60] + tail
    return _minute_text(minute) + _SECONDS_ENDING[seconds - minute * 60]


def decode_timestamp(value: Any, stamp: Any) -> None:
    """Sets a Timestamp from RFC 3339 text or a datetime; a time without an offset is UTC. Raises WireError."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise WireError("", "is not a date and time") from error
    since = (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment) - _EPOCH
    stamp.seconds = since.days * 86_400 + since.seconds
    stamp.nanos = since.microseconds * 1000


def encode_value(value: Any) -> Any:
    """A google.protobuf.Value as JSON data; a whole number comes back as an integer."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return encode_struct(value.struct_value)
    if kind == "list_value":
        return encode_list(value.list_value)
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= _LARGEST_EXACT_DOUBLE else number
    return getattr(value, kind) if kind in ("string_value", "bool_value") else None


def encode_struct(struct: Any) -> dict[str, Any]:
    """A google.protobuf.Struct as an object."""
    return {key: encode_value(value) for key, value in struct.fields.items()}


def encode_list(values: Any) -> list[Any]:
    """A google.protobuf.ListValue as an array."""
    return [encode_value(value) for value in values.values]


def decode_value(data: Any, value: Any) -> None:
    """Sets a google.protobuf.Value from JSON data. Raises WireError."""
    if data is None:
        value.null_value = 0
    elif isinstance(data, bool):
        value.bool_value = data
    elif isinstance(data, str):
        value.string_value = data
    elif isinstance(data, int | float):
        value.number_value = data
    elif isinstance(data, dict):
        value.struct_value.SetInParent()
        decode_struct(data, value.struct_value)
    elif isinstance(data, list):
        value.list_value.SetInParent()
        decode_list(data, value.list_value)
    else:
        raise WireError("", "is not JSON")


def decode_struct(data: Any, struct: Any) -> None:
    """Sets a google.protobuf.Struct from an object. Raises WireError."""
    if not isinstance(data, dict):
        raise WireError("", "is not an object")
    for key, item in data.items():
        decode_value(item, struct.fields[key])


def decode_list(data: Any, values: Any) -> None:
    """Sets a google.protobuf.ListValue from an array. Raises WireError."""
    if not isinstance(data, list):
        raise WireError("", "is not an array")
    for item in data:
        decode_value(item, values.values.add())


def encode_json_text(text: str) -> Any:
    """The value of a FORMAT_JSON field; an empty text is null."""
    return orjson.loads(text) if text else None


def decode_json_text(value: Any) -> str:
    """The text of a FORMAT_JSON field."""
    return orjson.dumps(value).decode()


def decode_base64(value: str) -> bytes:
    """The bytes of a base64 text. Raises ValueError for anything else."""
    return base64.b64decode(value, validate=True)


def decode_decimal(value: Any, scale: int) -> str:
    """The quantised text of a decimal, which may come as text or as a number. Raises TypeError or WireError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TypeError("is not a decimal number")
    return encode_decimal(str(value), scale)


def describe_file(file: Any) -> dict[str, Any]:
    """What an answer tells of a file instead of its bytes."""
    return {"content_type": file.content_type}


def take_file(value: Any, file: Any) -> None:
    """Sets a file from a message of its own type; no JSON value can be one. Raises TypeError."""
    file.CopyFrom(value)


_SPECIAL_MESSAGES: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], None]]] = {
    "google.protobuf.Timestamp": (encode_timestamp, decode_timestamp),
    "google.protobuf.Struct": (encode_struct, decode_struct),
    "google.protobuf.Value": (encode_value, decode_value),
    "google.protobuf.ListValue": (encode_list, decode_list),
    "mizan.options.v1.Upload": (describe_file, take_file),
    "google.api.HttpBody": (describe_file, take_file),
}
_REFUSED_MESSAGES = frozenset({"google.protobuf.Any", "google.protobuf.Duration"})

_encoders: dict[str, Encoder] = {}
_decoders: dict[str, Decoder] = {}


def encoder_of(descriptor: Descriptor) -> Encoder:
    """The compiled encoder of a message type. Raises UnsupportedField for a type that the dialect cannot express."""
    name: str = descriptor.full_name
    if name in _SPECIAL_MESSAGES:
        return _SPECIAL_MESSAGES[name][0]
    if name not in _encoders:
        # A message that contains itself finds this forwarding function while it is being compiled.
        _encoders[name] = lambda message: _encoders[name](message)
        _encoders[name] = _compiled(_encoders, name, _Compiler.encoder, descriptor)
    return _encoders[name]


def decoder_of(descriptor: Descriptor) -> Decoder:
    """The compiled decoder of a message type. Raises UnsupportedField for a type that the dialect cannot express."""
    name: str = descriptor.full_name
    if name in _SPECIAL_MESSAGES:
        return _SPECIAL_MESSAGES[name][1]
    if name not in _decoders:
        _decoders[name] = lambda data, message: _decoders[name](data, message)
        _decoders[name] = _compiled(_decoders, name, _Compiler.decoder, descriptor)
    return _decoders[name]


def _compiled(cache: dict[str, Any], name: str, compiled: "Callable[[_Compiler], Any]", descriptor: Descriptor) -> Any:
    try:
        return compiled(_Compiler(descriptor))
    except UnsupportedField:
        del cache[name]
        raise


def field_encoder_of(field: FieldDescriptor) -> Callable[[Any], Any]:
    """A function that gives one field of a message as JSON data, for answers that consist of that field alone."""
    compiler = _Compiler(field.containing_type)
    value = compiler.value_out(field, f"m.{field.name}")
    encoder: Callable[[Any], Any] = compiler.function("def run(m):", [" h = m.HasField", f" return {value}"])
    return encoder


class _Compiler:
    """Writes the source of one message type's functions; the values that it needs stand in `names`."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._descriptor = descriptor
        self._names: dict[str, Any] = {"WireError": WireError}
        for field in descriptor.fields:
            _refuse_unsupported(field)

    def function(self, header: str, lines: list[str]) -> Any:
        """The function `run` of the given source."""
        scope = dict(self._names)
        source = compile("\n".join([header, *lines]), f"<wire {self._descriptor.full_name}>", "exec")
        exec(source, scope)  # noqa: S102 - the source is made above from descriptors, never from input
        return scope["run"]

    def encoder(self) -> Encoder:
        """The function message -> dict."""
        entries: list[str] = []
        lines: list[str] = []
        for field in self._descriptor.fields:
            access, key = f"m.{field.name}", repr(name_of(field))
            if rules_of(field).omit_unset:
                test = f"h({field.name!r})" if field.has_presence else access
                lines += [f" if {test}:", f"  d[{key}] = {self._present_value(field, access)}"]
            elif len(entries) < _LARGEST_DISPLAY and not lines:
                entries.append(f"  {key}: {self.value_out(field, access)},")
            else:
                lines.append(f" d[{key}] = {self.value_out(field, access)}")
        body = [" h = m.HasField", " d = {", *entries, " }", *lines, " return d"]
        encoder: Encoder = self.function("def run(m):", body)
        return encoder

    def value_out(self, field: FieldDescriptor, access: str) -> str:
        """The expression for a field's JSON value, null included."""
        if not field.has_presence:
            return self._present_value(field, access)
        if field.message_type is None:
            # A value that is not the default is there; only a default needs the slower question.
            return f"({self._present_value(field, 'v')} if (v := {access}) or h({field.name!r}) else None)"
        return f"({self._present_value(field, access)} if h({field.name!r}) else None)"

    def _present_value(self, field: FieldDescriptor, access: str) -> str:
        if is_map(field):
            key_field, value_field = (
                field.message_type.fields_by_name["key"],
                field.message_type.fields_by_name["value"],
            )
            item = self._item_out(value_field, "i", field)
            key = {_STRING: "k", _BOOL: "('true' if k else 'false')"}.get(key_field.cpp_type, "str(k)")
            return f"{{{key}: {item} for k, i in {access}.items()}}"
        if field.is_repeated:
            item = self._item_out(field, "i", field)
            # A slice is a plain list; walking the field itself ends with an exception, which costs more than the items.
            items = "r[:]" if item == "i" else f"[{item} for i in r[:]]"
            return f"({items} if (r := {access}) else [])"
        return self._item_out(field, access, field)

    def _item_out(self, field: FieldDescriptor, access: str, ruled: FieldDescriptor) -> str:
        """The expression for one value; the rules are those of the map or list that it stands in."""
        rules = rules_of(ruled)
        if field.message_type is not None:
            return f"{self._bind('encode', field, encoder_of(field.message_type))}({access})"
        if field.enum_type is not None:
            return f"{self._bind('spell', field, spellings_of(field.enum_type).get)}({access})"
        if field.cpp_type != _STRING:
            return access
        if field.type == FieldDescriptor.TYPE_BYTES:
            return f"{self._bind('base64', field, base64.b64encode)}({access}).decode()"
        if rules.format == options_pb2.FORMAT_DECIMAL:
            call = f"{self._bind('decimal', field, _decimal_encoder(rules.scale, rules.json_number))}({access})"
            # An empty decimal is an unset one that the proto does not call optional.
            return call if ruled.has_presence else f"({call} if {access} else None)"
        if rules.format == options_pb2.FORMAT_TIME:
            return f"{self._bind('time', field, encode_time_of_day)}({access})"
        if rules.format == options_pb2.FORMAT_JSON:
            return f"{self._bind('json', field, encode_json_text)}({access})"
        return access

    def decoder(self) -> Decoder:
        """The function (data, message) -> None."""
        lines = [
            " if not isinstance(d, dict):",
            "  raise WireError('', 'is not an object')",
            " n = ''",
            " try:",
            "  g = d.get",
        ]
        for field in self._descriptor.fields:
            lines += [f"  v = g({name_of(field)!r})", "  if v is not None:", f"   n = {name_of(field)!r}"]
            lines += [f"   {line}" for line in self._assign(field)]
        lines += [
            " except WireError as error:",
            "  raise WireError(f'{n}.{error.path}' if error.path else n, error.message) from error",
            " except (TypeError, ValueError, KeyError, AttributeError) as error:",
            "  raise WireError(n, 'Not a valid value.') from error",
        ]
        decoder: Decoder = self.function("def run(d, m):", lines)
        return decoder

    def _assign(self, field: FieldDescriptor) -> list[str]:
        target = f"m.{field.name}"
        if is_map(field):
            return self._assign_map(field, target)
        if not field.is_repeated:
            if field.message_type is None:
                return [f"{target} = {self._item_in(field, 'v')}"]
            return [f"{target}.SetInParent()", f"{self._decode_into(field)}(v, {target})"]
        check = ["if not isinstance(v, list | tuple):", " raise WireError('', 'is not an array')"]
        if field.message_type is None:
            item = self._item_in(field, "i")
            return [*check, f"{target}.extend({'v' if item == 'i' else f'[{item} for i in v]'})"]
        return [
            *check,
            "n0 = n",
            "for i, item in enumerate(v):",
            " n = f'{n0}.{i}'",
            f" {self._decode_into(field)}(item, {target}.add())",
        ]

    def _assign_map(self, field: FieldDescriptor, target: str) -> list[str]:
        key_field, value_field = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
        key = {_STRING: "k", _BOOL: "{'true': True, 'false': False}[k]"}.get(key_field.cpp_type, "int(k)")
        lines = ["n0 = n", "for k, item in v.items():", " n = f'{n0}.{k}'"]
        if value_field.message_type is not None:
            return [*lines, f" {self._decode_into(value_field)}(item, {target}[{key}])"]
        return [*lines, f" {target}[{key}] = {self._item_in(value_field, 'item', field)}"]

    def _decode_into(self, field: FieldDescriptor) -> str:
        return self._bind("decode", field, decoder_of(field.message_type))

    def _item_in(self, field: FieldDescriptor, access: str, ruled: FieldDescriptor | None = None) -> str:
        rules = rules_of(ruled or field)
        if field.enum_type is not None:
            numbers = {text: number for number, text in spellings_of(field.enum_type).items() if text is not None}
            return f"{self._bind('number', field, numbers)}[{access}]"
        if field.type == FieldDescriptor.TYPE_BYTES:
            return f"{self._bind('unbase64', field, decode_base64)}({access})"
        if rules.format == options_pb2.FORMAT_DECIMAL:
            return f"{self._bind('number', field, decode_decimal)}({access}, {rules.scale})"
        if rules.format == options_pb2.FORMAT_JSON:
            return f"{self._bind('text', field, decode_json_text)}({access})"
        return access

    def _bind(self, purpose: str, field: FieldDescriptor, value: Any) -> str:
        name = f"{purpose}_{field.containing_type.name}_{field.name}"
        self._names[name] = value
        return name


def _refuse_unsupported(field: FieldDescriptor) -> None:
    if iskeyword(field.name):
        raise UnsupportedField(f"{field.full_name} is a Python keyword; use another name with wire_name")
    if field.type == FieldDescriptor.TYPE_FLOAT:
        raise UnsupportedField(f"{field.full_name}: float loses digits; declare double or a decimal")
    if field.message_type is not None and field.message_type.full_name in _REFUSED_MESSAGES:
        raise UnsupportedField(f"{field.full_name}: {field.message_type.full_name} has no place in the dialect")
