"""Tasks under way: what a percentage says, how far a task is, and what its end asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain.progress import lacks, share_done, status_at


@given(st.integers(0, 100))
def test_only_nothing_is_not_begun_and_only_everything_is_done(percentage: int) -> None:
    expected = {0: "TODO", 100: "COMPLETED"}.get(percentage, "IN_PROGRESS")
    assert status_at(percentage) == expected
    assert share_done(expected, percentage, []) == percentage


@pytest.mark.parametrize(
    ("status", "noted", "subtasks", "share"),
    [
        ("IN_PROGRESS", None, [], 50),
        ("IN_PROGRESS", 70, [], 70),
        ("TODO", 70, [], 0),
        ("COMPLETED", 70, [], 100),
        ("IN_PROGRESS", 70, ["COMPLETED", "TODO", "TODO"], 33),
    ],
)
def test_a_task_is_as_far_as_its_parts_or_as_was_noted(
    status: str, noted: int | None, subtasks: list[str], share: int
) -> None:
    assert share_done(status, noted, subtasks) == share


@pytest.mark.parametrize(
    ("verification", "has_photo", "has_notes", "lacking"),
    [
        ("NONE", False, False, None),
        ("PHOTO", False, True, "photo"),
        ("PHOTO", True, False, None),
        ("TEMPERATURE_LOG", False, False, "notes"),
        ("TEMPERATURE_LOG", False, True, None),
        ("QUANTITY_COUNT", True, False, None),
        ("SUPERVISOR_APPROVAL", False, False, None),
    ],
)
def test_the_end_of_a_task_asks_for_evidence(
    verification: str, has_photo: bool, has_notes: bool, lacking: str | None
) -> None:
    assert lacks(verification, has_photo=has_photo, has_notes=has_notes) == lacking
