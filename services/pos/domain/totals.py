"""What an order costs: lines, discount, service charge and taxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.pos.domain.money import ZERO, allocate, rounded


@dataclass(frozen=True, slots=True)
class TaxedLine:
    """A line's price and how it is taxed; the rate is in percent."""

    amount: Decimal
    rate: Decimal = ZERO
    inclusive: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """An order's amounts; `tax_included` is the part of `tax` that prices contain."""

    subtotal: Decimal
    discount: Decimal
    service_charge: Decimal
    tax: Decimal
    tax_included: Decimal

    @property
    def total(self) -> Decimal:
        """What is to be paid, tips apart."""
        return self.subtotal - self.discount + self.service_charge + self.tax - self.tax_included


def total_of(lines: Sequence[TaxedLine], discount: Decimal, service_rate: Decimal, unit: Decimal) -> Totals:
    """The amounts of an order.

    The discount falls on lines in proportion to their prices and never exceeds them. A tax is worked out once for all
    lines of one rate, on what they cost after the discount, so that rounding does not grow with lines. The service
    charge is a percentage of the discounted lines and is not taxed.
    """
    subtotal = sum((line.amount for line in lines), ZERO)
    discount = min(max(discount, ZERO), subtotal)
    if not lines:
        return Totals(ZERO, ZERO, ZERO, ZERO, ZERO)
    cuts = allocate(discount, [line.amount for line in lines], unit)
    bases: dict[tuple[Decimal, bool], Decimal] = {}
    for line, cut in zip(lines, cuts, strict=True):
        kind = (line.rate, line.inclusive)
        bases[kind] = bases.get(kind, ZERO) + line.amount - cut
    added = included = ZERO
    for (rate, inclusive), base in bases.items():
        if inclusive:
            included += rounded(base * rate / (100 + rate), unit)
        else:
            added += rounded(base * rate / 100, unit)
    charge = rounded((subtotal - discount) * service_rate / 100, unit)
    return Totals(subtotal, discount, charge, added + included, included)
