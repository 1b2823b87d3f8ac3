"""Who should do a task: who can at all, in which order, and why."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain.task_assignment import Candidate, load_level, recommend, urgency

TODAY = date(2031, 3, 3)


def somebody(**known: Any) -> Candidate:
    return Candidate(**{"user_id": uuid4(), "name": "Amina", "role": "WAITER", "works_then": True, **known})


def test_who_is_away_or_not_at_work_is_not_asked() -> None:
    able, away, at_home = somebody(), somebody(is_away=True), somebody(works_then=False)
    assert [one.candidate for one in recommend([away, at_home, able], "WAITER")] == [able]
    assert recommend([away, at_home], "WAITER") == []


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"is_on_shift": True}, {}),
        ({"role": "WAITER"}, {"role": "CHEF"}),
        ({"open_tasks": 0}, {"open_tasks": 2}),
        ({"open_tasks": 2}, {"open_tasks": 20}),
        ({"done_alike": 3}, {}),
        ({}, {"is_reluctant": True}),
        ({"is_on_shift": True, "open_tasks": 5}, {"open_tasks": 2}),
    ],
)
def test_each_measure_counts(better: dict[str, Any], worse: dict[str, Any]) -> None:
    best, other = somebody(**better), somebody(**worse)
    assert [one.candidate for one in recommend([other, best], "WAITER")] == [best, other]


def test_a_reason_says_what_the_score_is_made_of() -> None:
    known = {"is_on_shift": True, "open_tasks": 1, "done_alike": 2}
    (one,) = recommend([somebody(**known)], "WAITER")
    assert one.score == 0.89
    assert one.reason == "Is on this shift; role WAITER fits; 1 open task (light); did 2 tasks like it in 30 days"
    (other,) = recommend([somebody(works_then=None)], None)
    assert other.reason == "0 open tasks (available)"


@given(
    st.lists(
        st.builds(
            Candidate,
            user_id=st.uuids(),
            name=st.text(max_size=3),
            role=st.sampled_from(["WAITER", "CHEF", "MANAGER"]),
            open_tasks=st.integers(0, 50),
            done_alike=st.integers(0, 50),
            is_on_shift=st.booleans(),
            works_then=st.sampled_from([True, None]),
            is_reluctant=st.booleans(),
        ),
        max_size=6,
    ),
    st.sampled_from(["WAITER", "CHEF", None]),
)
def test_scores_stand_between_0_and_1_in_one_order(candidates: list[Candidate], role: str | None) -> None:
    found = recommend(candidates, role)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert all(0 <= one.score <= 1 for one in found)
    assert found == recommend(reversed(candidates), role)


@pytest.mark.parametrize(
    ("open_tasks", "level"), [(0, "Available"), (3, "Light"), (4, "Moderate"), (10, "Heavy"), (11, "Overloaded")]
)
def test_a_load_has_a_name(open_tasks: int, level: str) -> None:
    assert load_level(open_tasks)[0] == level


def test_what_is_late_and_what_presses_is_given_first() -> None:
    assert urgency("LOW", TODAY - timedelta(days=1), TODAY) > urgency("HIGH", TODAY + timedelta(days=9), TODAY)
    assert urgency("URGENT", TODAY, TODAY) > urgency("URGENT", TODAY + timedelta(days=3), TODAY)
    assert urgency("MEDIUM", None, TODAY) < urgency("MEDIUM", TODAY + timedelta(days=30), TODAY)


def test_two_who_are_alike_stand_in_a_fixed_order() -> None:
    first, second = somebody(user_id=UUID(int=1)), somebody(user_id=UUID(int=2))
    assert [one.candidate for one in recommend([second, first], None)] == [first, second]
