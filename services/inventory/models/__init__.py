"""Inventory's tables."""

import refdata
from services.inventory.models.adjustment import StockAdjustment
from services.inventory.models.base import Base
from services.inventory.models.count import StockCount, StockCountLine
from services.inventory.models.item import Item, StockBalance, StockEntry, StockSum
from services.inventory.models.purchase_order import PurchaseOrder, PurchaseOrderLine
from services.inventory.models.recipe import MenuItemRef, Recipe, RecipeIngredient, SaleDepletion
from services.inventory.models.supplier import Supplier

TENANT_TABLES = {
    "suppliers": "restaurant_id",
    "items": "restaurant_id",
    "stock_balances": "restaurant_id",
    "stock_entries": "restaurant_id",
    "stock_sums": "restaurant_id",
    "stock_adjustments": "restaurant_id",
    "stock_counts": "restaurant_id",
    "stock_count_lines": "restaurant_id",
    "purchase_orders": "restaurant_id",
    "purchase_order_lines": "restaurant_id",
    "menu_item_ref": "restaurant_id",
    "recipes": "restaurant_id",
    "recipe_ingredients": "restaurant_id",
    "sale_depletions": "restaurant_id",
    **refdata.TENANT_TABLES,
}
"""Tables under row-level security, with the column that names the restaurant."""

__all__ = [
    "TENANT_TABLES",
    "Base",
    "Item",
    "MenuItemRef",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "Recipe",
    "RecipeIngredient",
    "SaleDepletion",
    "StockAdjustment",
    "StockBalance",
    "StockCount",
    "StockCountLine",
    "StockEntry",
    "StockSum",
    "Supplier",
]
