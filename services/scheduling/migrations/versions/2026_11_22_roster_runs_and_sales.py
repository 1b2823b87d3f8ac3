"""Adds runs of the optimizer and sales by the quarter-hour."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit.db import tenant_policies

revision = "scheduling_0003"
down_revision = "scheduling_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roster_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("week_start", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=20), server_default="QUEUED", nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("request_key", sa.String(length=64), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('QUEUED', 'RUNNING', 'DRAFT', 'APPLIED', 'CANCELLED', 'FAILED')",
            name=op.f("ck_roster_runs_state"),
        ),
        sa.CheckConstraint("EXTRACT(ISODOW FROM week_start) = 1", name=op.f("ck_roster_runs_week_start")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_runs")),
    )
    op.create_index(
        op.f("ix_roster_runs_restaurant_id_created_at"), "roster_runs", ["restaurant_id", "created_at"], unique=False
    )
    op.create_index(
        "uq_roster_runs_request_key",
        "roster_runs",
        ["restaurant_id", "request_key"],
        unique=True,
        postgresql_where=sa.text("request_key IS NOT NULL"),
    )
    op.create_index(
        "uq_roster_runs_waiting",
        "roster_runs",
        ["restaurant_id", "week_start"],
        unique=True,
        postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
    )
    op.create_table(
        "sales_quarters",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("quarter", sa.SmallInteger(), nullable=False),
        sa.Column("orders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("guests", sa.Integer(), server_default="0", nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.CheckConstraint("quarter BETWEEN 0 AND 95", name=op.f("ck_sales_quarters_quarter")),
        sa.PrimaryKeyConstraint("restaurant_id", "day", "quarter", name=op.f("pk_sales_quarters")),
    )
    for statement in tenant_policies(["roster_runs", "sales_quarters"]):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("sales_quarters")
    op.drop_index(
        "uq_roster_runs_waiting", table_name="roster_runs", postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')")
    )
    op.drop_index(
        "uq_roster_runs_request_key", table_name="roster_runs", postgresql_where=sa.text("request_key IS NOT NULL")
    )
    op.drop_index(op.f("ix_roster_runs_restaurant_id_created_at"), table_name="roster_runs")
    op.drop_table("roster_runs")
