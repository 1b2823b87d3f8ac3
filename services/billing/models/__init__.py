"""Billing's tables."""

import refdata
from services.billing.models.base import Base
from services.billing.models.plan import Plan
from services.billing.models.subscription import Subscription

TENANT_TABLES = {"subscriptions": "restaurant_id", **refdata.TENANT_TABLES}
"""Tables under row-level security, with the column that names the restaurant."""

PLATFORM_TABLES = frozenset({"plans"})
"""Tables that belong to no restaurant; the same for everybody."""

__all__ = ["PLATFORM_TABLES", "TENANT_TABLES", "Base", "Plan", "Subscription"]
