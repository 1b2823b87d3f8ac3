"""The JSON dialect, row by row, and that what goes out comes back."""

import importlib
import string
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from mizan.options.v1 import files_pb2
from servicekit import wire
from servicekit.testing.protos import compile_protos

REPOSITORY_PROTOS = Path(__file__).resolve().parents[3] / "protos"


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Any:
    compile_protos(Path(__file__).parent / "protos", tmp_path_factory.mktemp("sample"), REPOSITORY_PROTOS)
    return importlib.import_module("sample.wire.v1.sample_pb2")


def moment(text: str) -> Timestamp:
    stamp = Timestamp()
    stamp.FromJsonString(text)
    return stamp


OUT: list[tuple[str, dict[str, Any], Any]] = [
    # field, what the message holds, what is written
    ("text", {}, ""),
    ("text", {"text": "é"}, "é"),
    ("maybe_text", {}, None),
    ("maybe_text", {"maybe_text": ""}, ""),
    ("flag", {}, False),
    ("maybe_flag", {"maybe_flag": False}, False),
    ("maybe_flag", {}, None),
    ("small", {"small": -5}, -5),
    ("big", {"big": 2**53 + 1}, 2**53 + 1),
    ("huge", {"huge": 2**64 - 1}, 2**64 - 1),
    ("maybe_big", {"maybe_big": 0}, 0),
    ("ratio", {"ratio": 0.1}, 0.1),
    ("raw", {"raw": b"\x00\xff"}, "AP8="),
    ("mood", {}, None),
    ("mood", {"mood": 2}, "VERY_BAD"),
    ("mood", {"mood": 3}, "so-so"),
    ("mood", {"mood": 99}, None),
    ("maybe_mood", {"maybe_mood": 1}, "GOOD"),
    ("amount", {}, None),
    ("amount", {"amount": "12"}, "12.00"),
    ("amount", {"amount": "-0.5"}, "-0.50"),
    ("amount", {"amount": "2.345"}, "2.35"),
    ("amount", {"amount": "1E+3"}, "1000.00"),
    ("price", {}, None),
    ("price", {"price": "1.5"}, 1.5),
    ("price", {"price": "0.0005"}, 0.001),
    ("opens_at", {"opens_at": "09:30"}, "09:30:00"),
    ("opens_at", {"opens_at": "09:30:15"}, "09:30:15"),
    ("anything", {}, None),
    ("anything", {"anything": '{"n":1,"x":[1.5,null]}'}, {"n": 1, "x": [1.5, None]}),
    ("at", {}, None),
    ("at", {"at": moment("2026-03-29T01:30:00Z")}, "2026-03-29T01:30:00Z"),
    ("at", {"at": moment("2026-03-29T01:30:00.000001Z")}, "2026-03-29T01:30:00.000001Z"),
    ("at", {"at": moment("1969-12-31T23:59:59.5Z")}, "1969-12-31T23:59:59.500000Z"),
    ("at", {"at": moment("0001-01-01T00:00:00Z")}, "0001-01-01T00:00:00Z"),
    ("at", {"at": moment("9999-12-31T23:59:59Z")}, "9999-12-31T23:59:59Z"),
    ("settings", {}, None),
    ("settings", {"settings": {"n": 3, "half": 0.5, "no": None, "l": [1, {"b": True}]}},
        {"n": 3, "half": 0.5, "no": None, "l": [1, {"b": True}]}),
    ("corners", {"corners": [[33.5, -7.0], [33, -7]]}, [[33.5, -7], [33, -7]]),
    ("tags", {}, []),
    ("tags", {"tags": ["b", "a"]}, ["b", "a"]),
    ("moods", {"moods": [1, 3]}, ["GOOD", "so-so"]),
    ("inner", {}, None),
    ("inner", {"inner": {}}, {"name": "", "rank": None, "children": []}),
    ("inners", {"inners": [{"name": "a", "children": [{"name": "b", "rank": 0}]}]},
        [{"name": "a", "rank": None, "children": [{"name": "b", "rank": 0, "children": []}]}]),
    ("counts", {}, {}),
    ("counts", {"counts": {"a": 1}}, {"a": 1}),
    ("by_name", {"by_name": {"a": {"name": "x"}}}, {"a": {"name": "x", "rank": None, "children": []}}),
    ("by_number", {"by_number": {7: "x"}}, {"7": "x"}),
    ("by_flag", {"by_flag": {True: "x"}}, {"true": "x"}),
    ("first", {"first": ""}, ""),
    ("first", {}, None),
    ("second", {"second": {"name": "x"}}, {"name": "x", "rank": None, "children": []}),
    ("hub.mode", {"renamed": "subscribe"}, "subscribe"),
    ("moments", {"moments": [moment("2026-01-01T00:00:00Z")]}, ["2026-01-01T00:00:00Z"]),
    ("prices", {"prices": ["1.005", "2"]}, [1.01, 2.0]),
    ("mood_by_name", {"mood_by_name": {"a": 2}}, {"a": "VERY_BAD"}),
    ("rate_by_name", {"rate_by_name": {"a": "3"}}, {"a": "3.00"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "held", "written"), OUT, ids=[f"{n}:{h}" for n, h, _ in OUT])
def test_out(sample, name, held, written):
    data = wire.encode(sample.Everything(**held))
    assert data[name] == written
    assert type(data[name]) is type(written)
    assert orjson.loads(orjson.dumps(data)) == data


def test_left_out_when_unset(sample):
    assert not {"left_out", "quiet"} & wire.encode(sample.Everything()).keys()
    assert wire.encode(sample.Everything(left_out="", quiet=["x"]))["left_out"] == ""


def test_one_field_alone(sample):
    encode = wire.field_encoder_of(sample.Everything.DESCRIPTOR.fields_by_name["inners"])
    assert encode(sample.Everything(inners=[{"name": "a"}])) == [{"name": "a", "rank": None, "children": []}]
    encode = wire.field_encoder_of(sample.Everything.DESCRIPTOR.fields_by_name["maybe_big"])
    assert encode(sample.Everything()) is None


IN = [
    # what is read, what the message then holds
    ({"unknown": 1, "text": "x"}, {"text": "x"}),
    ({"text": None, "flag": None, "tags": None, "inner": None}, {}),
    ({"maybe_text": ""}, {"maybe_text": ""}),
    ({"big": 2**63 - 1}, {"big": 2**63 - 1}),
    ({"raw": "AP8="}, {"raw": b"\x00\xff"}),
    ({"mood": "so-so", "moods": ["GOOD"]}, {"mood": 3, "moods": [1]}),
    ({"amount": 12.1}, {"amount": "12.10"}),
    ({"amount": "7"}, {"amount": "7.00"}),
    ({"price": 0}, {"price": "0.000"}),
    ({"anything": {"a": [1]}}, {"anything": '{"a":[1]}'}),
    ({"anything": False}, {"anything": "false"}),
    ({"at": "2026-03-29T02:30:00+01:00"}, {"at": moment("2026-03-29T01:30:00Z")}),
    ({"at": "2026-03-29T01:30:00"}, {"at": moment("2026-03-29T01:30:00Z")}),
    ({"at": datetime(2026, 1, 1, tzinfo=UTC)}, {"at": moment("2026-01-01T00:00:00Z")}),
    ({"inner": {}}, {"inner": {}}),
    ({"counts": {"a": 1}, "by_number": {"7": "x"}, "by_flag": {"true": "x"}},
        {"counts": {"a": 1}, "by_number": {7: "x"}, "by_flag": {True: "x"}}),
    ({"second": {"name": "x"}}, {"second": {"name": "x"}}),
    ({"hub.mode": "subscribe", "renamed": "no"}, {"renamed": "subscribe"}),
    ({"prices": [1, "2.5"]}, {"prices": ["1.00", "2.50"]}),
]  # fmt: skip


@pytest.mark.parametrize(("read", "held"), IN, ids=[str(read) for read, _ in IN])
def test_in(sample, read, held):
    message = sample.Everything()
    wire.decode(read, message)
    assert message == sample.Everything(**held)


MISFITS: list[tuple[Any, str]] = [
    ({"text": 5}, "text"),
    ({"small": 2**31}, "small"),
    ({"small": "x"}, "small"),
    ({"mood": "UNKNOWN"}, "mood"),
    ({"mood": "MOOD_GOOD"}, "mood"),
    ({"amount": "ten"}, "amount"),
    ({"amount": True}, "amount"),
    ({"at": "yesterday"}, "at"),
    ({"at": 5}, "at"),
    ({"raw": "?"}, "raw"),
    ({"tags": "abc"}, "tags"),
    ({"tags": [1]}, "tags"),
    ({"inner": []}, "inner"),
    ({"inners": [{"name": "a"}, {"children": [{"rank": "x"}]}]}, "inners.1.children.0.rank"),
    ({"by_name": {"a": {"rank": []}}}, "by_name.a.rank"),
    ({"by_number": {"x": "y"}}, "by_number.x"),
    ({"by_flag": {"yes": "y"}}, "by_flag.yes"),
    ({"settings": []}, "settings"),
    ({"corners": {}}, "corners"),
    ({"settings": {"a": object()}}, "settings"),
    ({"counts": 5}, "counts"),
    ([], ""),
]


@pytest.mark.parametrize(("read", "path"), MISFITS, ids=[str(path) + str(read)[:30] for read, path in MISFITS])
def test_a_value_that_does_not_fit_names_its_field(sample, read, path):
    with pytest.raises(wire.WireError) as refused:
        wire.decode(read, sample.Everything())
    assert refused.value.path == path


def test_a_file_is_a_message_and_not_json(sample):
    upload = files_pb2.Upload(filename="a.png", content_type="image/png", content=b"123")
    message = sample.WithFile()
    wire.decode({"file": upload}, message)
    assert message.file == upload
    assert wire.encode(message) == {"file": {"content_type": "image/png"}}
    with pytest.raises(wire.WireError):
        wire.decode({"file": "text"}, message)


@pytest.mark.parametrize("name", ["WithFloat", "WithAny", "WithDuration", "WithKeyword", "AroundFloat"])
def test_what_has_no_place_in_the_dialect_is_refused_every_time(sample, name):
    for _ in range(2):
        with pytest.raises(wire.UnsupportedField):
            wire.encoder_of(getattr(sample, name).DESCRIPTOR)
        with pytest.raises(wire.UnsupportedField):
            wire.decoder_of(getattr(sample, name).DESCRIPTOR)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text(string.ascii_letters, min_size=1, max_size=8)
# A whole number in free JSON comes back as an integer, which has no negative zero.
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
JSON = st.recursive(
    st.none() | st.booleans() | TEXTS | st.integers(-(2**53), 2**53) | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)
MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
INNERS = st.recursive(
    st.fixed_dictionaries({"name": TEXTS}, optional={"rank": st.integers(-(2**31), 2**31 - 1)}),
    lambda inner: st.fixed_dictionaries({"name": TEXTS, "children": st.lists(inner, max_size=2)}),
    max_leaves=5,
)
DECIMALS = st.decimals(-(10**9), 10**9, places=2).map(str)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS,
        "maybe_text": TEXTS,
        "left_out": TEXTS,
        "maybe_flag": st.booleans(),
        "big": st.integers(-(2**63), 2**63 - 1),
        "huge": st.integers(0, 2**64 - 1),
        "ratio": st.floats(allow_nan=False, allow_infinity=False),
        "raw": st.binary(max_size=20),
        "maybe_mood": st.sampled_from([1, 2, 3]),
        "amount": DECIMALS,
        "price": st.decimals(-(10**9), 10**9, places=3).map(str),
        "at": MOMENTS,
        "settings": st.dictionaries(TEXTS, JSON, max_size=3),
        "corners": st.lists(JSON, max_size=3),
        "tags": st.lists(TEXTS, max_size=3),
        "moods": st.lists(st.sampled_from([1, 2, 3]), max_size=3),
        "inners": st.lists(INNERS, max_size=3),
        "counts": st.dictionaries(TEXTS, st.integers(-(2**63), 2**63 - 1), max_size=3),
        "by_name": st.dictionaries(NAMES, INNERS, max_size=3),
        "by_number": st.dictionaries(st.integers(-(2**31), 2**31 - 1), TEXTS, max_size=3),
        "by_flag": st.dictionaries(st.booleans(), TEXTS, max_size=2),
        "renamed": TEXTS,
        "moments": st.lists(MOMENTS, max_size=3),
    },
)


@given(MESSAGES)
def test_what_goes_out_comes_back(sample, fields):
    message = sample.Everything(**fields)
    text = orjson.dumps(wire.encode(message))
    back = sample.Everything()
    wire.decode(orjson.loads(text), back)
    assert back == message


@given(MOMENTS)
def test_timestamps_are_what_the_standard_library_writes(stamp):
    written = Timestamp()
    written.FromDatetime(stamp)
    assert wire.encode_timestamp(written) == stamp.isoformat().replace("+00:00", "Z")
    read = Timestamp()
    wire.decode_timestamp(wire.encode_timestamp(written), read)
    assert read == written


@given(JSON)
def test_free_json_stays_what_it_is(value):
    assert wire.encode_json_text(wire.decode_json_text(value)) == value
