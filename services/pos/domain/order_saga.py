"""Order, stock and payment in step: what an order has of the stock, and what is undone when one of the three fails.

Where the stock follows sales, it hears of an order when that is paid. Where it is reserved first, it sets aside what
the order needs before the kitchen begins. Either way it is asked by events and answers by events, which come late,
twice or in another order, so a fact that a state has no step for leaves it as it is. The stock does each step once for
an order, and what it was asked to release before it heard of it, it never gives.
"""

from datetime import timedelta
from typing import Final

OPEN: Final = "OPEN"
"""Nothing is set aside, and nobody asked for it."""
RESERVING: Final = "RESERVING"
"""The stock is to set aside what the order needs; the kitchen and the till wait."""
RESERVED: Final = "RESERVED"
TAKING: Final = "TAKING"
"""The order is paid, and the stock is to take out what it needed."""
TAKEN: Final = "TAKEN"
RELEASING: Final = "RELEASING"
"""The order is undone, and the stock is to put back what it set aside or took out."""
RELEASED: Final = "RELEASED"
REFUSED: Final = "REFUSED"
"""The stock does not have what the order needs."""

STATES: Final = (OPEN, RESERVING, RESERVED, TAKING, TAKEN, RELEASING, RELEASED, REFUSED)
FINAL: Final = frozenset({RELEASED, REFUSED})

PAID: Final = "PAID"
UNDONE: Final = "UNDONE"
"""The order was cancelled, or all of its money was given back."""
OVERDUE: Final = "OVERDUE"
"""The stock has not answered within the state's patience."""
STOCK_RESERVED: Final = "STOCK_RESERVED"
STOCK_REFUSED: Final = "STOCK_REFUSED"
STOCK_TAKEN: Final = "STOCK_TAKEN"
STOCK_RELEASED: Final = "STOCK_RELEASED"

FACTS: Final = (PAID, UNDONE, OVERDUE, STOCK_RESERVED, STOCK_REFUSED, STOCK_TAKEN, STOCK_RELEASED)

_STEPS: Final[dict[str, dict[str, str]]] = {
    OPEN: {PAID: TAKING, UNDONE: RELEASED},
    RESERVING: {STOCK_RESERVED: RESERVED, STOCK_REFUSED: REFUSED, UNDONE: RELEASING, OVERDUE: RELEASING},
    RESERVED: {PAID: TAKING, UNDONE: RELEASING},
    TAKING: {STOCK_TAKEN: TAKEN, UNDONE: RELEASING},
    TAKEN: {UNDONE: RELEASING},
    RELEASING: {STOCK_RELEASED: RELEASED},
    RELEASED: {},
    REFUSED: {},
}
_PATIENCE: Final = {
    RESERVING: timedelta(seconds=30),
    TAKING: timedelta(minutes=1),
    RELEASING: timedelta(minutes=1),
}


def first(*, reserve: bool) -> str:
    """The state that an order begins in, whether or not its stock is reserved first."""
    return RESERVING if reserve else OPEN


def after(state: str, fact: str) -> str:
    """The state that follows from a fact; the same one where it says nothing new."""
    return _STEPS[state].get(fact, state)


def may_pay(state: str) -> bool:
    """Whether an order may be paid: not before the stock has answered, and not once it is undone."""
    return PAID in _STEPS[state]


def patience(state: str) -> timedelta | None:
    """How long the stock may take for what the state asks of it, or None where it is asked for nothing.

    Overdue, a reservation is given up; what has to happen is asked for again.
    """
    return _PATIENCE.get(state)
