"""Has the days that were sold on before there were sums of days summed up."""

from alembic import op

revision = "pos_0003"
down_revision = "pos_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The owner is bound by row-level security too.
    op.execute("SELECT set_config('mizan.scope', 'system', true)")
    op.execute(
        "INSERT INTO sales_days (restaurant_id, business_date)"
        " SELECT DISTINCT restaurant_id, business_date FROM orders WHERE status = 'COMPLETED'"
        " ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    """Leaves the days: one that is known does no harm, and their table goes with the revision before."""
