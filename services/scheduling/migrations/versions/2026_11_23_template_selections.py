"""Remembers which templates are chosen for whose shifts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit.db import tenant_policies

revision = "scheduling_0014"
down_revision = "scheduling_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "template_selections",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("template_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id", "staff_id", name=op.f("pk_template_selections")),
    )
    for statement in tenant_policies(["template_selections"]):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("template_selections")
