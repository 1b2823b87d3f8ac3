"""What a request may say and what the message then holds, row by row."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from google.protobuf.json_format import MessageToDict

from gateway.exchange import Exchange
from gateway.transcode.bodies import MAX_JSON_DEPTH
from gateway.transcode.catalog import Catalog
from gateway.transcode.endpoint import Endpoint
from gateway.transcode.errors import status_of
from gateway.transcode.models import Models
from servicekit.errors import Refusal
from servicekit.identity import ANONYMOUS


class Catching:
    """An edge whose calls only remember the message."""

    timeout_seconds = 1.0

    def __init__(self) -> None:
        self.message: Any = None
        self.principal = ANONYMOUS

    async def principal_of(self, exchange: Any, operation: Any) -> Any:
        return self.principal

    async def admit(self, exchange: Any, operation: Any, principal: Any, message: Any) -> None:
        self.message = message

    def metadata(self, exchange: Any, principal: Any) -> list[tuple[str, str]]:
        return []

    def unary(self, operation: Any) -> Any:
        async def call(message: Any, **_options: Any) -> Any:
            return operation.response_type()

        return call

    def stream(self, operation: Any) -> Any:
        raise AssertionError("no operation of the dialect streams its answer")


@pytest.fixture(scope="module")
def table(odd_descriptors) -> dict[str, tuple[Endpoint, Catching]]:
    catalog = Catalog.load(odd_descriptors, package="dialect.")
    models = Models(catalog.comments)
    endpoints = {}
    for operation in catalog.operations:
        for binding in operation.bindings:
            edge = Catching()
            endpoints[binding.path] = (Endpoint(operation, binding, models.request(operation), edge), edge)
    return endpoints


async def send(
    table: dict[str, tuple[Endpoint, Catching]], path: str, body: bytes, content_type: str = "application/json"
) -> Any:
    """The message that a body becomes. Raises the Refusal that the client would get."""
    endpoint, edge = table[path]
    edge.message = None
    scope = {"query_string": b"", "headers": [(b"content-type", content_type.encode())], "path": path}
    exchange = Exchange(scope, "request-1", "127.0.0.1", secure=False, host="x")

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    await endpoint._prepare(exchange, {}, receive)
    return edge.message


ACCEPTED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("unknown keys are ignored", {"unknown": {"x": 1}, "text": "a"}, {"text": "a"}),
    ("camelCase is unknown", {"dateOrBlank": "x"}, {}),
    ("texts are trimmed", {"text": "  a b "}, {"text": "a b"}),
    ("secrets are not", {"password": " a "}, {"password": " a "}),
    ("a number for a text", {"text": 212600}, {"text": "212600"}),
    ("null is absent", {"text": None, "flag": None, "small": None, "tags": None, "inner": None}, {}),
    ("an empty optional text is there", {"maybe": ""}, {"maybe": ""}),
    ("length in code points", {"short": "éàüß"}, {"short": "éàüß"}),
    ("pattern", {"code": "123"}, {"code": "123"}),
    ("upper case", {"upper": "red"}, {"upper": "RED"}),
    ("booleans as texts", {"flag": "true"}, {"flag": True}),
    ("integers as texts", {"small": "7"}, {"small": 7}),
    ("whole floats", {"small": 7.0}, {"small": 7}),
    ("64 bits", {"big": 2**63 - 1}, {"big": str(2**63 - 1)}),
    ("doubles", {"ratio": 0.5}, {"ratio": 0.5}),
    ("enum by bare name", {"mood": "GOOD"}, {"mood": "MOOD_GOOD"}),
    ("enum by spelling", {"mood": "so-so"}, {"mood": "MOOD_SO_SO"}),
    ("enums in upper case", {"moods": ["good"]}, {"moods": ["MOOD_GOOD"]}),
    ("uuid in lower case", {"id": "0190A000-0000-7000-8000-00000000000A"},
        {"id": "0190a000-0000-7000-8000-00000000000a"}),
    ("e-mail domain in lower case", {"email": " Anna@EXAMPLE.com"}, {"email": "Anna@example.com"}),
    ("date", {"date": "2024-02-29"}, {"date": "2024-02-29"}),
    ("time without seconds", {"time": "09:30"}, {"time": "09:30:00"}),
    ("decimal as text", {"amount": "12.5"}, {"amount": "12.50"}),
    ("decimal as number", {"amount": 12.5}, {"amount": "12.50"}),
    ("decimal number is rounded", {"amount": 0.1 + 0.2}, {"amount": "0.30"}),
    ("decimal text with spare zeros", {"amount": "1.500"}, {"amount": "1.50"}),
    ("uri", {"uri": "https://example.com/a?b=c"}, {"uri": "https://example.com/a?b=c"}),
    ("zone", {"zone": "Africa/Casablanca"}, {"zone": "Africa/Casablanca"}),
    ("currency", {"currency": "mad"}, {"currency": "MAD"}),
    ("ip", {"ip": "2001:DB8::1"}, {"ip": "2001:db8::1"}),
    ("free json", {"json": [1, {"a": None}]}, {"json": '[1,{"a":null}]'}),
    ("instant with offset", {"at": "2026-03-29T02:30:00+01:00"}, {"at": "2026-03-29T01:30:00Z"}),
    ("instant without offset or zone is utc", {"at": "2026-03-29T01:30:00.25"}, {"at": "2026-03-29T01:30:00.250Z"}),
    ("struct", {"struct": {"a": [1]}}, {"struct": {"a": [1.0]}}),
    ("list value", {"list": [[1, 2], "x"]}, {"list": [[1.0, 2.0], "x"]}),
    ("list", {"tags": ["a", 5]}, {"tags": ["a", "5"]}),
    ("map", {"counts": {"a": 1}}, {"counts": {"a": 1}}),
    ("nested", {"inner": {"small": 2, "inner": {"text": "deep"}}}, {"inner": {"small": 2, "inner": {"text": "deep"}}}),
    ("nested list", {"rows": [{"text": "a"}, {}]}, {"rows": [{"text": "a"}, {}]}),
    ("bytes", {"raw": "AP8="}, {"raw": "AP8="}),
    ("alias", {"aliasedName": "x"}, {"aliased": "x"}),
    ("second alias", {"other": "x"}, {"aliased": "x"}),
    ("own name wins", {"other": "x", "aliased": "y"}, {"aliased": "y"}),
    ("blank is absent", {"date_or_blank": " "}, {}),
    ("output only is ignored", {"computed": "x"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "held"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
async def test_accepted(table, body, held):
    message = await send(table, "/check/", orjson.dumps(body))
    assert MessageToDict(message, preserving_proto_field_name=True) == held


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("a list for a text", {"text": []}, "text", "Not a valid string."),
    ("too short", {"short": "a"}, "short", "Ensure this field has at least 2 characters."),
    ("blank", {"short": ""}, "short", "This field may not be blank."),
    ("too long", {"short": "abcde"}, "short", "Ensure this field has no more than 4 characters."),
    ("too long without a maximum", {"text": "a" * 10_001}, "text",
        "Ensure this field has no more than 10000 characters."),
    ("pattern of the whole text", {"code": "ABCD"}, "code", "This value does not match the required pattern."),
    ("one of", {"upper": "green"}, "upper", '"GREEN" is not a valid choice.'),
    ("boolean", {"flag": "maybe"}, "flag", "Must be a valid boolean."),
    ("integer", {"small": "x"}, "small", "A valid integer is required."),
    ("half an integer", {"small": 1.5}, "small", "A valid integer is required."),
    ("below", {"small": 0}, "small", "Ensure this value is greater than or equal to 1."),
    ("above", {"small": 11}, "small", "Ensure this value is less than or equal to 10."),
    ("over 63 bits", {"big": 2**63}, "big", f"Ensure this value is less than or equal to {2**63 - 1}."),
    ("a huge integer", {"big": "9" * 5000}, "big", "A valid integer is required."),
    ("negative unsigned", {"positive": -1}, "positive", "Ensure this value is greater than or equal to 0."),
    ("double", {"ratio": "x"}, "ratio", "A valid number is required."),
    ("infinite", {"ratio": "inf"}, "ratio", "A valid number is required."),
    ("enum", {"mood": "MOOD_GOOD"}, "mood", '"MOOD_GOOD" is not a valid choice.'),
    ("enum zero value", {"mood": "UNSPECIFIED"}, "mood", '"UNSPECIFIED" is not a valid choice.'),
    ("uuid", {"id": "123"}, "id", "Must be a valid UUID."),
    ("e-mail", {"email": "anna@"}, "email", "Enter a valid email address."),
    ("date that is none", {"date": "2023-02-29"}, "date", "Date has wrong format. Use YYYY-MM-DD."),
    ("date with time", {"date": "2023-02-01T00:00:00"}, "date", "Date has wrong format. Use YYYY-MM-DD."),
    ("time", {"time": "25:00"}, "time", "Time has wrong format. Use HH:MM or HH:MM:SS."),
    ("decimal", {"amount": "ten"}, "amount", "A valid number is required."),
    ("decimal not finite", {"amount": "NaN"}, "amount", "A valid number is required."),
    ("decimal boolean", {"amount": True}, "amount", "A valid number is required."),
    ("decimal scale", {"amount": "1.005"}, "amount", "Ensure that there are no more than 2 decimal places."),
    ("decimal below", {"amount": -0.01}, "amount", "Ensure this value is greater than or equal to 0."),
    ("decimal above", {"amount": "1000.01"}, "amount", "Ensure this value is less than or equal to 1000."),
    ("decimal absurd", {"amount": "1e999999"}, "amount", "A valid number is required."),
    ("uri", {"uri": "javascript:alert(1)"}, "uri", "Enter a valid URL."),
    ("uri brackets", {"uri": "http://[x"}, "uri", "Enter a valid URL."),
    ("zone", {"zone": "Mars/Base"}, "zone", "Not a known time zone."),
    ("currency", {"currency": "QQQ"}, "currency", "Not a known currency."),
    ("ip", {"ip": "1.2.3"}, "ip", "Enter a valid IPv4 or IPv6 address."),
    ("instant", {"at": "soon"}, "at", "Datetime has wrong format. Use YYYY-MM-DDThh:mm:ss with an offset or Z."),
    ("instant out of the calendar", {"at": "0001-01-01T00:00:00+05:00"}, "at",
        "Datetime has wrong format. Use YYYY-MM-DDThh:mm:ss with an offset or Z."),
    ("struct", {"struct": []}, "struct", "Expected an object."),
    ("list value", {"list": {}}, "list", "Expected a list of items."),
    ("list", {"tags": "a"}, "tags", "Expected a list of items."),
    ("too few", {"tags": []}, "tags", "Ensure this field has at least 1 elements."),
    ("too many", {"tags": ["a", "b", "c"]}, "tags", "Ensure this field has no more than 2 elements."),
    ("rules of each item", {"tags": ["a", "toolong"]}, "tags.1", "Ensure this field has no more than 5 characters."),
    ("null in a list", {"tags": [None]}, "tags.0", "This field may not be null."),
    ("map", {"counts": {"a": "x"}}, "counts.a", "A valid integer is required."),
    ("map key", {"by_number": {"x": "a"}}, "by_number.x", "Not a valid value."),
    ("nested", {"inner": {"small": 0}}, "inner.small", "Ensure this value is greater than or equal to 1."),
    ("nested is no text", {"inner": "x"}, "inner", "Expected an object."),
    ("nested list", {"rows": [{}, {"id": "x"}]}, "rows.1.id", "Must be a valid UUID."),
    ("bytes", {"raw": "*"}, "raw", "Must be base64."),
    ("under an alias", {"aliasedName": []}, "aliasedName", "Not a valid string."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "field", "text"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_refused(table, body, field, text):
    with pytest.raises(Refusal) as refused:
        await send(table, "/check/", orjson.dumps(body))
    assert status_of(refused.value) == 400
    assert refused.value.fields == {field: [text]}


@pytest.mark.parametrize(
    ("zone", "sent", "instant"),
    [
        ("Europe/Paris", "2026-11-23T08:30", "2026-11-23T07:30:00Z"),
        ("Europe/Paris", "2026-07-01T08:30:00", "2026-07-01T06:30:00Z"),
        ("Europe/Paris", "2026-11-23T08:30:00Z", "2026-11-23T08:30:00Z"),
        ("Africa/Casablanca", "2026-07-01 08:30", "2026-07-01T07:30:00Z"),
    ],
)
async def test_an_instant_without_an_offset_is_the_restaurants(table, monkeypatch, zone, sent, instant):
    _, edge = table["/check/"]
    monkeypatch.setattr(edge, "principal", replace(ANONYMOUS, time_zone=zone))
    message = await send(table, "/check/", orjson.dumps({"at": sent}))
    assert message.at.ToJsonString() == instant


REQUIRED: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("missing", {}, dict.fromkeys(("text", "row", "tags", "date", "number"), "This field is required.")),
    ("null", dict.fromkeys(("text", "row", "tags", "date", "number")),
        dict.fromkeys(("text", "row", "tags", "date", "number"), "This field may not be null.")),
    ("blank", {"text": " ", "row": {}, "tags": [], "date": "", "number": 0},
        {"text": "This field may not be blank.", "tags": "Ensure this field has at least 1 elements.",
         "date": "This field is required."}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "complaints"), [row[1:] for row in REQUIRED], ids=[row[0] for row in REQUIRED])
async def test_required(table, body, complaints):
    with pytest.raises(Refusal) as refused:
        await send(table, "/require/", orjson.dumps(body))
    assert {name: texts[0] for name, texts in refused.value.fields.items()} == complaints


MASKS: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("nothing", "/change/", {}, []),
    ("what was sent", "/change/", {"text": "", "unknown": 1}, ["text"]),
    ("null is named", "/change/", {"maybe": None, "at": None, "struct": None}, ["maybe", "at", "struct"]),
    (
        "nested by its keys",
        "/change/",
        {"row": {"text": "a", "inner": {"flag": False}}},
        ["row.text", "row.inner.flag"],
    ),
    ("nested null", "/change/", {"row": None}, ["row"]),
    ("nested empty", "/change/", {"row": {}}, []),
    ("lists and structs whole", "/change/", {"tags": ["a"], "struct": {"a": 1}}, ["tags", "struct"]),
    ("under its wire name", "/change/", {"newName": "x"}, ["renamed"]),
    ("under an alias", "/change/", {"otherName": None}, ["renamed"]),
    ("blank as absent", "/change/", {"row": {"date_or_blank": ""}}, []),
    ("relative to the body's field", "/change/row/", {"text": "a", "maybe": None}, ["text", "maybe"]),
]


@pytest.mark.parametrize(("path", "body", "paths"), [row[1:] for row in MASKS], ids=[row[0] for row in MASKS])
async def test_masks(table, path, body, paths):
    message = await send(table, path, orjson.dumps(body))
    assert list(message.update_mask.paths) == paths


@pytest.mark.parametrize("body", [{"text": None}, {"tags": None}, {"row": {"flag": None}}], ids=str)
async def test_null_in_a_change_is_for_what_can_be_unset(table, body):
    with pytest.raises(Refusal) as refused:
        await send(table, "/change/", orjson.dumps(body))
    assert list(refused.value.fields.values()) == [["This field may not be null."]]


FORMS: list[tuple[str, bytes, dict[str, Any]]] = [
    ("texts", b"text=a+b&flag=true&small=3&amount=1.5", {"text": "a b", "flag": True, "small": 3, "amount": "1.50"}),
    ("empty is null where it is no text", b"small=&at=&date=&maybe=", {"maybe": ""}),
    ("repeated", b"tags=a&tags=b", {"tags": ["a", "b"]}),
    ("brackets", b"tags[]=a&tags[]=b", {"tags": ["a", "b"]}),
    ("a list as json", b"tags=%5B%22a%22%5D", {"tags": ["a"]}),
    ("an object as json", b"inner=%7B%22text%22%3A%22x%22%7D", {"inner": {"text": "x"}}),
    ("free json", b"json=%5B1%5D", {"json": "[1]"}),
    ("unknown keys", b"nothing=1", {}),
    ("aliases", b"aliasedName=1", {"aliased": "1"}),
]


@pytest.mark.parametrize(("form", "held"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])
async def test_forms(table, form, held):
    message = await send(table, "/check/", form, "application/x-www-form-urlencoded; charset=utf-8")
    assert MessageToDict(message, preserving_proto_field_name=True) == held


MALFORMED: list[tuple[str, bytes, str, int, str]] = [
    ("broken", b"{", "application/json", 400, "JSON parse error - "),
    ("not an object", b"[1]", "application/json", 400, "Invalid data. Expected an object."),
    ("a bare text", b'"x"', "application/json", 400, "Invalid data. Expected an object."),
    ("not utf-8", b'{"text":"\xff"}', "application/json", 400, "JSON parse error - "),
    ("a null character", b'{"text":"a\\u0000"}', "application/json", 400, "Null characters are not allowed."),
    ("a null character in a key", b'{"struct":{"\\u0000":1}}', "application/json", 400, "Null characters"),
    (
        "too deep",
        b'{"json":' + b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH + b"}",
        "application/json",
        400,
        "JSON parse error - nested",
    ),
    ("a lone surrogate", b'{"text":"\\ud800"}', "application/json", 400, "JSON parse error - "),
    ("xml", b"<a/>", "text/xml", 415, 'Unsupported media type "text/xml" in request.'),
    ("no type", b"{}", "", 415, 'Unsupported media type "" in request.'),
    ("a broken form", b"a=%ff", "application/x-www-form-urlencoded", 400, "The form is not valid."),
    ("a null character in a form", b"text=%00", "application/x-www-form-urlencoded", 400, "Null characters"),
    ("too many form fields", b"a=1&" * 600, "application/x-www-form-urlencoded", 400, "The form is not valid."),
    ("multipart without boundary", b"x", "multipart/form-data", 400, "Multipart form parse error."),
    ("broken multipart", b"no boundary", "multipart/form-data; boundary=x", 400, "Multipart form parse error."),
]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "text"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
async def test_malformed(table, body, content_type, status, text):
    with pytest.raises(Refusal) as refused:
        await send(table, "/check/", body, content_type)
    assert status_of(refused.value) == status
    assert refused.value.message.startswith(text)


async def test_brackets_inside_texts_are_no_depth(table):
    text = "[{" * MAX_JSON_DEPTH
    message = await send(table, "/check/", orjson.dumps({"text": text + '\\"'}))
    assert message.text == text + '\\"'


async def test_an_empty_body_is_an_empty_object(table):
    assert await send(table, "/check/", b"", "") is not None


@pytest.mark.parametrize("name", ["struct", "json"])
async def test_the_deepest_json_that_is_taken_can_be_read_by_the_service(table, name):
    inner: Any = {}
    for _ in range(MAX_JSON_DEPTH - 2):
        inner = {"a": inner}
    message = await send(table, "/check/", orjson.dumps({name: inner}))
    assert type(message).FromString(message.SerializeToString()) == message
