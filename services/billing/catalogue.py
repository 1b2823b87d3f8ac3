"""The plans that a new platform begins with; an operator changes them as they like."""

from decimal import Decimal
from typing import Final

from services.billing.domain.plan import Offer

_EVERYBODY: Final = ("api_access",)
_PRO: Final = (*_EVERYBODY, "forecasting", "schedule_optimizer")

STANDARD: Final = (
    Offer(
        slug="free",
        name="Free",
        price=Decimal(0),
        currency="USD",
        period="month",
        features=("Schedules, time clock, stock and point of sale", "Keys for integrators"),
        entitled_features=_EVERYBODY,
        is_base=True,
    ),
    Offer(
        slug="pro",
        name="Pro",
        price=Decimal("49.00"),
        currency="USD",
        period="month",
        features=("Optimised schedules", "Forecasts"),
        entitled_features=_PRO,
        trial_days=14,
    ),
    Offer(
        slug="pro-yearly",
        name="Pro, yearly",
        price=Decimal("490.00"),
        currency="USD",
        period="year",
        features=("Pro, two months free",),
        entitled_features=_PRO,
    ),
    Offer(
        slug="premium",
        name="Premium",
        price=Decimal("99.00"),
        currency="USD",
        period="month",
        features=("Everything in Pro", "Recall and allergen tracing"),
        entitled_features=(*_PRO, "recall"),
    ),
)
