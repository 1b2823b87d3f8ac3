"""Finds lines of orders by their time."""

import sqlalchemy as sa
from alembic import op

revision = "pos_0008"
down_revision = "pos_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("order_lines_time_idx", "order_lines", ["restaurant_id", sa.text("created_at DESC"), "id"])


def downgrade() -> None:
    op.drop_index("order_lines_time_idx", table_name="order_lines")
