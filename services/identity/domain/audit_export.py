"""The columns of the audit trail as a table."""

from typing import Final

HEADER: Final = (
    "timestamp",
    "actor",
    "user",
    "action",
    "entity_type",
    "entity_id",
    "description",
    "old_values",
    "new_values",
    "ip_address",
    "service",
    "request_id",
)
