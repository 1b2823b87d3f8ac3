"""Lets templates be sorted, liked and counted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "scheduling_0015"
down_revision = "scheduling_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedule_templates", sa.Column("category", sa.String(length=100), nullable=True))
    op.add_column(
        "schedule_templates", sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("schedule_templates", sa.Column("is_favorite", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("schedule_templates", sa.Column("usage_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("schedule_templates", sa.Column("created_by", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("schedule_templates", "created_by")
    op.drop_column("schedule_templates", "usage_count")
    op.drop_column("schedule_templates", "is_favorite")
    op.drop_column("schedule_templates", "tags")
    op.drop_column("schedule_templates", "category")
