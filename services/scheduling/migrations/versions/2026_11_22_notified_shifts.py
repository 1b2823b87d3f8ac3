"""Keeps when people were told of shifts, and over which channels."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "scheduling_0007"
down_revision = "scheduling_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shifts", sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "shifts", sa.Column("notified_channels", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("shifts", "notified_channels")
    op.drop_column("shifts", "notified_at")
