"""The copy of what restaurants may use."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit.db import tenant_policies

revision = "identity_0002"
down_revision = "identity_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "entitlement_ref",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("unlimited", sa.Boolean(), nullable=False),
        sa.Column("features", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plan", sa.String(length=50), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_entitlement_ref")),
    )
    for statement in tenant_policies(["entitlement_ref"]):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("entitlement_ref")
