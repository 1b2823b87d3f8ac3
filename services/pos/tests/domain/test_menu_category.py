"""A section's identity in a till system is whole or absent."""

import pytest

from services.pos.domain.menu_category import external_problem


@pytest.mark.parametrize(
    ("provider", "external_id", "field"),
    [
        (None, None, None),
        ("SQUARE", "C1", None),
        (None, "C1", "external_provider"),
        ("SQUARE", None, "external_id"),
        ("SQUARE", "", "external_id"),
        ("", "C1", "external_provider"),
    ],
)
def test_half_an_identity_is_a_problem_of_the_missing_half(
    provider: str | None, external_id: str | None, field: str | None
) -> None:
    problem = external_problem(provider, external_id)
    assert (problem and problem[0]) == field
