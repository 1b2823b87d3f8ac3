"""The menu, tables, orders, payments and the kitchen, and the copies of restaurants and staff."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit import jobs
from servicekit.db import tenant_policies

revision = "pos_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bill_settings",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("day_starts_at", sa.Time(), server_default="00:00", nullable=False),
        sa.Column("service_charge_rate", sa.Numeric(precision=6, scale=3), server_default="0", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("service_charge_rate BETWEEN 0 AND 100", name=op.f("ck_bill_settings_rate_percent")),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_bill_settings")),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "reason IN ('undecodable', 'unhandled', 'failed', 'crashed')", name=op.f("ck_dead_letter_reason")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint("consumer", "message_id", name=op.f("uq_dead_letter_consumer_message_id")),
    )
    op.create_index(op.f("ix_dead_letter_failed_at"), "dead_letter", ["failed_at"], unique=False)
    op.create_table(
        "dining_tables",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("table_number", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), server_default="4", nullable=False),
        sa.Column("status", sa.Text(), server_default="AVAILABLE", nullable=False),
        sa.Column("section", sa.String(length=50), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('AVAILABLE', 'OCCUPIED', 'RESERVED', 'NEEDS_CLEANING', 'MAINTENANCE')",
            name=op.f("ck_dining_tables_status"),
        ),
        sa.CheckConstraint("capacity BETWEEN 1 AND 20", name=op.f("ck_dining_tables_capacity_range")),
        sa.CheckConstraint("table_number BETWEEN 1 AND 500", name=op.f("ck_dining_tables_number_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dining_tables")),
        sa.UniqueConstraint("restaurant_id", "table_number", name=op.f("uq_dining_tables_restaurant_id_table_number")),
    )
    op.create_table(
        "discounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("discount_code", sa.String(length=50), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("discount_type", sa.Text(), nullable=False),
        sa.Column("discount_value", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("min_order_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("max_discount_amount", sa.Numeric(precision=14, scale=3), nullable=True),
        sa.Column("max_usage", sa.Integer(), nullable=True),
        sa.Column("usage_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("discount_type IN ('PERCENTAGE', 'FIXED_AMOUNT')", name=op.f("ck_discounts_discount_type")),
        sa.CheckConstraint("max_usage IS NULL OR usage_count <= max_usage", name=op.f("ck_discounts_usage_limit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discounts")),
        sa.UniqueConstraint("restaurant_id", "discount_code", name=op.f("uq_discounts_restaurant_id_discount_code")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "message_id", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_handled_at"), "inbox", ["handled_at"], unique=False)
    op.create_table(
        "menu_categories",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("display_order", sa.Integer(), server_default="0", nullable=False),
        sa.Column("external_provider", sa.String(length=50), nullable=True),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(external_provider IS NULL) = (external_id IS NULL)", name=op.f("ck_menu_categories_external_whole")
        ),
        sa.CheckConstraint("display_order >= 0", name=op.f("ck_menu_categories_display_order_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_categories")),
        sa.UniqueConstraint("restaurant_id", "name", name=op.f("uq_menu_categories_restaurant_id_name")),
    )
    op.create_index(
        "menu_categories_external_key",
        "menu_categories",
        ["restaurant_id", "external_provider", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_index(
        "menu_categories_order_idx", "menu_categories", ["restaurant_id", "display_order", "name"], unique=False
    )
    op.create_table(
        "modifier_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("minimum", sa.SmallInteger(), nullable=False),
        sa.Column("maximum", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("0 <= minimum AND minimum <= maximum", name=op.f("ck_modifier_groups_limits_ordered")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_modifier_groups")),
        sa.UniqueConstraint("restaurant_id", "name", name=op.f("uq_modifier_groups_restaurant_id_name")),
    )
    op.create_table(
        "order_counters",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id", "business_date", name=op.f("pk_order_counters")),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        postgresql_with={"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "2000"},
    )
    op.create_table(
        "restaurant_ref",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("restaurant_type", sa.String(length=20), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("latitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("radius", sa.Numeric(precision=9, scale=2), nullable=False),
        sa.Column("geofence_enabled", sa.Boolean(), nullable=False),
        sa.Column("geofence_polygon", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("operating_hours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("automatic_clock_out", sa.Boolean(), nullable=False),
        sa.Column("break_duration", sa.Integer(), nullable=False),
        sa.Column("max_weekly_hours", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("min_rest_hours", sa.Numeric(precision=4, scale=2), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restaurant_ref")),
    )
    op.create_table(
        "staff_ref",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("first_name", sa.String(length=150), nullable=False),
        sa.Column("last_name", sa.String(length=150), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("department", sa.String(length=100), nullable=True),
        sa.Column("position", sa.String(length=100), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id", "user_id", name=op.f("pk_staff_ref")),
    )
    op.create_table(
        "tax_categories",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("rate", sa.Numeric(precision=6, scale=3), nullable=False),
        sa.Column("is_inclusive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("rate BETWEEN 0 AND 100", name=op.f("ck_tax_categories_rate_percent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_categories")),
        sa.UniqueConstraint("restaurant_id", "name", name=op.f("uq_tax_categories_restaurant_id_name")),
    )
    op.create_index(
        "tax_categories_default_key",
        "tax_categories",
        ["restaurant_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "menu_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("tax_category_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_available", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("image_key", sa.String(length=255), nullable=True),
        sa.Column("allergens", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("modifier_group_ids", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("external_provider", sa.String(length=50), nullable=True),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("external_metadata", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(external_provider IS NULL) = (external_id IS NULL)", name=op.f("ck_menu_items_external_whole")
        ),
        sa.CheckConstraint("price >= 0", name=op.f("ck_menu_items_price_positive")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["menu_categories.id"], name=op.f("fk_menu_items_category_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["tax_category_id"], ["tax_categories.id"], name=op.f("fk_menu_items_tax_category_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_items")),
        sa.UniqueConstraint("restaurant_id", "name", name=op.f("uq_menu_items_restaurant_id_name")),
    )
    op.create_index("menu_items_category_idx", "menu_items", ["restaurant_id", "category_id"], unique=False)
    op.create_index(
        "menu_items_external_key",
        "menu_items",
        ["restaurant_id", "external_provider", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_table(
        "modifiers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("price", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("price >= 0", name=op.f("ck_modifiers_price_positive")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["modifier_groups.id"], name=op.f("fk_modifiers_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_modifiers")),
    )
    op.create_index("modifiers_group_idx", "modifiers", ["restaurant_id", "group_id", "position"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("order_number", sa.String(length=50), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("table_id", sa.Uuid(), nullable=True),
        sa.Column("server_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("subtotal", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("discount_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("discount_reason", sa.String(length=255), nullable=True),
        sa.Column("discount_id", sa.Uuid(), nullable=True),
        sa.Column("service_charge_rate", sa.Numeric(precision=6, scale=3), server_default="0", nullable=False),
        sa.Column("service_charge", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("tax_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("tax_included", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("total_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("amount_paid", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("tip_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("refund_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("refund_reason", sa.String(length=255), nullable=True),
        sa.Column("void_reason", sa.String(length=255), nullable=True),
        sa.Column("customer_name", sa.String(length=255), nullable=True),
        sa.Column("customer_phone", sa.String(length=20), nullable=True),
        sa.Column("customer_email", sa.String(length=254), nullable=True),
        sa.Column("delivery_address", sa.Text(), nullable=True),
        sa.Column("delivery_instructions", sa.Text(), nullable=True),
        sa.Column("guest_count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("is_priority", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("order_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completion_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "order_type IN ('DINE_IN', 'TAKEOUT', 'DELIVERY', 'CATERING')", name=op.f("ck_orders_order_type")
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'CONFIRMED', 'PREPARING', 'READY', 'SERVED', 'COMPLETED', 'CANCELLED')",
            name=op.f("ck_orders_status"),
        ),
        sa.CheckConstraint("amount_paid BETWEEN 0 AND total_amount", name=op.f("ck_orders_not_overpaid")),
        sa.CheckConstraint("refund_amount BETWEEN 0 AND amount_paid", name=op.f("ck_orders_not_overrefunded")),
        sa.CheckConstraint(
            "total_amount >= 0 AND discount_amount BETWEEN 0 AND subtotal", name=op.f("ck_orders_amounts_sane")
        ),
        sa.ForeignKeyConstraint(
            ["discount_id"], ["discounts.id"], name=op.f("fk_orders_discount_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["table_id"], ["dining_tables.id"], name=op.f("fk_orders_table_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "restaurant_id", "business_date", "sequence", name=op.f("uq_orders_restaurant_id_business_date_sequence")
        ),
    )
    op.create_index("orders_day_idx", "orders", ["restaurant_id", "business_date", "status"], unique=False)
    op.create_index(
        "orders_open_idx",
        "orders",
        ["restaurant_id", "table_id"],
        unique=False,
        postgresql_where=sa.text("status NOT IN ('COMPLETED', 'CANCELLED')"),
    )
    op.create_index("orders_time_idx", "orders", ["restaurant_id", sa.literal_column("order_time DESC")], unique=False)
    op.create_table(
        "kitchen_tickets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="NEW", nullable=False),
        sa.Column("bumped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('NEW', 'PREPARING', 'READY', 'CANCELLED')", name=op.f("ck_kitchen_tickets_status")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_kitchen_tickets_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kitchen_tickets")),
    )
    op.create_index("kitchen_tickets_order_idx", "kitchen_tickets", ["order_id"], unique=False)
    op.create_index(
        "kitchen_tickets_status_idx", "kitchen_tickets", ["restaurant_id", "status", "created_at"], unique=False
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="COMPLETED", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("amount_paid", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("change_given", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("tip_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("refund_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("tip_refund_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("tax_refund_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("refund_reason", sa.String(length=255), nullable=True),
        sa.Column("transaction_id", sa.String(length=100), nullable=True),
        sa.Column("processed_by", sa.Uuid(), nullable=True),
        sa.Column("notes", sa.String(length=500), nullable=True),
        sa.Column("payment_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "payment_method IN ('CASH', 'CARD', 'DIGITAL_WALLET', 'BANK_TRANSFER', 'CHECK', 'CREDIT')",
            name=op.f("ck_payments_payment_method"),
        ),
        sa.CheckConstraint(
            "status IN ('COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED')", name=op.f("ck_payments_status")
        ),
        sa.CheckConstraint("amount >= 0 AND tip_amount >= 0", name=op.f("ck_payments_amounts_positive")),
        sa.CheckConstraint("amount_paid = amount + change_given", name=op.f("ck_payments_change_exact")),
        sa.CheckConstraint("refund_amount BETWEEN 0 AND amount", name=op.f("ck_payments_not_overrefunded")),
        sa.CheckConstraint("tip_refund_amount BETWEEN 0 AND tip_amount", name=op.f("ck_payments_tip_not_overrefunded")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_payments_order_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
    )
    op.create_index("payments_order_idx", "payments", ["order_id"], unique=False)
    op.create_index(
        "payments_time_idx", "payments", ["restaurant_id", sa.literal_column("payment_time DESC")], unique=False
    )
    op.create_index(
        "payments_transaction_key",
        "payments",
        ["restaurant_id", "transaction_id"],
        unique=True,
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    )
    op.create_table(
        "order_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("menu_item_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("base_price", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("total_price", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=6, scale=3), server_default="0", nullable=False),
        sa.Column("tax_inclusive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("modifiers", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("special_instructions", sa.String(length=500), nullable=True),
        sa.Column("status", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('PENDING', 'PREPARING', 'READY', 'SERVED', 'CANCELLED')", name=op.f("ck_order_lines_status")
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 1000", name=op.f("ck_order_lines_quantity_range")),
        sa.ForeignKeyConstraint(
            ["menu_item_id"], ["menu_items.id"], name=op.f("fk_order_lines_menu_item_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["kitchen_tickets.id"], name=op.f("fk_order_lines_ticket_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
    )
    op.create_index("order_lines_item_idx", "order_lines", ["menu_item_id"], unique=False)
    op.create_index("order_lines_order_idx", "order_lines", ["order_id", "position"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("tip_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("tax_amount", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=True),
        sa.Column("refunded_by", sa.Uuid(), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount >= 0 AND tip_amount >= 0 AND amount + tip_amount > 0", name=op.f("ck_refunds_amounts_positive")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
    )
    op.create_index("refunds_payment_idx", "refunds", ["payment_id"], unique=False)
    enforce_tenancy()
    jobs.install(op.get_bind())


def downgrade() -> None:
    op.drop_index("refunds_payment_idx", table_name="refunds")
    op.drop_table("refunds")
    op.drop_index("order_lines_order_idx", table_name="order_lines")
    op.drop_index("order_lines_item_idx", table_name="order_lines")
    op.drop_table("order_lines")
    op.drop_index(
        "payments_transaction_key", table_name="payments", postgresql_where=sa.text("transaction_id IS NOT NULL")
    )
    op.drop_index("payments_time_idx", table_name="payments")
    op.drop_index("payments_order_idx", table_name="payments")
    op.drop_table("payments")
    op.drop_index("kitchen_tickets_status_idx", table_name="kitchen_tickets")
    op.drop_index("kitchen_tickets_order_idx", table_name="kitchen_tickets")
    op.drop_table("kitchen_tickets")
    op.drop_index("orders_time_idx", table_name="orders")
    op.drop_index(
        "orders_open_idx", table_name="orders", postgresql_where=sa.text("status NOT IN ('COMPLETED', 'CANCELLED')")
    )
    op.drop_index("orders_day_idx", table_name="orders")
    op.drop_table("orders")
    op.drop_index("modifiers_group_idx", table_name="modifiers")
    op.drop_table("modifiers")
    op.drop_index(
        "menu_items_external_key", table_name="menu_items", postgresql_where=sa.text("external_id IS NOT NULL")
    )
    op.drop_index("menu_items_category_idx", table_name="menu_items")
    op.drop_table("menu_items")
    op.drop_index("tax_categories_default_key", table_name="tax_categories", postgresql_where=sa.text("is_default"))
    op.drop_table("tax_categories")
    op.drop_table("staff_ref")
    op.drop_table("restaurant_ref")
    op.drop_table("outbox")
    op.drop_table("order_counters")
    op.drop_table("modifier_groups")
    op.drop_index("menu_categories_order_idx", table_name="menu_categories")
    op.drop_index(
        "menu_categories_external_key",
        table_name="menu_categories",
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.drop_table("menu_categories")
    op.drop_index(op.f("ix_inbox_handled_at"), table_name="inbox")
    op.drop_table("inbox")
    op.drop_index(op.f("ix_idempotency_key_created_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_table("discounts")
    op.drop_table("dining_tables")
    op.drop_index(op.f("ix_dead_letter_failed_at"), table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_table("bill_settings")
    op.execute("DROP SCHEMA procrastinate CASCADE")


def enforce_tenancy() -> None:
    """Row-level security on every table that belongs to restaurants."""
    for table, column in TENANT_COLUMNS.items():
        for statement in tenant_policies([table], column):
            op.execute(statement)


TENANT_COLUMNS = {
    "menu_categories": "restaurant_id",
    "tax_categories": "restaurant_id",
    "menu_items": "restaurant_id",
    "modifier_groups": "restaurant_id",
    "modifiers": "restaurant_id",
    "dining_tables": "restaurant_id",
    "order_counters": "restaurant_id",
    "orders": "restaurant_id",
    "order_lines": "restaurant_id",
    "kitchen_tickets": "restaurant_id",
    "payments": "restaurant_id",
    "refunds": "restaurant_id",
    "discounts": "restaurant_id",
    "bill_settings": "restaurant_id",
    "restaurant_ref": "id",
    "staff_ref": "restaurant_id",
}
