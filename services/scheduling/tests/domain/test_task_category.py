"""Colours are kept in one form."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain.task_category import DEFAULT_COLOR, normal_color


def test_no_colour_is_the_default() -> None:
    assert normal_color(None) == DEFAULT_COLOR
    assert normal_color("") == DEFAULT_COLOR


@given(st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True))
def test_a_colour_keeps_its_value_whatever_its_case(color: str) -> None:
    kept = normal_color(color)
    assert re.fullmatch(r"#[0-9A-F]{6}", kept)
    assert int(kept[1:], 16) == int(color[1:], 16)
