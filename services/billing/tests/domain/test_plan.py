"""Only sensible offers can be made."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.plan import MAX_PRICE, Offer, price_of


def offer(**changed: Any) -> Offer:
    given = {"slug": "pro", "name": "Pro", "price": Decimal("29.90"), "currency": "USD", "period": "month"}
    return Offer(**{**given, **changed})


@given(st.decimals(0, MAX_PRICE, places=2))
def test_every_price_in_cents_can_be_asked(price: Decimal) -> None:
    assert offer(price=price_of(str(price))).price == price


@pytest.mark.parametrize(
    "changed",
    [
        {"slug": ""},
        {"slug": "Pro"},
        {"slug": "pro plan"},
        {"slug": "-pro"},
        {"slug": "a" * 51},
        {"name": " "},
        {"name": "a" * 101},
        {"price": Decimal("-0.01")},
        {"price": Decimal("1.001")},
        {"price": MAX_PRICE + 1},
        {"currency": "usd"},
        {"currency": "DOLLAR"},
        {"period": "week"},
    ],
)
def test_what_cannot_be_offered_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"slug|name|price|ISO 4217|period"):
        offer(**changed)


@pytest.mark.parametrize("text", ["", "free", "NaN", "Infinity", "1,50"])
def test_what_is_no_number_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        price_of(text)
