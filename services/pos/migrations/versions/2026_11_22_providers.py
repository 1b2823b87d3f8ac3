"""Adds providers, card payments and daily sums."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit.db import tenant_policies

revision = "pos_0002"
down_revision = "pos_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "daily_sums",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("grouping", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=16, scale=3), nullable=False),
        sa.CheckConstraint(
            "grouping IN ('hour', 'category', 'item', 'server', 'payment')", name=op.f("ck_daily_sums_grouping")
        ),
        sa.PrimaryKeyConstraint("restaurant_id", "grouping", "business_date", "key", name=op.f("pk_daily_sums")),
    )
    op.create_table(
        "external_objects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("object_type", sa.String(length=100), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("business_date", sa.Date(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("total", sa.Numeric(precision=14, scale=3), nullable=True),
        sa.Column("tips", sa.Numeric(precision=14, scale=3), nullable=True),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("provider IN ('SQUARE', 'TOAST', 'CLOVER')", name=op.f("ck_external_objects_provider")),
        sa.CheckConstraint("state IN ('OPEN', 'COMPLETED', 'CANCELLED')", name=op.f("ck_external_objects_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_objects")),
        sa.UniqueConstraint(
            "restaurant_id",
            "provider",
            "object_type",
            "object_id",
            name=op.f("uq_external_objects_restaurant_id_provider_object_type_object_id"),
        ),
    )
    op.create_index(
        "external_objects_changed_idx",
        "external_objects",
        ["restaurant_id", "provider", sa.literal_column("changed_at DESC")],
        unique=False,
    )
    op.create_index(
        "external_objects_day_idx", "external_objects", ["restaurant_id", "provider", "business_date"], unique=False
    )
    op.create_table(
        "oauth_states",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_states")),
    )
    op.create_index(op.f("ix_oauth_states_expires_at"), "oauth_states", ["expires_at"], unique=False)
    op.create_table(
        "provider_connections",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.String(length=255), nullable=False),
        sa.Column("location_id", sa.String(length=255), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=True),
        sa.Column("token_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.Column("last_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connected_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("provider IN ('SQUARE', 'TOAST', 'CLOVER')", name=op.f("ck_provider_connections_provider")),
        sa.CheckConstraint(
            "status IN ('CONNECTED', 'DISCONNECTED', 'ERROR')", name=op.f("ck_provider_connections_status")
        ),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_provider_connections")),
    )
    op.create_index(
        "provider_connections_merchant_key",
        "provider_connections",
        ["provider", "merchant_id", sa.literal_column("coalesce(location_id, '')")],
        unique=True,
        postgresql_where=sa.text("status <> 'DISCONNECTED'"),
    )
    op.create_table(
        "provider_events",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("merchant_id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("object_type", sa.String(length=100), server_default="", nullable=False),
        sa.Column("object_id", sa.String(length=255), server_default="", nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome IN ('applied', 'ignored')", name=op.f("ck_provider_events_outcome")),
        sa.CheckConstraint(
            "provider IN ('SQUARE', 'TOAST', 'CLOVER', 'STRIPE')", name=op.f("ck_provider_events_provider")
        ),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_provider_events")),
    )
    op.create_index(op.f("ix_provider_events_received_at"), "provider_events", ["received_at"], unique=False)
    op.create_index(
        "provider_events_waiting_idx",
        "provider_events",
        ["provider", "merchant_id"],
        unique=False,
        postgresql_where=sa.text("processed_at IS NULL"),
    )
    op.create_table(
        "provider_syncs",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("changed_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("complete_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("records", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total_records", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("seen", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('menu', 'orders')", name=op.f("ck_provider_syncs_kind")),
        sa.CheckConstraint("state IN ('IDLE', 'RUNNING', 'FAILED')", name=op.f("ck_provider_syncs_state")),
        sa.PrimaryKeyConstraint("restaurant_id", "kind", name=op.f("pk_provider_syncs")),
    )
    op.create_table(
        "sales_days",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("changes", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("summed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("orders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("tax", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("discounts", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("service_charges", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("tips", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("refunds", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id", "business_date", name=op.f("pk_sales_days")),
    )
    op.create_index(
        "sales_days_stale_idx",
        "sales_days",
        ["restaurant_id", "business_date"],
        unique=False,
        postgresql_where=sa.text("summed <> changes"),
    )
    op.create_table(
        "stock_outs",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("stock_item_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("is_out", sa.Boolean(), nullable=False),
        sa.Column("menu_item_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id", "stock_item_id", name=op.f("pk_stock_outs")),
    )
    op.create_table(
        "verification_codes",
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_verification_codes")),
    )
    op.create_table(
        "card_payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("tip_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("intent_id", sa.String(length=255), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("surplus", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("failure", sa.String(length=200), nullable=True),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('WAITING', 'CAPTURED', 'CANCELLED', 'RETURNING', 'RETURNED')",
            name=op.f("ck_card_payments_status"),
        ),
        sa.CheckConstraint("amount > 0 AND tip_amount >= 0", name=op.f("ck_card_payments_amounts_positive")),
        sa.CheckConstraint("surplus BETWEEN 0 AND amount + tip_amount", name=op.f("ck_card_payments_surplus_within")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_card_payments_order_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_card_payments_payment_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_payments")),
        sa.UniqueConstraint("intent_id", name=op.f("uq_card_payments_intent_id")),
    )
    op.create_index(
        "card_payments_open_idx",
        "card_payments",
        ["look_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('WAITING', 'RETURNING')"),
    )
    op.create_index("card_payments_order_idx", "card_payments", ["restaurant_id", "order_id"], unique=False)
    op.create_table(
        "card_refunds",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("intent_id", sa.String(length=255), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider_refund_id", sa.String(length=255), nullable=True),
        sa.Column("failure", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('PENDING', 'SUCCEEDED', 'FAILED')", name=op.f("ck_card_refunds_status")),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refunds.id"], name=op.f("fk_card_refunds_refund_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_card_refunds")),
    )
    op.create_index(
        "card_refunds_due_idx",
        "card_refunds",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.add_column(
        "menu_items", sa.Column("is_out_of_stock", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    for statement in tenant_policies(
        [
            "provider_connections",
            "oauth_states",
            "external_objects",
            "provider_syncs",
            "card_payments",
            "card_refunds",
            "sales_days",
            "daily_sums",
            "stock_outs",
        ]
    ):
        op.execute(statement)


def downgrade() -> None:
    op.drop_column("menu_items", "is_out_of_stock")
    op.drop_index("card_refunds_due_idx", table_name="card_refunds", postgresql_where=sa.text("status = 'PENDING'"))
    op.drop_table("card_refunds")
    op.drop_index("card_payments_order_idx", table_name="card_payments")
    op.drop_index(
        "card_payments_open_idx",
        table_name="card_payments",
        postgresql_where=sa.text("status IN ('WAITING', 'RETURNING')"),
    )
    op.drop_table("card_payments")
    op.drop_table("verification_codes")
    op.drop_table("stock_outs")
    op.drop_index("sales_days_stale_idx", table_name="sales_days", postgresql_where=sa.text("summed <> changes"))
    op.drop_table("sales_days")
    op.drop_table("provider_syncs")
    op.drop_index(
        "provider_events_waiting_idx", table_name="provider_events", postgresql_where=sa.text("processed_at IS NULL")
    )
    op.drop_index(op.f("ix_provider_events_received_at"), table_name="provider_events")
    op.drop_table("provider_events")
    op.drop_index(
        "provider_connections_merchant_key",
        table_name="provider_connections",
        postgresql_where=sa.text("status <> 'DISCONNECTED'"),
    )
    op.drop_table("provider_connections")
    op.drop_index(op.f("ix_oauth_states_expires_at"), table_name="oauth_states")
    op.drop_table("oauth_states")
    op.drop_index("external_objects_day_idx", table_name="external_objects")
    op.drop_index("external_objects_changed_idx", table_name="external_objects")
    op.drop_table("external_objects")
    op.drop_table("daily_sums")
