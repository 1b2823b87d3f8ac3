"""Keeps sums of the ledger by day and by month, and counts what is told of an item's state."""

import sqlalchemy as sa
from alembic import op

from servicekit.db import tenant_policies

revision = "inventory_0002"
down_revision = "inventory_0001"
branch_labels = None
depends_on = None

SUM_UP = """
    INSERT INTO stock_sums (restaurant_id, grain, starts_on, item_id, cause, quantity, value)
    SELECT entry.restaurant_id, grain, date_trunc(grain, entry.occurred_at AT TIME ZONE 'UTC')::date, entry.item_id,
           coalesce(undone.kind, entry.kind), sum(entry.quantity), sum(entry.value)
    FROM stock_entries AS entry
    LEFT JOIN stock_entries AS undone ON undone.id = entry.reverses_id
    CROSS JOIN (VALUES ('DAY'), ('MONTH')) AS grains (grain)
    GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    op.create_table(
        "stock_sums",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("grain", sa.String(length=5), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.String(length=12), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("value", sa.Numeric(precision=22, scale=4), nullable=False),
        sa.CheckConstraint(
            "cause IN ('OPENING', 'RECEIPT', 'SALE', 'ADD', 'REMOVE', 'WASTE', 'COUNT', 'REVALUATION', 'REVERSAL')",
            name=op.f("ck_stock_sums_cause"),
        ),
        sa.CheckConstraint("grain IN ('DAY', 'MONTH')", name=op.f("ck_stock_sums_grain")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_stock_sums_item_id")),
        sa.PrimaryKeyConstraint("restaurant_id", "grain", "starts_on", "item_id", "cause", name=op.f("pk_stock_sums")),
    )
    for statement in tenant_policies(["stock_sums"]):
        op.execute(statement)
    op.add_column("stock_balances", sa.Column("state_version", sa.BigInteger(), server_default="0", nullable=False))
    op.execute("SELECT set_config('mizan.scope', 'system', true)")
    op.execute(SUM_UP)
    # Until now the state was told under the number of the ledger's last entry.
    op.execute("UPDATE stock_balances SET state_version = entries")


def downgrade() -> None:
    op.drop_column("stock_balances", "state_version")
    op.drop_table("stock_sums")
