"""Keeps what is noted while tasks are worked on."""

import sqlalchemy as sa
from alembic import op

from servicekit.db import tenant_policies

revision = "scheduling_0012"
down_revision = "scheduling_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task_checkpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("shift_task_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("location", sa.String(length=255), nullable=True),
        sa.Column("progress", sa.SmallInteger(), nullable=True),
        sa.Column("file_key", sa.String(length=255), nullable=True),
        sa.Column("mime_type", sa.String(length=100), nullable=True),
        sa.Column("filename", sa.String(length=255), nullable=True),
        sa.Column("noted_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('CHECKPOINT', 'COMPLETION')", name=op.f("ck_task_checkpoints_kind")),
        sa.CheckConstraint("num_nonnulls(task_id, shift_task_id) <= 1", name=op.f("ck_task_checkpoints_one_task")),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_task_checkpoints_progress")),
        sa.ForeignKeyConstraint(
            ["shift_task_id"], ["shift_tasks.id"], name=op.f("fk_task_checkpoints_shift_task_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_task_checkpoints_task_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_checkpoints")),
    )
    op.create_index(
        op.f("ix_task_checkpoints_restaurant_id_file_key"),
        "task_checkpoints",
        ["restaurant_id", "file_key"],
        unique=False,
    )
    op.create_index(
        op.f("ix_task_checkpoints_restaurant_id_shift_task_id"),
        "task_checkpoints",
        ["restaurant_id", "shift_task_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_task_checkpoints_restaurant_id_task_id"),
        "task_checkpoints",
        ["restaurant_id", "task_id"],
        unique=False,
    )
    for statement in tenant_policies(["task_checkpoints"]):
        op.execute(statement)
    op.add_column("shift_tasks", sa.Column("progress", sa.SmallInteger(), nullable=True))
    op.add_column("tasks", sa.Column("started_by", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("tasks", "started_by")
    op.drop_column("shift_tasks", "progress")
    op.drop_index(op.f("ix_task_checkpoints_restaurant_id_task_id"), table_name="task_checkpoints")
    op.drop_index(op.f("ix_task_checkpoints_restaurant_id_shift_task_id"), table_name="task_checkpoints")
    op.drop_index(op.f("ix_task_checkpoints_restaurant_id_file_key"), table_name="task_checkpoints")
    op.drop_table("task_checkpoints")
