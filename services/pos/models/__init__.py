"""Pos's tables."""

import refdata
from services.pos.models.base import Base
from services.pos.models.card import CardPayment, CardRefund
from services.pos.models.menu_category import MenuCategory
from services.pos.models.menu_item import MenuItem, Modifier, ModifierGroup, TaxCategory
from services.pos.models.order import DiningTable, KitchenTicket, Order, OrderCounter, OrderLine
from services.pos.models.payment import BillSettings, Discount, Payment, Refund
from services.pos.models.provider import (
    ExternalObject,
    OAuthState,
    ProviderConnection,
    ProviderEvent,
    ProviderSync,
    VerificationCode,
)
from services.pos.models.receipt import ReceiptSettings
from services.pos.models.saga import OrderSaga
from services.pos.models.stock import StockOut
from services.pos.models.sums import DailySum, SalesDay

TENANT_TABLES = {
    "menu_categories": "restaurant_id",
    "tax_categories": "restaurant_id",
    "menu_items": "restaurant_id",
    "modifier_groups": "restaurant_id",
    "modifiers": "restaurant_id",
    "dining_tables": "restaurant_id",
    "order_counters": "restaurant_id",
    "orders": "restaurant_id",
    "order_lines": "restaurant_id",
    "kitchen_tickets": "restaurant_id",
    "payments": "restaurant_id",
    "refunds": "restaurant_id",
    "discounts": "restaurant_id",
    "bill_settings": "restaurant_id",
    "provider_connections": "restaurant_id",
    "oauth_states": "restaurant_id",
    "external_objects": "restaurant_id",
    "provider_syncs": "restaurant_id",
    "card_payments": "restaurant_id",
    "card_refunds": "restaurant_id",
    "sales_days": "restaurant_id",
    "daily_sums": "restaurant_id",
    "stock_outs": "restaurant_id",
    "order_sagas": "restaurant_id",
    "receipt_settings": "restaurant_id",
    **refdata.TENANT_TABLES,
}
"""Tables under row-level security, with the column that names the restaurant."""

PLATFORM_TABLES = frozenset({"provider_events", "verification_codes"})
"""Tables that belong to no restaurant: whom an event is about turns out later, and a webhook is the platform's own."""

__all__ = [
    "PLATFORM_TABLES",
    "TENANT_TABLES",
    "Base",
    "BillSettings",
    "CardPayment",
    "CardRefund",
    "DailySum",
    "DiningTable",
    "Discount",
    "ExternalObject",
    "KitchenTicket",
    "MenuCategory",
    "MenuItem",
    "Modifier",
    "ModifierGroup",
    "OAuthState",
    "Order",
    "OrderCounter",
    "OrderLine",
    "OrderSaga",
    "Payment",
    "ProviderConnection",
    "ProviderEvent",
    "ProviderSync",
    "ReceiptSettings",
    "Refund",
    "SalesDay",
    "StockOut",
    "TaxCategory",
    "VerificationCode",
]
