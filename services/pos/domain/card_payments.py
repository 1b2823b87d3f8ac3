"""Card payments: how the change here and the one at the provider are kept in step."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from services.pos.domain.money import ZERO

WAITING: Final = "WAITING"
CAPTURED: Final = "CAPTURED"
CANCELLED: Final = "CANCELLED"
RETURNING: Final = "RETURNING"
RETURNED: Final = "RETURNED"

PENDING: Final = "PENDING"
SUCCEEDED: Final = "SUCCEEDED"
FAILED: Final = "FAILED"

LOOK_AFTER: Final = timedelta(minutes=2)
"""When the provider is asked about a payment of which nothing was heard."""
GIVE_UP_AFTER: Final = timedelta(hours=1)
"""When a payment that nobody confirmed is cancelled."""

_STEPS: Final[dict[str, frozenset[str]]] = {
    WAITING: frozenset({CAPTURED, CANCELLED, RETURNING}),
    CAPTURED: frozenset({RETURNING}),
    CANCELLED: frozenset(),
    RETURNING: frozenset({RETURNED}),
    RETURNED: frozenset(),
}
_REFUND_STEPS: Final[dict[str, frozenset[str]]] = {
    PENDING: frozenset({SUCCEEDED, FAILED}),
    SUCCEEDED: frozenset({FAILED}),
    FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Split:
    """What of the money that came covers the order, its tip, and what nothing was due for."""

    amount: Decimal
    tip: Decimal
    surplus: Decimal


def may_become(status: str, wanted: str) -> bool:
    """Whether a card payment of one status may take another."""
    return wanted in _STEPS[status]


def refund_may_become(status: str, wanted: str) -> bool:
    """Whether a refund at the provider of one status may take another; banks refuse some after they were made."""
    return wanted in _REFUND_STEPS[status]


def split(due: Decimal, amount: Decimal, tip: Decimal) -> Split:
    """What becomes of money that came: no more than is due is taken, and no tip without anything that it is for."""
    taken = min(due, amount)
    if taken <= 0:
        return Split(ZERO, ZERO, amount + tip)
    return Split(taken, tip, amount - taken)


def room(due: Decimal, under_way: Decimal) -> Decimal:
    """What another card payment may be for: what is due and no other one is under way for."""
    return max(due - under_way, ZERO)


def minor_units(amount: Decimal, unit: Decimal) -> int:
    """An amount in the currency's smallest unit, as the provider counts."""
    return int(amount / unit)
