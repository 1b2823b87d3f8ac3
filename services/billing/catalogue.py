"""The plans that a new platform begins with; an operator changes them as they like."""

from decimal import Decimal
from typing import Final

from services.billing.domain.plan import Offer

_PRO: Final = ("api_access", "forecasting", "schedule_optimizer")

STANDARD: Final = (
    Offer(
        slug="free",
        name="Free",
        price=Decimal(0),
        currency="USD",
        period="month",
        features=("Up to 15 people", "Schedules, time clock and point of sale"),
        limits={"staff": 15},
        is_base=True,
    ),
    Offer(
        slug="pro",
        name="Pro",
        price=Decimal("49.00"),
        currency="USD",
        period="month",
        features=("Up to 60 people", "Optimised schedules and forecasts", "Keys for integrators"),
        entitled_features=_PRO,
        limits={"staff": 60},
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
        limits={"staff": 60},
    ),
    Offer(
        slug="premium",
        name="Premium",
        price=Decimal("99.00"),
        currency="USD",
        period="month",
        features=("As many people as you like", "Everything in Pro", "Recall and allergen tracing"),
        entitled_features=(*_PRO, "recall"),
    ),
)
