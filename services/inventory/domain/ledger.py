"""The arithmetic of the stock ledger: what a movement adds to it, at which cost, by moving average.

Every entry carries its quantity and its value, so the balance is nothing but their sum. What leaves is valued at the
average; the last unit takes along whatever value is left. Where a movement would leave a value that contradicts the
quantity (stock that was sold before it was received, a receipt reversed after its goods went out), a second entry
without quantity brings the value right and says by how much.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

ZERO: Final = Decimal(0)
QUANTITY: Final = Decimal("0.000001")
MONEY: Final = Decimal("0.0001")
COST: Final = Decimal("0.000001")

OK: Final = "OK"
LOW: Final = "LOW"
OUT: Final = "OUT"


@dataclass(frozen=True, slots=True)
class Balance:
    """What is there of an item, what it is worth, and the cost at which the next unit leaves."""

    quantity: Decimal = ZERO
    value: Decimal = ZERO
    unit_cost: Decimal = ZERO
    entries: int = 0


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of the ledger, with the balance after it."""

    number: int
    quantity: Decimal
    unit_cost: Decimal
    value: Decimal
    after: Balance
    revalues: bool = False


def money(amount: Decimal) -> Decimal:
    """An amount as the ledger keeps it."""
    return amount.quantize(MONEY, rounding=ROUND_HALF_EVEN)


def post(balance: Balance, quantity: Decimal, unit_cost: Decimal | None = None) -> list[Posting]:
    """What a movement adds to the ledger.

    What comes in costs `unit_cost`, or the present average where nothing is known; what goes out leaves at the average.
    """
    quantity = quantity.quantize(QUANTITY, rounding=ROUND_HALF_EVEN)
    cost = balance.unit_cost if unit_cost is None or quantity < 0 else unit_cost.quantize(COST)
    takes_the_rest = quantity < 0 and balance.quantity + quantity == 0
    value = -balance.value if takes_the_rest else money(quantity * cost)
    return _settled(balance, quantity, cost, value)


def reverse(balance: Balance, quantity: Decimal, unit_cost: Decimal, value: Decimal) -> list[Posting]:
    """What undoing an entry adds to the ledger: the same quantity and value the other way round."""
    return _settled(balance, -quantity, unit_cost, -value)


def revalue(balance: Balance, unit_cost: Decimal) -> list[Posting]:
    """What it takes to value the stock at another cost; nothing when there is no stock to value."""
    target = money(balance.quantity * unit_cost)
    if target == balance.value:
        return []
    return [_posting(balance, ZERO, unit_cost, target - balance.value, unit_cost, revalues=True)]


def _settled(balance: Balance, quantity: Decimal, cost: Decimal, value: Decimal) -> list[Posting]:
    before, after = balance.quantity, balance.quantity + quantity
    worth = balance.value + value
    covers_debt = before < 0 < quantity
    next_cost = _average(after, worth, cost if quantity > 0 else balance.unit_cost)
    if covers_debt and after > 0:
        # What was sold before it came in left at a guess; what stays costs what was paid.
        next_cost = cost
    elif after <= 0 and quantity < 0:
        next_cost = balance.unit_cost
    elif after < 0:
        next_cost = cost
    first = _posting(balance, quantity, cost, value, next_cost)
    contradicts = after == 0 or after < 0 or worth < 0 or covers_debt
    target = money(after * next_cost)
    if not contradicts or target == worth:
        return [first]
    return [first, _posting(first.after, ZERO, next_cost, target - worth, next_cost, revalues=True)]


def _average(quantity: Decimal, value: Decimal, otherwise: Decimal) -> Decimal:
    if quantity <= 0 or value < 0:
        return otherwise
    return (value / quantity).quantize(COST, rounding=ROUND_HALF_EVEN)


def _posting(
    balance: Balance, quantity: Decimal, cost: Decimal, value: Decimal, next_cost: Decimal, *, revalues: bool = False
) -> Posting:
    after = replace(
        balance,
        quantity=balance.quantity + quantity,
        value=balance.value + value,
        unit_cost=next_cost,
        entries=balance.entries + 1,
    )
    return Posting(after.entries, quantity, cost, value, after, revalues)


def state_of(quantity: Decimal, reorder_level: Decimal | None) -> str:
    """OUT when nothing is left, LOW at or under the reorder level, OK above it."""
    if quantity <= 0:
        return OUT
    return LOW if reorder_level is not None and quantity <= reorder_level else OK


def totals(postings: Sequence[Posting]) -> tuple[Decimal, Decimal]:
    """The quantity and the value that entries add up to."""
    return sum((one.quantity for one in postings), ZERO), sum((one.value for one in postings), ZERO)
