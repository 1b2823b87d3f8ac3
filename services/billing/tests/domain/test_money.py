"""Amounts survive the way to the payment provider and back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.money import NO_DECIMALS, THREE_DECIMALS, decimals, from_minor, to_minor

CURRENCIES = st.sampled_from(["USD", "MAD", "eur", "JPY", "XOF", "TND", "KWD"])


@given(st.integers(-(10**12), 10**12), CURRENCIES)
def test_there_and_back(amount: int, currency: str) -> None:
    written = from_minor(amount, currency)
    assert to_minor(written, currency) == amount
    assert -written.as_tuple().exponent == decimals(currency)  # type: ignore[operator] # finite


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [(4900, "usd", "49.00"), (4900, "JPY", "4900"), (4900, "TND", "4.900"), (-5, "MAD", "-0.05"), (0, "USD", "0.00")],
)
def test_as_people_write_it(amount: int, currency: str, written: str) -> None:
    assert str(from_minor(amount, currency)) == written


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "USD"), ("0.5", "JPY"), ("0.0001", "TND")])
def test_what_is_finer_than_the_currency_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match="finer"):
        to_minor(Decimal(amount), currency)


def test_a_currency_has_one_number_of_decimals() -> None:
    assert not NO_DECIMALS & THREE_DECIMALS
