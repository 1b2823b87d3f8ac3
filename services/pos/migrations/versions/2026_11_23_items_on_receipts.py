"""Shows codes and descriptions of items on receipts."""

import sqlalchemy as sa
from alembic import op

revision = "pos_0009"
down_revision = "pos_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "receipt_settings", sa.Column("show_item_codes", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column(
        "receipt_settings",
        sa.Column("show_item_descriptions", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("receipt_settings", "show_item_descriptions")
    op.drop_column("receipt_settings", "show_item_codes")
