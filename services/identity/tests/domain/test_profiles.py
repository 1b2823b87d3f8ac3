"""Who changes what in a profile."""

from typing import Any

import pytest

from services.identity.domain.profiles import MAX_LIST_CHARACTERS, MAX_LIST_ITEMS, list_problem, not_ones_own


def test_people_keep_their_contacts_and_skills_and_nothing_about_their_pay() -> None:
    assert not_ones_own({"emergency_contact_name", "date_of_birth", "skills", "profile_image"}) == []
    assert not_ones_own({"skills", "notes", "hourly_rate", "department"}) == ["department", "hourly_rate", "notes"]


@pytest.mark.parametrize("value", [[], ["Grill"], [{"name": "HACCP", "until": "2027-01-01"}, "Bar"]])
def test_lists_of_texts_and_objects_are_taken(value: Any) -> None:
    assert list_problem(value, 100) is None


@pytest.mark.parametrize(
    ("value", "length", "problem"),
    [
        ({"a": 1}, 10, "Expected a list of items."),
        ("Grill", 10, "Expected a list of items."),
        (["x"] * (MAX_LIST_ITEMS + 1), 10, "The list is too long."),
        (["x"], MAX_LIST_CHARACTERS + 1, "The list is too long."),
        ([1], 3, "The items must be texts or objects."),
        ([None], 6, "The items must be texts or objects."),
    ],
)
def test_other_values_are_refused(value: Any, length: int, problem: str) -> None:
    assert list_problem(value, length) == problem
