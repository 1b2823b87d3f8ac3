"""Keeps what was done to shifts and weeks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit.db import tenant_policies

revision = "scheduling_0010"
down_revision = "scheduling_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("change_type", sa.String(length=10), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("people", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "change_type IN ('CREATE', 'UPDATE', 'DELETE')", name=op.f("ck_schedule_changes_change_type")
        ),
        sa.CheckConstraint("subject IN ('SHIFT', 'WEEK')", name=op.f("ck_schedule_changes_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_changes")),
    )
    op.create_index(
        op.f("ix_schedule_changes_restaurant_id_changed_at_seq"),
        "schedule_changes",
        ["restaurant_id", "changed_at", "seq"],
        unique=False,
    )
    op.create_index(
        op.f("ix_schedule_changes_restaurant_id_schedule_id_changed_at"),
        "schedule_changes",
        ["restaurant_id", "schedule_id", "changed_at"],
        unique=False,
    )
    for statement in tenant_policies(["schedule_changes"]):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_schedule_changes_restaurant_id_schedule_id_changed_at"), table_name="schedule_changes")
    op.drop_index(op.f("ix_schedule_changes_restaurant_id_changed_at_seq"), table_name="schedule_changes")
    op.drop_table("schedule_changes")
