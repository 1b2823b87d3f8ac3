"""Lets people bid for open shifts."""

import sqlalchemy as sa
from alembic import op

from servicekit.db import tenant_policies

revision = "scheduling_0011"
down_revision = "scheduling_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shift_bids",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["shift_id"], ["shifts.id"], name=op.f("fk_shift_bids_shift_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_bids")),
        sa.UniqueConstraint("shift_id", "user_id", name=op.f("uq_shift_bids_shift_id_user_id")),
    )
    for statement in tenant_policies(["shift_bids"]):
        op.execute(statement)
    op.add_column("shifts", sa.Column("bidding_deadline", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("shifts", "bidding_deadline")
    op.drop_table("shift_bids")
