"""Lets availability recur and go on overnight, and tasks of processes have parts."""

import sqlalchemy as sa
from alembic import op

revision = "scheduling_0008"
down_revision = "scheduling_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("availability", sa.Column("is_continuous", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("availability", sa.Column("is_recurring", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("availability", sa.Column("recurrence_pattern", sa.String(length=20), nullable=True))
    op.add_column("availability", sa.Column("recurrence_end_date", sa.Date(), nullable=True))
    op.create_check_constraint(
        op.f("ck_availability_recurrence_pattern"),
        "availability",
        "recurrence_pattern IN ('DAILY', 'WEEKLY', 'BIWEEKLY', 'MONTHLY')",
    )
    op.add_column("process_tasks", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_process_tasks_parent_id"), "process_tasks", "process_tasks", ["parent_id"], ["id"], ondelete="CASCADE"
    )
    op.create_index(op.f("ix_process_tasks_parent_id"), "process_tasks", ["parent_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_process_tasks_parent_id"), "process_tasks")
    op.drop_constraint(op.f("fk_process_tasks_parent_id"), "process_tasks", type_="foreignkey")
    op.drop_column("process_tasks", "parent_id")
    op.drop_constraint(op.f("ck_availability_recurrence_pattern"), "availability", type_="check")
    op.drop_column("availability", "recurrence_end_date")
    op.drop_column("availability", "recurrence_pattern")
    op.drop_column("availability", "is_recurring")
    op.drop_column("availability", "is_continuous")
