"""Amounts as the payment provider counts them, in the smallest unit of a currency, and as people write them."""

from decimal import Decimal
from typing import Final

NO_DECIMALS: Final = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905 - reads better than a list
)
THREE_DECIMALS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


def decimals(currency: str) -> int:
    """How many digits stand behind the point in a currency, as the payment provider has it."""
    code = currency.upper()
    if code in NO_DECIMALS:
        return 0
    return 3 if code in THREE_DECIMALS else 2


def from_minor(amount: int, currency: str) -> Decimal:
    """An amount in the smallest unit as a decimal number, with all its digits behind the point."""
    return Decimal(amount).scaleb(-decimals(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in the smallest unit. Raises ValueError for one that is finer than that."""
    scaled = amount.scaleb(decimals(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} is finer than the smallest unit of {currency}")
    return int(scaled)
