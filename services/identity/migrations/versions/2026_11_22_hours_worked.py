"""The copy of how long people worked."""

import sqlalchemy as sa
from alembic import op

from servicekit.db import tenant_policies

revision = "identity_0004"
down_revision = "identity_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worked_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worked_sessions")),
    )
    op.create_index("worked_sessions_person_idx", "worked_sessions", ["restaurant_id", "user_id", "business_date"])
    for statement in tenant_policies(["worked_sessions"]):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("worked_sessions")
