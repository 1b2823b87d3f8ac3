"""What till systems say, in whatever state it arrives."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pos.domain import clover, signatures, square, toast
from services.pos.domain.provider import (
    OVERLAP,
    Hint,
    NotAnEvent,
    complete_after,
    free_name,
    same_location,
    sum_lines,
    window,
)

INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive bounds
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
NAMES = ("type", "event_id", "merchant_id", "data", "object", "id", "merchants", "objectId", "ts", "details", "order")
JSON = st.recursive(
    LEAVES,
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), part, max_size=5)
    ),
    max_leaves=12,
)
READERS: list[Callable[[Any], Hint | list[Hint]]] = [
    square.hint_of,
    lambda event: toast.hint_of(event, "guid"),
    clover.hints_of,
]


@pytest.mark.parametrize("read", READERS)
@given(event=JSON)
def test_a_body_is_an_event_or_is_refused(read: Callable[[Any], Hint | list[Hint]], event: Any) -> None:
    try:
        found = read(event)
    except NotAnEvent:
        return
    for hint in found if isinstance(found, list) else [found]:
        assert isinstance(hint.event_id, str)
        assert isinstance(hint.object_id, str)


@given(body=st.binary(max_size=200), signature=st.text(max_size=40))
def test_nothing_is_right_without_a_secret(body: bytes, signature: str) -> None:
    assert not signatures.square_is_right(signature, "", "https://mizan.example/", body)
    assert not signatures.square_is_right(signature, "key", "", body)
    assert not signatures.toast_is_right(signature, "", body)
    assert not signatures.toast_is_right(signature, "secret", body)
    assert not signatures.clover_is_right(signature, "")


@given(runs=st.lists(st.tuples(INSTANTS, st.booleans()), max_size=8))
def test_runs_leave_no_gap_between_what_is_complete(runs: list[tuple[datetime, bool]]) -> None:
    complete = None
    covered: list[tuple[datetime, datetime]] = []
    for now, through in sorted(runs):
        begin, end = window(complete, now, timedelta(days=30))
        if through:
            covered.append((begin, end))
            complete = complete_after(complete, begin, end)
    for (_, before), (begin, _) in itertools.pairwise(covered):
        assert begin <= before - OVERLAP


@given(start=INSTANTS, length=st.timedeltas(timedelta(0), timedelta(days=9)), complete=INSTANTS)
def test_a_range_that_leaves_a_gap_completes_nothing(start: datetime, length: timedelta, complete: datetime) -> None:
    after = complete_after(complete, start, start + length)
    assert after is not None
    assert after >= complete
    assert after == complete or start <= complete


@given(names=st.lists(st.text("ab", min_size=1, max_size=3), max_size=12), longest=st.integers(8, 20))
def test_names_are_made_different_and_never_too_long(names: list[str], longest: int) -> None:
    taken: set[str] = set()
    for name in names:
        free = free_name(name * 5, taken.__contains__, longest)
        assert free not in taken
        assert len(free) <= longest
        taken.add(free)
    assert len(taken) == len(names)


@given(lines=st.lists(st.tuples(st.sampled_from(["Tea", "Cake", ""]), st.integers(0, 9))))
def test_lines_of_one_name_are_counted_together(lines: list[tuple[str, int]]) -> None:
    summed = sum_lines(lines)
    assert len({name for name, _ in summed}) == len(summed)
    assert sum(count for _, count in summed) == sum(count for _, count in lines)


def test_the_same_change_at_clover_is_the_same_event() -> None:
    body = {"appId": "A", "merchants": {"M": [{"objectId": "O:1", "type": "UPDATE", "ts": 1}]}}
    (first,), (again,) = clover.hints_of(body), clover.hints_of(json.loads(json.dumps(body)))
    assert first == again
    body["merchants"]["M"][0]["ts"] = 2  # type: ignore[index] # it is a list of objects
    assert clover.hints_of(body)[0].event_id != first.event_id


def test_locations_matter_where_the_provider_has_them() -> None:
    assert same_location("L1", "L1")
    assert same_location(None, "L1")
    assert not same_location("L1", "L2")
