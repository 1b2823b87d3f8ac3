"""What makes an offer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from entitlements.names import ALWAYS, is_name

PERIODS: Final = ("month", "year")
MAX_PRICE: Final = Decimal("99999999.99")
MAX_TRIAL_DAYS: Final = 90
_MONTHS: Final = {"month": 1, "year": 12}
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
    entitled_features: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    trial_days: int = 0
    # What everybody has who pays for nothing; at most one plan is that.
    is_base: bool = False

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
        if not 0 <= self.trial_days <= MAX_TRIAL_DAYS:
            raise ValueError(f"a trial lasts 0 to {MAX_TRIAL_DAYS} days")
        if self.is_base and (self.price or self.trial_days):
            raise ValueError("the base plan costs nothing and needs no trial")
        self._check_entitlements()

    def _check_entitlements(self) -> None:
        for name in (*self.entitled_features, *self.limits):
            if not is_name(name):
                raise ValueError(f"{name!r} is no feature: small letters, digits, underscores and points")
            if name in ALWAYS:
                raise ValueError(f"{name!r} is no feature of a plan: it works for everybody, always")
        if any(value < 0 for value in self.limits.values()):
            raise ValueError("a limit is not negative")


def price_of(text: str) -> Decimal:
    """A price as it was typed. Raises ValueError for what is no finite number."""
    try:
        price = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no number") from error
    if not price.is_finite():
        raise ValueError(f"{text!r} is no finite number")
    return price


def is_dearer(price: Decimal, period: str, than_price: Decimal, than_period: str) -> bool:
    """Whether a plan costs more per month than another one, or as much and binds for longer."""
    months, than_months = _MONTHS[period], _MONTHS[than_period]
    return (price * than_months, months) > (than_price * months, than_months)


def limit_of(text: str) -> tuple[str, int]:
    """A limit as it was typed, such as staff=25. Raises ValueError."""
    name, sign, value = text.partition("=")
    if not sign or not value.isdecimal():
        raise ValueError(f"{text!r} is no limit such as staff=25")
    return name, int(value)
