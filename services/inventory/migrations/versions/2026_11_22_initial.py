"""Items with their ledger, suppliers, purchase orders, recipes, and the copies of restaurants, staff and dishes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit import jobs
from servicekit.db import tenant_policies

revision = "inventory_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
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
        "menu_item_ref",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("price", sa.Numeric(precision=14, scale=4), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "restaurant_id", name=op.f("pk_menu_item_ref")),
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
        "recipes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("menu_item_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("prep_time_minutes", sa.Integer(), nullable=True),
        sa.Column("cook_time_minutes", sa.Integer(), nullable=True),
        sa.Column("yield_quantity", sa.Numeric(precision=14, scale=3), server_default="1", nullable=False),
        sa.Column("yield_unit", sa.String(length=20), server_default="portion", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("yield_quantity > 0", name=op.f("ck_recipes_yield_quantity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipes")),
        sa.UniqueConstraint("restaurant_id", "menu_item_id", name=op.f("uq_recipes_restaurant_id_menu_item_id")),
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
        "sale_depletions",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('DEPLETED', 'REVERSED')", name=op.f("ck_sale_depletions_state")),
        sa.PrimaryKeyConstraint("restaurant_id", "order_id", name=op.f("pk_sale_depletions")),
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
        "stock_counts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("notes", sa.String(length=500), nullable=True),
        sa.Column("total_variance", sa.Numeric(precision=20, scale=4), server_default="0", nullable=False),
        sa.Column("counted_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_counts")),
    )
    op.create_index(
        "ix_stock_counts_restaurant_id_created_at", "stock_counts", ["restaurant_id", "created_at"], unique=False
    )
    op.create_table(
        "suppliers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("contact_person", sa.String(length=100), nullable=True),
        sa.Column("phone", sa.String(length=30), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("address", sa.String(length=500), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppliers")),
        sa.UniqueConstraint("restaurant_id", "name", name=op.f("uq_suppliers_restaurant_id_name")),
    )
    op.create_table(
        "items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=1000), server_default="", nullable=False),
        sa.Column("category", sa.String(length=100), server_default="", nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("conversions", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("reorder_level", sa.Numeric(precision=14, scale=3), nullable=True),
        sa.Column("par_level", sa.Numeric(precision=14, scale=3), nullable=True),
        sa.Column("supplier_id", sa.Uuid(), nullable=True),
        sa.Column("last_restock_date", sa.Date(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["suppliers.id"], name=op.f("fk_items_supplier_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
    )
    op.create_index("ix_items_supplier_id", "items", ["supplier_id"], unique=False)
    op.create_index(
        "uq_items_restaurant_id_name",
        "items",
        ["restaurant_id", "name"],
        unique=True,
        postgresql_where=sa.text("is_active"),
    )
    op.create_table(
        "purchase_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("order_date", sa.Date(), nullable=False),
        sa.Column("expected_delivery_date", sa.Date(), nullable=True),
        sa.Column("delivery_date", sa.Date(), nullable=True),
        sa.Column("status", sa.String(length=10), server_default="PENDING", nullable=False),
        sa.Column("notes", sa.String(length=500), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('PENDING', 'ORDERED', 'RECEIVED', 'CANCELLED')", name=op.f("ck_purchase_orders_status")
        ),
        sa.ForeignKeyConstraint(["supplier_id"], ["suppliers.id"], name=op.f("fk_purchase_orders_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_orders")),
    )
    op.create_index(
        "ix_purchase_orders_restaurant_id_order_date", "purchase_orders", ["restaurant_id", "order_date"], unique=False
    )
    op.create_index("ix_purchase_orders_supplier_id", "purchase_orders", ["supplier_id"], unique=False)
    op.create_table(
        "purchase_order_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("purchase_order_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=14, scale=4), nullable=False),
        sa.Column("received_quantity", sa.Numeric(precision=14, scale=3), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_purchase_order_lines_quantity")),
        sa.CheckConstraint("received_quantity >= 0", name=op.f("ck_purchase_order_lines_received_quantity")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_purchase_order_lines_unit_price")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_purchase_order_lines_item_id")),
        sa.ForeignKeyConstraint(
            ["purchase_order_id"],
            ["purchase_orders.id"],
            name=op.f("fk_purchase_order_lines_purchase_order_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_order_lines")),
        sa.UniqueConstraint(
            "purchase_order_id", "item_id", name=op.f("uq_purchase_order_lines_purchase_order_id_item_id")
        ),
    )
    op.create_index("ix_purchase_order_lines_item_id", "purchase_order_lines", ["item_id"], unique=False)
    op.create_index("ix_purchase_order_lines_restaurant_id", "purchase_order_lines", ["restaurant_id"], unique=False)
    op.create_table(
        "recipe_ingredients",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("recipe_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("sub_recipe_id", sa.Uuid(), nullable=True),
        sa.Column("quantity", sa.Numeric(precision=14, scale=4), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("yield_percent", sa.Numeric(precision=5, scale=2), server_default="100", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(item_id IS NULL) <> (sub_recipe_id IS NULL)", name=op.f("ck_recipe_ingredients_one_kind")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_recipe_ingredients_quantity")),
        sa.CheckConstraint(
            "yield_percent > 0 AND yield_percent <= 100", name=op.f("ck_recipe_ingredients_yield_percent")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_recipe_ingredients_item_id")),
        sa.ForeignKeyConstraint(
            ["recipe_id"], ["recipes.id"], name=op.f("fk_recipe_ingredients_recipe_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sub_recipe_id"], ["recipes.id"], name=op.f("fk_recipe_ingredients_sub_recipe_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipe_ingredients")),
        sa.UniqueConstraint("recipe_id", "item_id", name=op.f("uq_recipe_ingredients_recipe_id_item_id")),
        sa.UniqueConstraint("recipe_id", "sub_recipe_id", name=op.f("uq_recipe_ingredients_recipe_id_sub_recipe_id")),
    )
    op.create_index("ix_recipe_ingredients_item_id", "recipe_ingredients", ["item_id"], unique=False)
    op.create_index("ix_recipe_ingredients_restaurant_id", "recipe_ingredients", ["restaurant_id"], unique=False)
    op.create_index("ix_recipe_ingredients_sub_recipe_id", "recipe_ingredients", ["sub_recipe_id"], unique=False)
    op.create_table(
        "stock_balances",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("value", sa.Numeric(precision=20, scale=4), server_default="0", nullable=False),
        sa.Column("unit_cost", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("entries", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=3), server_default="OUT", nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('OK', 'LOW', 'OUT')", name=op.f("ck_stock_balances_state")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_stock_balances_item_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_stock_balances")),
    )
    op.create_index("ix_stock_balances_restaurant_id", "stock_balances", ["restaurant_id"], unique=False)
    op.create_table(
        "stock_count_lines",
        sa.Column("count_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("system_quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("counted_quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("variance_value", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.ForeignKeyConstraint(["count_id"], ["stock_counts.id"], name=op.f("fk_stock_count_lines_count_id")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_stock_count_lines_item_id")),
        sa.PrimaryKeyConstraint("count_id", "item_id", name=op.f("pk_stock_count_lines")),
    )
    op.create_index("ix_stock_count_lines_restaurant_id", "stock_count_lines", ["restaurant_id"], unique=False)
    op.create_table(
        "stock_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("unit_cost", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("value", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("balance_quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("balance_value", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("entered_quantity", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("entered_unit", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("source_type", sa.String(length=20), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('OPENING', 'RECEIPT', 'SALE', 'ADD', 'REMOVE', 'WASTE', 'COUNT', 'REVALUATION', 'REVERSAL')",
            name=op.f("ck_stock_entries_kind"),
        ),
        sa.CheckConstraint(
            "source_type IN ('item', 'purchase_order', 'adjustment', 'count', 'order')",
            name=op.f("ck_stock_entries_source_type"),
        ),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_stock_entries_item_id")),
        sa.ForeignKeyConstraint(["reverses_id"], ["stock_entries.id"], name=op.f("fk_stock_entries_reverses_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_entries")),
        sa.UniqueConstraint(
            "restaurant_id", "item_id", "number", name=op.f("uq_stock_entries_restaurant_id_item_id_number")
        ),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_stock_entries_reverses_id")),
    )
    op.create_index(
        "ix_stock_entries_restaurant_id_occurred_at", "stock_entries", ["restaurant_id", "occurred_at"], unique=False
    )
    op.create_index(
        "ix_stock_entries_restaurant_id_source_id", "stock_entries", ["restaurant_id", "source_id"], unique=False
    )
    op.create_table(
        "stock_adjustments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("adjustment_type", sa.String(length=10), nullable=False),
        sa.Column("quantity_changed", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("value", sa.Numeric(precision=20, scale=4), server_default="0", nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("adjusted_by", sa.Uuid(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "adjustment_type IN ('ADD', 'REMOVE', 'WASTE', 'TRANSFER')",
            name=op.f("ck_stock_adjustments_adjustment_type"),
        ),
        sa.CheckConstraint("quantity_changed > 0", name=op.f("ck_stock_adjustments_quantity_changed")),
        sa.ForeignKeyConstraint(["entry_id"], ["stock_entries.id"], name=op.f("fk_stock_adjustments_entry_id")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_stock_adjustments_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_adjustments")),
    )
    op.create_index("ix_stock_adjustments_item_id", "stock_adjustments", ["item_id"], unique=False)
    op.create_index(
        "ix_stock_adjustments_restaurant_id_created_at",
        "stock_adjustments",
        ["restaurant_id", "created_at"],
        unique=False,
    )
    enforce_tenancy()
    keep_entries()
    jobs.install(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_stock_adjustments_restaurant_id_created_at", table_name="stock_adjustments")
    op.drop_index("ix_stock_adjustments_item_id", table_name="stock_adjustments")
    op.drop_table("stock_adjustments")
    op.drop_index("ix_stock_entries_restaurant_id_source_id", table_name="stock_entries")
    op.drop_index("ix_stock_entries_restaurant_id_occurred_at", table_name="stock_entries")
    op.drop_table("stock_entries")
    op.drop_index("ix_stock_count_lines_restaurant_id", table_name="stock_count_lines")
    op.drop_table("stock_count_lines")
    op.drop_index("ix_stock_balances_restaurant_id", table_name="stock_balances")
    op.drop_table("stock_balances")
    op.drop_index("ix_recipe_ingredients_sub_recipe_id", table_name="recipe_ingredients")
    op.drop_index("ix_recipe_ingredients_restaurant_id", table_name="recipe_ingredients")
    op.drop_index("ix_recipe_ingredients_item_id", table_name="recipe_ingredients")
    op.drop_table("recipe_ingredients")
    op.drop_index("ix_purchase_order_lines_restaurant_id", table_name="purchase_order_lines")
    op.drop_index("ix_purchase_order_lines_item_id", table_name="purchase_order_lines")
    op.drop_table("purchase_order_lines")
    op.drop_index("ix_purchase_orders_supplier_id", table_name="purchase_orders")
    op.drop_index("ix_purchase_orders_restaurant_id_order_date", table_name="purchase_orders")
    op.drop_table("purchase_orders")
    op.drop_index("uq_items_restaurant_id_name", table_name="items", postgresql_where=sa.text("is_active"))
    op.drop_index("ix_items_supplier_id", table_name="items")
    op.drop_table("items")
    op.drop_table("suppliers")
    op.drop_index("ix_stock_counts_restaurant_id_created_at", table_name="stock_counts")
    op.drop_table("stock_counts")
    op.drop_table("staff_ref")
    op.drop_table("sale_depletions")
    op.drop_table("restaurant_ref")
    op.drop_table("recipes")
    op.drop_table("outbox")
    op.drop_table("menu_item_ref")
    op.drop_index(op.f("ix_inbox_handled_at"), table_name="inbox")
    op.drop_table("inbox")
    op.drop_index(op.f("ix_idempotency_key_created_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index(op.f("ix_dead_letter_failed_at"), table_name="dead_letter")
    op.drop_table("dead_letter")
    op.execute("DROP SCHEMA procrastinate CASCADE")
    op.execute("DROP FUNCTION refuse_change()")


def enforce_tenancy() -> None:
    """Row-level security on every table that belongs to restaurants."""
    for table, column in TENANT_COLUMNS.items():
        for statement in tenant_policies([table], column):
            op.execute(statement)


def keep_entries() -> None:
    """The ledger is only ever added to."""
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'entries of the ledger are never changed'; END $$"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON stock_entries "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


TENANT_COLUMNS = {
    "suppliers": "restaurant_id",
    "items": "restaurant_id",
    "stock_balances": "restaurant_id",
    "stock_entries": "restaurant_id",
    "stock_adjustments": "restaurant_id",
    "stock_counts": "restaurant_id",
    "stock_count_lines": "restaurant_id",
    "purchase_orders": "restaurant_id",
    "purchase_order_lines": "restaurant_id",
    "menu_item_ref": "restaurant_id",
    "recipes": "restaurant_id",
    "recipe_ingredients": "restaurant_id",
    "sale_depletions": "restaurant_id",
    "restaurant_ref": "id",
    "staff_ref": "restaurant_id",
}
