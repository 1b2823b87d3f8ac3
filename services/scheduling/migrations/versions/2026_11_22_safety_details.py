"""Keeps how urgent procedures are, and who ticked off safety checklists."""

import sqlalchemy as sa
from alembic import op

revision = "scheduling_0005"
down_revision = "scheduling_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("procedures", sa.Column("priority", sa.String(length=20), server_default="MEDIUM", nullable=False))
    op.add_column("safety_checklists", sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("safety_checklists", sa.Column("completed_by", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("safety_checklists", "completed_by")
    op.drop_column("safety_checklists", "completed_at")
    op.drop_column("procedures", "priority")
