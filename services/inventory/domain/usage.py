"""What became of an item between two instants."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Usage:
    """Quantities of one item: what was there at the end, and what moved by cause."""

    closing: Decimal
    received: Decimal
    sold: Decimal
    wasted: Decimal
    adjusted: Decimal
    counted: Decimal

    @property
    def opening(self) -> Decimal:
        """What was there at the beginning."""
        return self.closing - self.received - self.adjusted - self.counted + self.sold + self.wasted

    @property
    def actual(self) -> Decimal:
        """What is gone: sold, thrown away, or missing when somebody counted."""
        return self.sold + self.wasted - self.counted

    @property
    def variance(self) -> Decimal:
        """What is gone beyond what sales account for."""
        return self.actual - self.sold
