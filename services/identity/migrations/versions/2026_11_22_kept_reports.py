"""Reports that somebody had made."""

import sqlalchemy as sa
from alembic import op

from servicekit.db import tenant_policies

revision = "identity_0005"
down_revision = "identity_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("report_type", sa.String(length=40), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("generated_by", sa.Uuid(), nullable=True),
        sa.Column("generated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "report_type IN ('SALES_SUMMARY', 'ATTENDANCE_OVERVIEW', 'INVENTORY_STATUS', 'SHIFT_PERFORMANCE')",
            name=op.f("ck_kept_reports_report_type"),
        ),
        sa.ForeignKeyConstraint(
            ["generated_by"], ["users.id"], name=op.f("fk_kept_reports_generated_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurants.id"],
            name=op.f("fk_kept_reports_restaurant_id_restaurants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_reports")),
    )
    op.create_index("kept_reports_restaurant_idx", "kept_reports", ["restaurant_id", "generated_at"])
    for statement in tenant_policies(["kept_reports"]):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("kept_reports")
