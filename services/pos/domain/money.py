"""Amounts of money: digits of currencies, rounding, and dividing without losing a cent."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

ZERO: Final = Decimal(0)
STORED: Final = Decimal("0.001")
"""What amounts are kept in, whatever the currency."""

# ISO 4217; every other currency has two digits.
_WITHOUT_DIGITS: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_WITH_THREE_DIGITS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def unit_of(currency: str) -> Decimal:
    """The smallest amount of a currency, such as 0.01."""
    if currency in _WITHOUT_DIGITS:
        return Decimal(1)
    return Decimal("0.001") if currency in _WITH_THREE_DIGITS else Decimal("0.01")


def is_whole(amount: Decimal, unit: Decimal) -> bool:
    """Whether an amount can be paid in the currency."""
    return amount % unit == 0


def rounded(amount: Decimal, unit: Decimal) -> Decimal:
    """An amount that can be paid, half a unit rounded up."""
    return amount.quantize(unit, ROUND_HALF_UP)


def allocate(total: Decimal, weights: Sequence[Decimal], unit: Decimal) -> list[Decimal]:
    """Divides an amount in proportion to weights; the parts always sum to the whole.

    Each part differs by less than one unit from its exact share; units left over go to the largest remainders, the
    first among equals. Without any weight the first part takes all. Raises ValueError for nothing to divide among, a
    negative weight or a total that is not whole.
    """
    if not weights or min(weights) < 0 or total < 0 or not is_whole(total, unit):
        raise ValueError("an amount is divided among at least one weight, and none is negative")
    whole = sum(weights, ZERO)
    if whole == 0:
        return [total] + [ZERO] * (len(weights) - 1)
    units = total / unit
    exact = [units * weight / whole for weight in weights]
    parts = [share.quantize(Decimal(1), ROUND_FLOOR) for share in exact]
    left = int(units - sum(parts, ZERO))
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[:left]:
        parts[index] += 1
    return [part * unit for part in parts]


def share(part: Decimal, whole: Decimal, amount: Decimal, unit: Decimal) -> Decimal:
    """What `part` of `whole` has of an amount: nothing for nothing, and all of it for the whole."""
    return rounded(amount * part / whole, unit) if whole else ZERO
