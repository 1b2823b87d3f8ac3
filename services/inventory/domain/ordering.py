"""What to order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.inventory.domain.units import Conversion, convert


@dataclass(frozen=True, slots=True)
class Short:
    """An item at or under its reorder level."""

    stock: Decimal
    unit: str
    reorder_level: Decimal
    par_level: Decimal | None
    conversions: Sequence[Conversion] = ()


def suggest(item: Short, coming: Iterable[tuple[Decimal, str]]) -> tuple[Decimal, Decimal]:
    """How much of an item is on its way, and how much more to order, both in its unit.

    An order fills up to the par level, or to twice the reorder level where there is none. Raises NoConversion for what
    comes in a unit that the item does not know.
    """
    expected = sum((convert(quantity, unit, item.unit, item.conversions) for quantity, unit in coming), Decimal(0))
    target = 2 * item.reorder_level if item.par_level is None else item.par_level
    if item.stock + expected > item.reorder_level:
        return expected, Decimal(0)
    return expected, max(target - item.stock - expected, Decimal(0))
