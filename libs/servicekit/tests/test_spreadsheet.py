"""Tables as files that spreadsheet programs open."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit import spreadsheet


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-A1", "-1+1", "--1", "@SUM(A1)", "\t=1", "\r=1"])
def test_nothing_in_a_cell_is_a_formula(formula: str) -> None:
    ((cell,),) = csv.reader(io.StringIO(spreadsheet.lines([[formula]]), newline=""))
    assert cell == f"'{formula}"


@pytest.mark.parametrize("number", [Decimal("-12.50"), -3, "-0.125", 7])
def test_numbers_below_zero_stay_numbers(number: object) -> None:
    assert spreadsheet.lines([[number]]) == f"{number}\r\n"


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(st.lists(CELLS, min_size=2), min_size=1))
def test_every_text_comes_back_as_it_was_but_for_the_mark(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(spreadsheet.lines(rows), newline="")))
    shown = [[cell.removeprefix("'") for cell in row] for row in read]
    assert shown == [[cell.removeprefix("'") for cell in row] for row in rows]


def test_what_is_missing_is_an_empty_cell() -> None:
    assert spreadsheet.lines([[None, "a"]]) == ",a\r\n"


@given(CELLS.filter(lambda text: not text.startswith("'")))
def test_the_mark_is_taken_off_again(text: str) -> None:
    ((cell, _),) = csv.reader(io.StringIO(spreadsheet.lines([[text, ""]]), newline=""))
    assert spreadsheet.unmarked(cell) == text
