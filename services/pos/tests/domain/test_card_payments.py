"""What becomes of money that came by card."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.pos.domain.card_payments import room, split

CENTS = st.integers(0, 10**8).map(lambda cents: Decimal(cents) / 100)


@given(due=CENTS, amount=CENTS, tip=CENTS)
def test_all_that_came_is_taken_or_goes_back_and_never_more_than_is_due(
    due: Decimal, amount: Decimal, tip: Decimal
) -> None:
    parts = split(due, amount, tip)
    assert parts.amount + parts.tip + parts.surplus == amount + tip
    assert 0 <= parts.amount <= due
    assert parts.surplus >= 0
    assert parts.amount > 0 or parts.tip == 0


@given(due=CENTS, under_way=CENTS)
def test_payments_under_way_never_promise_more_than_is_due(due: Decimal, under_way: Decimal) -> None:
    assert 0 <= room(due, under_way) <= due
    assert room(due, under_way) + min(under_way, due) == due
