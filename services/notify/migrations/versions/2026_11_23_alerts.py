"""Keeps the alerts of the dashboard."""

import sqlalchemy as sa
from alembic import op

from servicekit.db import tenant_policies

revision = "notify_0005"
down_revision = "notify_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("alert_type", sa.String(length=10), server_default="INFO", nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("alert_type IN ('INFO', 'WARNING', 'ERROR')", name=op.f("ck_alerts_alert_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_list", "alerts", ["restaurant_id", sa.literal_column("created_at DESC")], unique=False)
    for statement in tenant_policies(["alerts"]):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_alerts_list", table_name="alerts")
    op.drop_table("alerts")
