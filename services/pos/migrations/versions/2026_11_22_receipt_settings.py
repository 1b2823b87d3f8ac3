"""Adds how receipts look."""

import sqlalchemy as sa
from alembic import op

from servicekit.db import tenant_policies

revision = "pos_0006"
down_revision = "pos_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipt_settings",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("header_text", sa.String(length=500), nullable=True),
        sa.Column("footer_text", sa.String(length=500), nullable=True),
        sa.Column("show_unit_prices", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("show_discount_details", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("show_tax_breakdown", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("paper_width", sa.Integer(), server_default="80", nullable=False),
        sa.Column("font_size_items", sa.Integer(), server_default="12", nullable=False),
        sa.Column("font_size_total", sa.Integer(), server_default="14", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("paper_width BETWEEN 40 AND 100", name=op.f("ck_receipt_settings_paper_width_range")),
        sa.CheckConstraint("font_size_items BETWEEN 6 AND 24", name=op.f("ck_receipt_settings_font_size_items_range")),
        sa.CheckConstraint("font_size_total BETWEEN 6 AND 32", name=op.f("ck_receipt_settings_font_size_total_range")),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_receipt_settings")),
    )
    for statement in tenant_policies(["receipt_settings"]):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("receipt_settings")
