"""Keeps the skills of people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "timeclock_0004"
down_revision = "timeclock_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "staff_ref", sa.Column("skills", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("staff_ref", "skills")
