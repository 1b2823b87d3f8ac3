"""The steps of an order, and how much of it came."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.domain.ordering import Short, suggest
from services.inventory.domain.purchase_order import line_total, may_become, outstanding, receipt_state

D = Decimal
STATUSES = ("PENDING", "ORDERED", "RECEIVED", "CANCELLED")
QUANTITIES = st.decimals("0.001", "1000", places=3)


@pytest.mark.parametrize("wanted", STATUSES)
def test_nothing_follows_the_end(wanted: str) -> None:
    assert not may_become("RECEIVED", wanted, [])
    assert not may_become("CANCELLED", wanted, [])


def test_what_came_in_part_can_be_finished_but_not_called_off() -> None:
    part = [(D(10), D(4))]
    assert may_become("ORDERED", "RECEIVED", part)
    assert not may_become("ORDERED", "CANCELLED", part)
    assert may_become("ORDERED", "CANCELLED", [(D(10), D(0))])


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([], "NONE"),
        ([(10, 0), (5, 0)], "NONE"),
        ([(10, 4), (5, 0)], "PART"),
        ([(10, 12), (5, 0)], "PART"),
        ([(10, 10), (5, 5)], "FULL"),
        ([(10, 12), (5, 5)], "OVER"),
    ],
)
def test_how_much_came(lines: list[tuple[int, int]], state: str) -> None:
    assert receipt_state((D(ordered), D(came)) for ordered, came in lines) == state


@given(ordered=QUANTITIES, came=QUANTITIES)
def test_what_is_outstanding_completes_a_line_and_is_never_negative(ordered: Decimal, came: Decimal) -> None:
    rest = outstanding(ordered, came)
    assert rest >= 0
    assert came + rest == max(ordered, came)


def test_a_line_is_rounded_to_a_hundredth() -> None:
    assert line_total(D("0.333"), D("9.99")) == D("3.33")


@given(stock=QUANTITIES, level=QUANTITIES, par=QUANTITIES, coming=QUANTITIES)
def test_a_suggestion_never_overshoots_what_it_fills_up_to(
    stock: Decimal, level: Decimal, par: Decimal, coming: Decimal
) -> None:
    expected, quantity = suggest(Short(stock, "kg", level, par), [(coming * 1000, "g")])
    assert expected == coming
    assert quantity >= 0
    if quantity:
        assert stock + expected + quantity == par
