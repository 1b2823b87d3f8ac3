"""What a payment covers, and what a refund gives back."""

from dataclasses import dataclass
from decimal import Decimal

from services.pos.domain.money import ZERO, share


@dataclass(frozen=True, slots=True)
class Settlement:
    """What of the money handed over covers the order, and what is given back as change."""

    amount: Decimal
    change: Decimal


def settle(due: Decimal, handed_over: Decimal, method: str) -> Settlement | None:
    """What a payment covers of the balance due, or None when only cash could give the change that it would need."""
    amount = min(due, handed_over)
    change = handed_over - amount
    if change and method != "CASH":
        return None
    return Settlement(amount, change)


def tip_share(
    paid: Decimal, refunded: Decimal, tip: Decimal, tip_refunded: Decimal, back: Decimal, unit: Decimal
) -> Decimal:
    """The tip that goes back with `back` of an amount: as much of it as of the amount, all of it with the last part.

    `refunded` and `tip_refunded` are what went back before. A tip that stayed when its amount went back stays.
    """
    if paid == 0:
        return tip - tip_refunded
    before = share(refunded, paid, tip, unit)
    after = share(refunded + back, paid, tip, unit)
    return min(after - before, tip - tip_refunded)


def tax_share(total: Decimal, refunded: Decimal, tax: Decimal, back: Decimal, unit: Decimal) -> Decimal:
    """The tax inside what goes back of an order; the shares of all refunds of a whole order sum to its tax."""
    return share(refunded + back, total, tax, unit) - share(refunded, total, tax, unit) if total else ZERO


def refunded_status(amount: Decimal, refunded: Decimal) -> str:
    """The status of a payment of which something was given back."""
    return "REFUNDED" if refunded == amount else "PARTIALLY_REFUNDED"
