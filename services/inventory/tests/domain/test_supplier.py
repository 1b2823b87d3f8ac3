"""Phone numbers as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.domain.supplier import is_phone


@given(
    digits=st.text("0123456789", min_size=10, max_size=15),
    plus=st.booleans(),
    separators=st.lists(st.sampled_from(["", " ", "-", ".", "(", ")"]), min_size=15, max_size=15),
)
def test_separators_do_not_matter(digits: str, plus: bool, separators: list[str]) -> None:
    spaced = "".join(digit + separator for digit, separator in zip(digits, separators, strict=False))
    assert is_phone("+" * plus + spaced)


@pytest.mark.parametrize(
    "text",
    ["", "   ", "123456789", "1234567890123456", "+212 5 22 AB 34 56", "++212522334455", "0522+334455", "0522,334455"],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    assert not is_phone(text)
