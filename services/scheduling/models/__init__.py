"""Scheduling's tables."""

import refdata
from services.scheduling.models.base import Base
from services.scheduling.models.task_category import TaskCategory

TENANT_TABLES = {"task_categories": "restaurant_id", **refdata.TENANT_TABLES}
"""Tables under row-level security, with the column that names the restaurant."""

__all__ = ["TENANT_TABLES", "Base", "TaskCategory"]
