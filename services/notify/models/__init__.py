"""Notify's tables."""

import refdata
from services.notify.models.base import Base
from services.notify.models.preferences import Preferences

TENANT_TABLES = {"preferences": "restaurant_id", **refdata.TENANT_TABLES}
"""Tables under row-level security, with the column that names the restaurant."""

__all__ = ["TENANT_TABLES", "Base", "Preferences"]
