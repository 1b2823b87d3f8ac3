"""Deliveries to the agent's server."""

from alembic import op

revision = "notify_0003"
down_revision = "notify_0002"
branch_labels = None
depends_on = None

_CHANNELS = "channel IN ('app', 'push', 'whatsapp', 'email', 'agent')"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_deliveries_channel"), "deliveries", type_="check")
    # Rows that are there have fewer channels, so that none has to be looked at under a lock that keeps writers out.
    op.execute(f"ALTER TABLE deliveries ADD CONSTRAINT ck_deliveries_channel CHECK ({_CHANNELS}) NOT VALID")
    op.execute("ALTER TABLE deliveries VALIDATE CONSTRAINT ck_deliveries_channel")


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE channel = 'agent'")
    op.drop_constraint(op.f("ck_deliveries_channel"), "deliveries", type_="check")
    op.create_check_constraint(
        op.f("ck_deliveries_channel"), "deliveries", "channel IN ('app', 'push', 'whatsapp', 'email')"
    )
