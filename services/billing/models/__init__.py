"""Billing's tables."""

import refdata
from services.billing.models.base import Base
from services.billing.models.entitlement import Entitlement, EntitlementGrant
from services.billing.models.invoice import Invoice
from services.billing.models.plan import Plan, PlanPrice
from services.billing.models.provider import ProviderEvent, Reconciliation
from services.billing.models.subscription import Subscription

TENANT_TABLES = {
    "subscriptions": "restaurant_id",
    "invoices": "restaurant_id",
    "entitlements": "restaurant_id",
    "entitlement_grants": "restaurant_id",
    **refdata.TENANT_TABLES,
}
"""Tables under row-level security, with the column that names the restaurant."""

PLATFORM_TABLES = frozenset({"plans", "plan_prices", "provider_events", "reconciliations"})
"""Tables that belong to no restaurant: the same for everybody, or read by the platform itself only."""

__all__ = [
    "PLATFORM_TABLES",
    "TENANT_TABLES",
    "Base",
    "Entitlement",
    "EntitlementGrant",
    "Invoice",
    "Plan",
    "PlanPrice",
    "ProviderEvent",
    "Reconciliation",
    "Subscription",
]
