"""An item while its stock is being moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain import units
from services.inventory.domain.ledger import OUT, Balance
from services.inventory.domain.units import Conversion


@dataclass(slots=True)
class Holding:
    """An item whose balance is locked, and what it stands at."""

    item_id: UUID
    name: str
    unit: str
    conversions: tuple[Conversion, ...]
    reorder_level: Decimal | None
    is_active: bool
    balance: Balance
    state: str
    moved_at: datetime | None
    state_version: int = 0

    @property
    def has_run_out(self) -> bool:
        """Whether there was something of it and nothing is left; what never was in stock has not run out."""
        return self.state == OUT and self.state_version > 0

    def in_own_unit(self, quantity: Decimal, unit: str | None) -> Decimal:
        """A quantity in the item's unit. Raises NoConversion when the item does not know the other unit."""
        if unit is None or unit == self.unit:
            return quantity
        return units.convert(quantity, unit, self.unit, self.conversions)


def conversions_of(stored: Sequence[Any]) -> tuple[Conversion, ...]:
    """An item's conversions as they are kept in its row."""
    return tuple(Conversion(one["unit"], Decimal(one["quantity"]), one["of_unit"]) for one in stored)
