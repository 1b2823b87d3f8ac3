"""What makes an offer."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

PERIODS: Final = ("month", "year")
MAX_PRICE: Final = Decimal("99999999.99")
_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan as its operator describes it."""

    slug: str
    name: str
    price: Decimal
    currency: str
    period: str
    features: tuple[str, ...] = ()
    stripe_price_id: str | None = None
    is_active: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError for an offer that cannot be made."""
        if not (_SLUG.fullmatch(self.slug) and len(self.slug) <= 50):
            raise ValueError(f"{self.slug!r} is no slug of at most 50 small letters, digits and single hyphens")
        if not self.name.strip() or len(self.name) > 100:
            raise ValueError("the name has 1 to 100 characters")
        if not 0 <= self.price <= MAX_PRICE or self.price != self.price.quantize(_CENT):
            raise ValueError(f"{self.price} is no price between 0 and {MAX_PRICE} with at most two decimals")
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError(f"{self.currency!r} is no ISO 4217 code")
        if self.period not in PERIODS:
            raise ValueError(f"the period is one of {', '.join(PERIODS)}")


def price_of(text: str) -> Decimal:
    """A price as it was typed. Raises ValueError for what is no finite number."""
    try:
        price = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no number") from error
    if not price.is_finite():
        raise ValueError(f"{text!r} is no finite number")
    return price
