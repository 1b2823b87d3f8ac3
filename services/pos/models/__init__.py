"""Pos's tables."""

import refdata
from services.pos.models.base import Base
from services.pos.models.menu_category import MenuCategory

TENANT_TABLES = {"menu_categories": "restaurant_id", **refdata.TENANT_TABLES}
"""Tables under row-level security, with the column that names the restaurant."""

__all__ = ["TENANT_TABLES", "Base", "MenuCategory"]
