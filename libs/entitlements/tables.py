"""The table, as every service keeps it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from servicekit import tables

_metadata = tables.metadata()

entitlement_ref = sa.Table(
    "entitlement_ref",
    _metadata,
    sa.Column("restaurant_id", sa.Uuid, primary_key=True),
    sa.Column("unlimited", sa.Boolean, nullable=False),
    sa.Column("features", ARRAY(sa.Text), nullable=False),
    # {name: how much of it there may be}; what is not named is not limited.
    sa.Column("limits", JSONB, nullable=False),
    sa.Column("plan", sa.String(50)),
    # subscribed, trial, grace, unpaid, base or open.
    sa.Column("reason", sa.String(20), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""What each restaurant may use; `version` is billing's and tells a newer state from an older one."""

TENANT_TABLES = {"entitlement_ref": "restaurant_id"}
"""The column that names the restaurant, for the row-level policies."""


def attach(target: sa.MetaData) -> None:
    """Adds the table to a service's MetaData, so that its migrations know it."""
    for table in _metadata.sorted_tables:
        table.to_metadata(target)
