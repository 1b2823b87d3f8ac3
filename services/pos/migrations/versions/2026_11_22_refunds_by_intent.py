"""Finds the refunds of an intent."""

from alembic import op

revision = "pos_0004"
down_revision = "pos_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("card_refunds_intent_idx", "card_refunds", ["intent_id"], unique=False)


def downgrade() -> None:
    op.drop_index("card_refunds_intent_idx", table_name="card_refunds")
