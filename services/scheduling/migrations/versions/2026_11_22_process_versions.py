"""Counts the states of processes and their tasks."""

import sqlalchemy as sa
from alembic import op

revision = "scheduling_0004"
down_revision = "scheduling_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("process_tasks", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column("processes", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))


def downgrade() -> None:
    op.drop_column("processes", "version")
    op.drop_column("process_tasks", "version")
