"""Names the present state of each template."""

import sqlalchemy as sa
from alembic import op

revision = "scheduling_0013"
down_revision = "scheduling_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "schedule_templates",
        sa.Column("state_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("schedule_templates", "state_id")
