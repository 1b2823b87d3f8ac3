"""Hours as seconds and as text."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.timeclock.domain.shift_review import as_h_mm_ss, seconds_of


@pytest.mark.parametrize(
    ("hours", "seconds", "text"),
    [
        ("0", 0, "0:00:00"),
        ("8", 28_800, "8:00:00"),
        ("7.75", 27_900, "7:45:00"),
        ("0.01", 36, "0:00:36"),
        ("123.45", 444_420, "123:27:00"),
    ],
)
def test_hours_in_other_words(hours: str, seconds: int, text: str) -> None:
    assert seconds_of(Decimal(hours)) == seconds
    assert as_h_mm_ss(seconds) == text


@given(st.decimals(0, Decimal("9999.99"), places=2))
def test_nothing_is_lost(hours: Decimal) -> None:
    seconds = seconds_of(hours)
    assert Decimal(seconds) == hours * 3600
    h, m, s = as_h_mm_ss(seconds).split(":")
    assert (len(m), len(s)) == (2, 2)
    assert (int(h) * 60 + int(m)) * 60 + int(s) == seconds
