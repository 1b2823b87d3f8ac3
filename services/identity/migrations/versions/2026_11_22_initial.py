"""Accounts, restaurants, credentials, invitations, HR records, requests and the audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit import jobs
from servicekit.db import tenant_policies

revision = "identity_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.String(length=320), server_default="", nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("entity_type", sa.String(length=100), nullable=False),
        sa.Column("entity_id", sa.String(length=100), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("old_values", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("new_values", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("ip_address", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.String(length=500), server_default="", nullable=False),
        sa.Column("request_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("service", sa.String(length=40), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index(
        "audit_entries_action_idx", "audit_entries", ["restaurant_id", "action", "occurred_at"], unique=False
    )
    op.create_index(
        "audit_entries_entity_idx",
        "audit_entries",
        ["restaurant_id", "entity_type", "entity_id", "occurred_at"],
        unique=False,
    )
    op.create_index(
        "audit_entries_restaurant_idx", "audit_entries", ["restaurant_id", "occurred_at", "id"], unique=False
    )
    op.create_index(
        "audit_entries_user_idx", "audit_entries", ["restaurant_id", "user_id", "occurred_at"], unique=False
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
        "languages",
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("native_name", sa.String(length=60), nullable=False),
        sa.Column("right_to_left", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_languages")),
    )
    op.create_table(
        "login_failures",
        sa.Column("scope", sa.String(length=120), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("window_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_login_failures")),
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
        "restaurants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("latitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("radius", sa.Numeric(precision=9, scale=2), server_default="100", nullable=False),
        sa.Column("geofence_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("geofence_polygon", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("timezone", sa.String(length=50), server_default="Africa/Casablanca", nullable=False),
        sa.Column("currency", sa.String(length=10), server_default="MAD", nullable=False),
        sa.Column("language", sa.String(length=10), server_default="en", nullable=False),
        sa.Column("operating_hours", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("automatic_clock_out", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("break_duration", sa.Integer(), server_default="30", nullable=False),
        sa.Column("email_notifications", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("push_notifications", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("general_settings", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("settings_version", sa.BigInteger(), nullable=False),
        sa.Column("restaurant_type", sa.String(length=20), server_default="CASUAL_DINING", nullable=False),
        sa.Column("max_weekly_hours", sa.Numeric(precision=5, scale=2), server_default="40", nullable=False),
        sa.Column("min_rest_hours", sa.Numeric(precision=4, scale=2), server_default="11", nullable=False),
        sa.Column("pin_login_in_geofence", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pos_provider", sa.String(length=20), server_default="NONE", nullable=False),
        sa.Column("pos_merchant_id", sa.String(length=255), nullable=True),
        sa.Column("pos_api_key_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("pos_is_connected", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pos_location_id", sa.String(length=255), nullable=True),
        sa.Column("pos_token_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pos_sync_status", sa.String(length=20), server_default="DISCONNECTED", nullable=False),
        sa.Column("pos_last_sync_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pos_transactions_synced", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ai_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("ai_provider", sa.String(length=20), server_default="GROQ", nullable=False),
        sa.Column("ai_features", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("ai_provider IN ('GROQ', 'OPENAI', 'CLAUDE')", name=op.f("ck_restaurants_ai_provider")),
        sa.CheckConstraint(
            "pos_provider IN ('STRIPE', 'SQUARE', 'TOAST', 'LIGHTSPEED', 'CLOVER', 'CUSTOM', 'NONE')",
            name=op.f("ck_restaurants_pos_provider"),
        ),
        sa.CheckConstraint(
            "pos_sync_status IN ('CONNECTED', 'DISCONNECTED', 'ERROR', 'SYNCING')",
            name=op.f("ck_restaurants_pos_sync_status"),
        ),
        sa.CheckConstraint(
            "restaurant_type IN ('FINE_DINING', 'CASUAL_DINING', 'FAST_FOOD', 'CAFE', 'BAR', 'OTHER')",
            name=op.f("ck_restaurants_restaurant_type"),
        ),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name=op.f("ck_restaurants_latitude_range")),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name=op.f("ck_restaurants_longitude_range")),
        sa.CheckConstraint("radius BETWEEN 5 AND 100", name=op.f("ck_restaurants_radius_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restaurants")),
    )
    op.create_index("restaurants_email_key", "restaurants", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "roles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_roles_restaurant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint("restaurant_id", "code", name=op.f("uq_roles_restaurant_id_code")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("first_name", sa.String(length=150), server_default="", nullable=False),
        sa.Column("last_name", sa.String(length=150), server_default="", nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("phone_digits", sa.String(length=20), nullable=True),
        sa.Column("is_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("preferred_language", sa.String(length=10), nullable=True),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("pin_hash", sa.String(length=255), nullable=True),
        sa.Column("pin_digest", sa.LargeBinary(), nullable=True),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("preferred_language IN ('en', 'fr', 'ar')", name=op.f("ck_users_preferred_language")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_users_restaurant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("number", name=op.f("uq_users_number")),
    )
    op.create_index("users_email_key", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_index("users_phone_idx", "users", ["phone_digits"], unique=False)
    op.create_index("users_pin_key", "users", ["restaurant_id", "pin_digest"], unique=True)
    op.create_index(
        "users_restaurant_name_idx", "users", ["restaurant_id", "first_name", "last_name", "id"], unique=False
    )
    op.create_index("users_restaurant_phone_idx", "users", ["restaurant_id", "phone_digits"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('AGENT', 'INTEGRATION')", name=op.f("ck_api_keys_kind")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_api_keys_created_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_api_keys_restaurant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_index("api_keys_restaurant_idx", "api_keys", ["restaurant_id", "created_at"], unique=False)
    op.create_table(
        "devices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("paired_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["paired_by"], ["users.id"], name=op.f("fk_devices_paired_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_devices_restaurant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_devices_token_digest")),
    )
    op.create_index("devices_restaurant_idx", "devices", ["restaurant_id", "created_at"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("phone_digits", sa.String(length=20), nullable=True),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("first_name", sa.String(length=150), nullable=True),
        sa.Column("last_name", sa.String(length=150), nullable=True),
        sa.Column("department", sa.String(length=100), nullable=True),
        sa.Column("status", sa.String(length=20), server_default="PENDING", nullable=False),
        sa.Column("token_generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("extra_data", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("accepted_by", sa.Uuid(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bulk_batch_id", sa.String(length=50), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('PENDING', 'ACCEPTED', 'REJECTED', 'EXPIRED')", name=op.f("ck_invitations_status")
        ),
        sa.CheckConstraint("email IS NOT NULL OR phone_digits IS NOT NULL", name=op.f("ck_invitations_reachable")),
        sa.ForeignKeyConstraint(
            ["accepted_by"], ["users.id"], name=op.f("fk_invitations_accepted_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["users.id"], name=op.f("fk_invitations_invited_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_invitations_restaurant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
    )
    op.create_index(
        "invitations_pending_email_key",
        "invitations",
        ["restaurant_id", sa.literal_column("lower(email)")],
        unique=True,
        postgresql_where=sa.text("status = 'PENDING' AND email IS NOT NULL"),
    )
    op.create_index(
        "invitations_pending_phone_key",
        "invitations",
        ["restaurant_id", "phone_digits"],
        unique=True,
        postgresql_where=sa.text("status = 'PENDING' AND email IS NULL"),
    )
    op.create_index(
        "invitations_phone_idx",
        "invitations",
        ["phone_digits"],
        unique=False,
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.create_index("invitations_restaurant_idx", "invitations", ["restaurant_id", "sent_at"], unique=False)
    op.create_table(
        "one_time_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("purpose IN ('VERIFY_EMAIL', 'RESET_PASSWORD')", name=op.f("ck_one_time_tokens_purpose")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_one_time_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_tokens")),
    )
    op.create_index("one_time_tokens_user_idx", "one_time_tokens", ["user_id", "purpose"], unique=False)
    op.create_table(
        "performance_metrics",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("metric_type", sa.String(length=50), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("measured_on", sa.Date(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_performance_metrics_restaurant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["users.id"], name=op.f("fk_performance_metrics_staff_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_performance_metrics")),
    )
    op.create_index(
        "performance_metrics_staff_idx",
        "performance_metrics",
        ["restaurant_id", "staff_id", "measured_on"],
        unique=False,
    )
    op.create_table(
        "staff_documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("file_key", sa.String(length=255), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("reminded_days", sa.SmallInteger(), nullable=True),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_staff_documents_restaurant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["users.id"], name=op.f("fk_staff_documents_staff_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by"], ["users.id"], name=op.f("fk_staff_documents_uploaded_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_documents")),
    )
    op.create_index("staff_documents_expiry_idx", "staff_documents", ["expires_on"], unique=False)
    op.create_index(
        "staff_documents_staff_idx", "staff_documents", ["restaurant_id", "staff_id", "uploaded_at"], unique=False
    )
    op.create_table(
        "staff_profiles",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("employee_id", sa.String(length=50), nullable=True),
        sa.Column("position", sa.String(length=100), nullable=True),
        sa.Column("department", sa.String(length=100), nullable=True),
        sa.Column("hourly_rate", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("salary_type", sa.String(length=10), server_default="HOURLY", nullable=False),
        sa.Column("join_date", sa.Date(), nullable=True),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column("contract_end_date", sa.Date(), nullable=True),
        sa.Column("health_card_expiry", sa.Date(), nullable=True),
        sa.Column("promotion_history", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("skills", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("certifications", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("emergency_contact_name", sa.String(length=255), nullable=True),
        sa.Column("emergency_contact_phone", sa.String(length=20), nullable=True),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("image_file", sa.String(length=255), nullable=True),
        sa.Column("last_latitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("last_longitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("last_located_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("geofence_alerts_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("salary_type IN ('HOURLY', 'MONTHLY')", name=op.f("ck_staff_profiles_salary_type")),
        sa.CheckConstraint("hourly_rate >= 0", name=op.f("ck_staff_profiles_hourly_rate_positive")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_staff_profiles_restaurant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_staff_profiles_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_staff_profiles")),
    )
    op.create_index("staff_profiles_restaurant_idx", "staff_profiles", ["restaurant_id"], unique=False)
    op.create_table(
        "staff_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("staff_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("staff_phone", sa.String(length=32), server_default="", nullable=False),
        sa.Column("staff_phone_digits", sa.String(length=20), nullable=True),
        sa.Column("category", sa.String(length=20), server_default="OTHER", nullable=False),
        sa.Column("priority", sa.String(length=10), server_default="MEDIUM", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="PENDING", nullable=False),
        sa.Column("subject", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.String(length=30), server_default="web", nullable=False),
        sa.Column("external_id", sa.String(length=128), server_default="", nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("assigned_to", sa.Uuid(), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "category IN ('DOCUMENT', 'HR', 'SCHEDULING', 'PAYROLL', 'OPERATIONS', 'OTHER')",
            name=op.f("ck_staff_requests_category"),
        ),
        sa.CheckConstraint("priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_staff_requests_priority")),
        sa.CheckConstraint(
            "status IN ('PENDING', 'APPROVED', 'REJECTED', 'ESCALATED', 'CLOSED')",
            name=op.f("ck_staff_requests_status"),
        ),
        sa.ForeignKeyConstraint(
            ["assigned_to"], ["users.id"], name=op.f("fk_staff_requests_assigned_to"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_staff_requests_restaurant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_by"], ["users.id"], name=op.f("fk_staff_requests_reviewed_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["users.id"], name=op.f("fk_staff_requests_staff_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_requests")),
    )
    op.create_index(
        "staff_requests_external_key",
        "staff_requests",
        ["restaurant_id", "source", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id <> ''"),
    )
    op.create_index(
        "staff_requests_inbox_idx", "staff_requests", ["restaurant_id", "status", "created_at"], unique=False
    )
    op.create_index("staff_requests_newest_idx", "staff_requests", ["restaurant_id", "created_at"], unique=False)
    op.create_index(
        "staff_requests_phone_idx",
        "staff_requests",
        ["restaurant_id", "staff_phone_digits"],
        unique=False,
        postgresql_where=sa.text("staff_id IS NULL"),
    )
    op.create_index(
        "staff_requests_staff_idx", "staff_requests", ["restaurant_id", "staff_id", "created_at"], unique=False
    )
    op.create_table(
        "invitation_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("invitation_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("recipient", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="PENDING", nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'whatsapp')", name=op.f("ck_invitation_deliveries_channel")),
        sa.CheckConstraint(
            "status IN ('PENDING', 'SENT', 'ACCEPTED', 'DELIVERED', 'READ', 'FAILED')",
            name=op.f("ck_invitation_deliveries_status"),
        ),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["invitations.id"],
            name=op.f("fk_invitation_deliveries_invitation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurants.id"],
            name=op.f("fk_invitation_deliveries_restaurant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_deliveries")),
    )
    op.create_index(
        "invitation_deliveries_invitation_idx", "invitation_deliveries", ["invitation_id", "sent_at"], unique=False
    )
    op.create_index(
        "invitation_deliveries_restaurant_idx", "invitation_deliveries", ["restaurant_id", "status"], unique=False
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=True),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ip_address", sa.String(length=45), server_default="", nullable=False),
        sa.Column("user_agent", sa.String(length=500), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_because", sa.String(length=40), server_default="", nullable=False),
        sa.CheckConstraint(
            "origin IN ('PASSWORD', 'PIN', 'INVITATION', 'REGISTRATION', 'AGENT')", name=op.f("ck_sessions_origin")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_sessions_device_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurants.id"], name=op.f("fk_sessions_restaurant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("sessions_expiry_idx", "sessions", ["expires_at"], unique=False)
    op.create_index("sessions_user_idx", "sessions", ["user_id", "created_at"], unique=False)
    op.create_table(
        "staff_request_attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("file_key", sa.String(length=255), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["staff_requests.id"],
            name=op.f("fk_staff_request_attachments_request_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurants.id"],
            name=op.f("fk_staff_request_attachments_restaurant_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by"], ["users.id"], name=op.f("fk_staff_request_attachments_uploaded_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_request_attachments")),
    )
    op.create_index(
        "staff_request_attachments_request_idx",
        "staff_request_attachments",
        ["request_id", "uploaded_at"],
        unique=False,
    )
    op.create_table(
        "staff_request_comments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=20), server_default="comment", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('comment', 'status_change', 'system')", name=op.f("ck_staff_request_comments_kind")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_staff_request_comments_author_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["staff_requests.id"], name=op.f("fk_staff_request_comments_request_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurants.id"],
            name=op.f("fk_staff_request_comments_restaurant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_request_comments")),
    )
    op.create_index(
        "staff_request_comments_request_idx", "staff_request_comments", ["request_id", "created_at"], unique=False
    )
    enforce_tenancy()


def downgrade() -> None:
    op.drop_index("staff_request_comments_request_idx", table_name="staff_request_comments")
    op.drop_table("staff_request_comments")
    op.drop_index("staff_request_attachments_request_idx", table_name="staff_request_attachments")
    op.drop_table("staff_request_attachments")
    op.drop_index("sessions_user_idx", table_name="sessions")
    op.drop_index("sessions_expiry_idx", table_name="sessions")
    op.drop_table("sessions")
    op.drop_index("invitation_deliveries_restaurant_idx", table_name="invitation_deliveries")
    op.drop_index("invitation_deliveries_invitation_idx", table_name="invitation_deliveries")
    op.drop_table("invitation_deliveries")
    op.drop_index("staff_requests_staff_idx", table_name="staff_requests")
    op.drop_index("staff_requests_phone_idx", table_name="staff_requests", postgresql_where=sa.text("staff_id IS NULL"))
    op.drop_index("staff_requests_newest_idx", table_name="staff_requests")
    op.drop_index("staff_requests_inbox_idx", table_name="staff_requests")
    op.drop_index(
        "staff_requests_external_key", table_name="staff_requests", postgresql_where=sa.text("external_id <> ''")
    )
    op.drop_table("staff_requests")
    op.drop_index("staff_profiles_restaurant_idx", table_name="staff_profiles")
    op.drop_table("staff_profiles")
    op.drop_index("staff_documents_staff_idx", table_name="staff_documents")
    op.drop_index("staff_documents_expiry_idx", table_name="staff_documents")
    op.drop_table("staff_documents")
    op.drop_index("performance_metrics_staff_idx", table_name="performance_metrics")
    op.drop_table("performance_metrics")
    op.drop_index("one_time_tokens_user_idx", table_name="one_time_tokens")
    op.drop_table("one_time_tokens")
    op.drop_index("invitations_restaurant_idx", table_name="invitations")
    op.drop_index("invitations_phone_idx", table_name="invitations", postgresql_where=sa.text("status = 'PENDING'"))
    op.drop_index(
        "invitations_pending_phone_key",
        table_name="invitations",
        postgresql_where=sa.text("status = 'PENDING' AND email IS NULL"),
    )
    op.drop_index(
        "invitations_pending_email_key",
        table_name="invitations",
        postgresql_where=sa.text("status = 'PENDING' AND email IS NOT NULL"),
    )
    op.drop_table("invitations")
    op.drop_index("devices_restaurant_idx", table_name="devices")
    op.drop_table("devices")
    op.drop_index("api_keys_restaurant_idx", table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_index("users_restaurant_phone_idx", table_name="users")
    op.drop_index("users_restaurant_name_idx", table_name="users")
    op.drop_index("users_pin_key", table_name="users")
    op.drop_index("users_phone_idx", table_name="users")
    op.drop_index("users_email_key", table_name="users")
    op.drop_table("users")
    op.drop_table("roles")
    op.drop_index("restaurants_email_key", table_name="restaurants")
    op.drop_table("restaurants")
    op.drop_table("outbox")
    op.drop_table("login_failures")
    op.drop_table("languages")
    op.drop_index(op.f("ix_inbox_handled_at"), table_name="inbox")
    op.drop_table("inbox")
    op.drop_index(op.f("ix_idempotency_key_created_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index(op.f("ix_dead_letter_failed_at"), table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_index("audit_entries_user_idx", table_name="audit_entries")
    op.drop_index("audit_entries_restaurant_idx", table_name="audit_entries")
    op.drop_index("audit_entries_entity_idx", table_name="audit_entries")
    op.drop_index("audit_entries_action_idx", table_name="audit_entries")
    op.drop_table("audit_entries")


def enforce_tenancy() -> None:
    """Row-level security on every table that belongs to restaurants, and the job queue's own schema."""
    for table, column in TENANT_COLUMNS.items():
        for statement in tenant_policies([table], column):
            op.execute(statement)
    jobs.install(op.get_bind())


TENANT_COLUMNS = {
    "restaurants": "id",
    "users": "restaurant_id",
    "staff_profiles": "restaurant_id",
    "performance_metrics": "restaurant_id",
    "sessions": "restaurant_id",
    "devices": "restaurant_id",
    "roles": "restaurant_id",
    "api_keys": "restaurant_id",
    "invitations": "restaurant_id",
    "invitation_deliveries": "restaurant_id",
    "staff_documents": "restaurant_id",
    "staff_requests": "restaurant_id",
    "staff_request_comments": "restaurant_id",
    "staff_request_attachments": "restaurant_id",
    "audit_entries": "restaurant_id",
}
