"""Pos's tables."""

import refdata
from services.pos.models.base import Base
from services.pos.models.menu_category import MenuCategory
from services.pos.models.menu_item import MenuItem, Modifier, ModifierGroup, TaxCategory
from services.pos.models.order import DiningTable, KitchenTicket, Order, OrderCounter, OrderLine
from services.pos.models.payment import BillSettings, Discount, Payment, Refund

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
    **refdata.TENANT_TABLES,
}
"""Tables under row-level security, with the column that names the restaurant."""

__all__ = [
    "TENANT_TABLES",
    "Base",
    "BillSettings",
    "DiningTable",
    "Discount",
    "KitchenTicket",
    "MenuCategory",
    "MenuItem",
    "Modifier",
    "ModifierGroup",
    "Order",
    "OrderCounter",
    "OrderLine",
    "Payment",
    "Refund",
    "TaxCategory",
]
