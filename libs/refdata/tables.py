"""The two tables, as every service keeps them.

No other table refers to them by a foreign key: an event about a person may arrive later than what the person did.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from servicekit import tables

_metadata = tables.metadata()

restaurant_ref = sa.Table(
    "restaurant_ref",
    _metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("restaurant_type", sa.String(20), nullable=False),
    sa.Column("timezone", sa.String(64), nullable=False),
    sa.Column("currency", sa.String(10), nullable=False),
    sa.Column("language", sa.String(10), nullable=False),
    # Degrees; absent until the restaurant's place is set.
    sa.Column("latitude", sa.Numeric(9, 6)),
    sa.Column("longitude", sa.Numeric(9, 6)),
    # Metres around the place, and the corners [[latitude, longitude], ...] that go before it where there are any.
    sa.Column("radius", sa.Numeric(9, 2), nullable=False),
    sa.Column("geofence_enabled", sa.Boolean, nullable=False),
    sa.Column("geofence_polygon", JSONB, nullable=False),
    # {Monday..Sunday: {open, close, isClosed}}
    sa.Column("operating_hours", JSONB, nullable=False),
    sa.Column("automatic_clock_out", sa.Boolean, nullable=False),
    # Minutes.
    sa.Column("break_duration", sa.Integer, nullable=False),
    sa.Column("max_weekly_hours", sa.Numeric(5, 2), nullable=False),
    sa.Column("min_rest_hours", sa.Numeric(4, 2), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""The restaurant as its settings stand; `version` is identity's and tells a newer state from an older one."""

staff_ref = sa.Table(
    "staff_ref",
    _metadata,
    # A person who moves leaves an inactive row behind: the former restaurant goes on naming whom it worked with.
    sa.Column("restaurant_id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("first_name", sa.String(150), nullable=False),
    sa.Column("last_name", sa.String(150), nullable=False),
    sa.Column("email", sa.String(254), nullable=False),
    sa.Column("phone", sa.String(20)),
    sa.Column("role", sa.String(40), nullable=False),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("language", sa.String(10), nullable=False),
    sa.Column("department", sa.String(100)),
    sa.Column("position", sa.String(100)),
    # ["barista", "cellar", ...]
    sa.Column("skills", JSONB, nullable=False, server_default="[]"),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""The people of a restaurant, the inactive ones too."""

TENANT_TABLES = {"restaurant_ref": "id", "staff_ref": "restaurant_id"}
"""The column that names the restaurant, for the row-level policies."""


def attach(target: sa.MetaData) -> None:
    """Adds the tables to a service's MetaData, so that its migrations know them."""
    for table in _metadata.sorted_tables:
        table.to_metadata(target)
