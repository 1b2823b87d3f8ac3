"""Times as clients send them, and what a publication changes for whom."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicekit.errors import Invalid
from services.scheduling.domain.clock import duration_text, minutes_of, shift_of
from services.scheduling.domain.planning import PALETTE, availability_score, changes_for_people, color_of, role_code

PARIS = ZoneInfo("Europe/Paris")
MONDAY = date(2026, 11, 23)
people = st.lists(st.sampled_from("abcd"), unique=True, max_size=3)
states = st.dictionaries(
    st.sampled_from("123456"), st.fixed_dictionaries({"people": people, "facts": st.sampled_from(["9-17", "10-18"])})
)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("09:00", "17:00"),
        ("09:00:00", "17:00:00"),
        ("2026-11-23T09:00:00", "17:00"),
        ("2026-11-23T08:00:00Z", "2026-11-23T17:00:00+01:00"),
        ("2026-11-23 09:00", "2026-11-23 17:00"),
    ],
)
def test_every_spelling_of_a_time_is_the_same_shift(start: str, end: str) -> None:
    period = shift_of(MONDAY, start, end, PARIS)
    assert period.start == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert period.length == timedelta(hours=8)


def test_a_time_of_day_not_after_the_start_is_tomorrows() -> None:
    assert shift_of(MONDAY, "20:00", "02:00", PARIS).length == timedelta(hours=6)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("09:00", "09:00"),
        ("2026-11-23T17:00", "2026-11-23T09:00"),
        ("2026-11-23T09:00", "2026-11-25T09:00"),
        ("nine", "17:00"),
        ("25:00", "17:00"),
        ("09:00+01:00", "17:00"),
        ("", ""),
    ],
)
def test_what_is_no_shift_is_refused(start: str, end: str) -> None:
    with pytest.raises(Invalid):
        shift_of(MONDAY, start, end, PARIS)


@settings(deadline=None)
@given(st.integers(0, 31 * 24 * 60))
def test_lengths_come_back_as_they_were(minutes: int) -> None:
    assert minutes_of(duration_text(minutes), "x") == minutes
    assert minutes_of(minutes, "x") == minutes


@pytest.mark.parametrize("value", ["a", "1:99", True, -5, "1:2:3:4", [1], 10**9])
def test_what_is_no_length_is_refused(value: Any) -> None:
    with pytest.raises(Invalid):
        minutes_of(value, "x")


@settings(deadline=None)
@given(states)
def test_the_same_state_changes_nothing_for_anybody(state: dict[str, Any]) -> None:
    assert changes_for_people(state, state) == {}


@settings(deadline=None)
@given(states, states)
def test_changes_lead_from_one_state_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = changes_for_people(before, after)
    for person in "abcd":
        had = {shift for shift, kept in before.items() if person in kept["people"]}
        have = {shift for shift, kept in after.items() if person in kept["people"]}
        changes = found.get(person)
        assert set(changes.added if changes else ()) == have - had
        assert set(changes.removed if changes else ()) == had - have
        moved = {shift for shift in had & have if before[shift]["facts"] != after[shift]["facts"]}
        assert set(changes.changed if changes else ()) == moved


@settings(deadline=None)
@given(st.uuids())
def test_a_person_keeps_their_colour(person: UUID) -> None:
    assert color_of(person) == color_of(UUID(str(person)))
    assert color_of(person) in PALETTE


def test_roles_are_kept_in_one_form() -> None:
    assert role_code(" kitchen-help ") == "KITCHEN_HELP"
    assert role_code(None) == ""


@given(st.integers(0, 400), st.integers(1, 400))
def test_somebody_is_as_free_as_the_share_of_full_weeks_that_is_left(planned: int, days: int) -> None:
    score = availability_score(timedelta(hours=planned), days)
    assert 0 <= score <= 100
    assert score == (100 if planned == 0 else score) >= availability_score(timedelta(hours=planned + 1), days)
    assert availability_score(timedelta(hours=planned), 7) == pytest.approx(max(0, 48 - planned) / 48 * 100, abs=0.01)
    assert availability_score(timedelta(hours=2 * planned), 14) == availability_score(timedelta(hours=planned), 7)
