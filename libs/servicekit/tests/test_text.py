"""Names are one line and never blank."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import Invalid
from servicekit.text import tidy_name


@given(st.text())
def test_a_name_is_blank_or_one_tidy_line(text: str) -> None:
    if not text.strip():
        with pytest.raises(Invalid) as refused:
            tidy_name(text)
        assert refused.value.fields == {"name": ["This field may not be blank."]}
    else:
        name = tidy_name(text)
        assert name == tidy_name(name)
        assert "  " not in name
        assert len(name.splitlines()) == 1
        assert name.replace(" ", "") == "".join(text.split())


def test_the_complaint_names_the_field() -> None:
    with pytest.raises(Invalid) as refused:
        tidy_name(" \t ", "title")
    assert list(refused.value.fields) == ["title"]
