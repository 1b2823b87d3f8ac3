"""Adds how far orders are with the stock and their payment."""

import sqlalchemy as sa
from alembic import op

from servicekit.db import tenant_policies

revision = "pos_0005"
down_revision = "pos_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_sagas",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('OPEN', 'RESERVING', 'RESERVED', 'TAKING', 'TAKEN', 'RELEASING', 'RELEASED', 'REFUSED')",
            name=op.f("ck_order_sagas_state"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_sagas_order_id_orders"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_sagas")),
    )
    op.create_index(
        "order_sagas_due_idx",
        "order_sagas",
        ["look_at"],
        unique=False,
        postgresql_where=sa.text("look_at IS NOT NULL"),
    )
    for statement in tenant_policies(["order_sagas"]):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("order_sagas_due_idx", table_name="order_sagas", postgresql_where=sa.text("look_at IS NOT NULL"))
    op.drop_table("order_sagas")
