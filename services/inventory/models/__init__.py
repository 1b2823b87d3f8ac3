"""Inventory's tables."""

import refdata
from services.inventory.models.base import Base
from services.inventory.models.supplier import Supplier

TENANT_TABLES = {"suppliers": "restaurant_id", **refdata.TENANT_TABLES}
"""Tables under row-level security, with the column that names the restaurant."""

__all__ = ["TENANT_TABLES", "Base", "Supplier"]
