"""Lets a punch that somebody else's overtook be taken again."""

from alembic import op

revision = "timeclock_0003"
down_revision = "timeclock_0002"
branch_labels = None
depends_on = None

# What the database asks a transaction to repeat, whoever asked for it repeats.
OVERTAKEN = """
    CREATE FUNCTION overtaken() RETURNS uuid LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'somebody else punched for the same person' USING ERRCODE = 'serialization_failure';
    END $$
"""


def upgrade() -> None:
    op.execute(OVERTAKEN)


def downgrade() -> None:
    op.execute("DROP FUNCTION overtaken()")
