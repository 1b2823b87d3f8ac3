"""The life of a purchase order: which step may follow which, and how much of it came."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

PENDING: Final = "PENDING"
ORDERED: Final = "ORDERED"
RECEIVED: Final = "RECEIVED"
CANCELLED: Final = "CANCELLED"

_STEPS: Final = {
    PENDING: frozenset({ORDERED, RECEIVED, CANCELLED}),
    ORDERED: frozenset({PENDING, RECEIVED, CANCELLED}),
    RECEIVED: frozenset[str](),
    CANCELLED: frozenset[str](),
}

NONE: Final = "NONE"
PART: Final = "PART"
FULL: Final = "FULL"
OVER: Final = "OVER"

Line = tuple[Decimal, Decimal]
"""What was ordered of something, and what came."""


def may_become(status: str, wanted: str, lines: Iterable[Line]) -> bool:
    """Whether an order may take a step; what came cannot be called off or become a draft again."""
    if wanted not in _STEPS[status]:
        return False
    return wanted in (RECEIVED, ORDERED) or receipt_state(lines) == NONE


def receipt_state(lines: Iterable[Line]) -> str:
    """How much came: OVER when more of some line and no less of any other came than was ordered."""
    known = list(lines)
    if all(came == 0 for _, came in known):
        return NONE
    if any(came < ordered for ordered, came in known):
        return PART
    return OVER if any(came > ordered for ordered, came in known) else FULL


def outstanding(ordered: Decimal, came: Decimal) -> Decimal:
    """What is still to come of a line."""
    return max(ordered - came, Decimal(0))


def line_total(quantity: Decimal, unit_price: Decimal) -> Decimal:
    """What a line costs, to a hundredth."""
    return (quantity * unit_price).quantize(Decimal("0.01"))
