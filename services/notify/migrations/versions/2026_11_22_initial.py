"""Preferences, notifications and their deliveries, announcements, WhatsApp, and the copies of restaurants and staff."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit import jobs
from servicekit.db import tenant_policies

revision = "notify_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.String(length=50)), nullable=False),
        sa.Column("targeting", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.String(length=10)), nullable=False),
        sa.Column("override_preferences", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_scheduled", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_announcements_priority")),
        sa.CheckConstraint(
            "status IN ('SCHEDULED', 'SENDING', 'SENT', 'CANCELLED')", name=op.f("ck_announcements_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )
    op.create_index(
        "ix_announcements_due",
        "announcements",
        ["scheduled_for"],
        unique=False,
        postgresql_where=sa.text("status IN ('SCHEDULED', 'SENDING')"),
    )
    op.create_index(
        "ix_announcements_list", "announcements", ["restaurant_id", sa.literal_column("created_at DESC")], unique=False
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
        "device_tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.String(length=255), nullable=False),
        sa.Column("device_type", sa.String(length=10), nullable=False),
        sa.Column("device_name", sa.String(length=100), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("device_type IN ('ANDROID', 'IOS', 'WEB')", name=op.f("ck_device_tokens_device_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_tokens")),
        sa.UniqueConstraint("token", name=op.f("uq_device_tokens_token")),
    )
    op.create_index("ix_device_tokens_person", "device_tokens", ["restaurant_id", "user_id"], unique=False)
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
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("words", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("related_shift_id", sa.Uuid(), nullable=True),
        sa.Column("related_task_id", sa.Uuid(), nullable=True),
        sa.Column("announcement_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_notifications_priority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "restaurant_id", "recipient_id", "key", name=op.f("uq_notifications_restaurant_id_recipient_id_key")
        ),
    )
    op.create_index(
        "ix_notifications_announcement",
        "notifications",
        ["restaurant_id", "announcement_id", "recipient_id"],
        unique=False,
    )
    op.create_index("ix_notifications_created", "notifications", ["created_at"], unique=False)
    op.create_index(
        "ix_notifications_list",
        "notifications",
        ["restaurant_id", "recipient_id", sa.literal_column("created_at DESC"), "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["restaurant_id", "recipient_id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL AND read_at IS NULL"),
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
        "preferences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("notifications_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("email_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("push_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("whatsapp_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("shift_notifications", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("task_notifications", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("availability_notifications", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("compliance_notifications", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("emergency_notifications", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("announcement_notifications", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("quiet_hours_start", sa.Time(), nullable=True),
        sa.Column("quiet_hours_end", sa.Time(), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("channel_exceptions", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preferences")),
        sa.UniqueConstraint("restaurant_id", "user_id", name=op.f("uq_preferences_restaurant_id_user_id")),
    )
    op.create_table(
        "provider_paces",
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_provider_paces")),
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
        "shift_refs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_published", sa.Boolean(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_refs")),
    )
    op.create_index("ix_shift_refs_time", "shift_refs", ["restaurant_id", "starts_at"], unique=False)
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
        "whatsapp_messages",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("message", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_whatsapp_messages")),
    )
    op.create_index("ix_whatsapp_messages_received", "whatsapp_messages", ["received_at"], unique=False)
    op.create_index(
        "ix_whatsapp_messages_waiting",
        "whatsapp_messages",
        ["phone", "seq"],
        unique=False,
        postgresql_where=sa.text("processed_at IS NULL"),
    )
    op.create_table(
        "whatsapp_sessions",
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=40), server_default="idle", nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("last_inbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("phone", name=op.f("pk_whatsapp_sessions")),
    )
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("announcement_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("original_name", sa.String(length=255), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["announcement_id"], ["announcements.id"], name=op.f("fk_attachments_announcement_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    op.create_index("ix_attachments_announcement", "attachments", ["restaurant_id", "announcement_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=True),
        sa.Column("addressee", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("is_critical", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.String(length=255), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("channel IN ('app', 'push', 'whatsapp', 'email')", name=op.f("ck_deliveries_channel")),
        sa.CheckConstraint(
            "state IN ('PENDING', 'SENDING', 'UNCERTAIN', 'SENT', 'DELIVERED', 'READ', 'FAILED', 'SKIPPED', "
            "'CANCELLED')",
            name=op.f("ck_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notifications.id"], name=op.f("fk_deliveries_notification_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "restaurant_id",
            "addressee",
            "channel",
            "key",
            name=op.f("uq_deliveries_restaurant_id_addressee_channel_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_deliveries_notification", "deliveries", ["notification_id"], unique=False)
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["not_before"],
        unique=False,
        postgresql_where=sa.text("state IN ('PENDING', 'SENDING')"),
    )
    op.create_index(
        "ix_deliveries_provider",
        "deliveries",
        ["channel", "provider_id"],
        unique=False,
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )
    op.create_index("ix_deliveries_settled", "deliveries", ["restaurant_id", "state", "updated_at"], unique=False)
    op.create_table(
        "delivery_issues",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("reporter_id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=15), server_default="OPEN", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('OPEN', 'INVESTIGATING', 'RESOLVED')", name=op.f("ck_delivery_issues_status")),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.id"],
            name=op.f("fk_delivery_issues_notification_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_issues")),
    )
    op.create_index(
        "ix_delivery_issues_list",
        "delivery_issues",
        ["restaurant_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    enforce_tenancy()
    jobs.install(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_delivery_issues_list", table_name="delivery_issues")
    op.drop_table("delivery_issues")
    op.drop_index("ix_deliveries_settled", table_name="deliveries")
    op.drop_index(
        "ix_deliveries_provider", table_name="deliveries", postgresql_where=sa.text("provider_id IS NOT NULL")
    )
    op.drop_index(
        "ix_deliveries_open", table_name="deliveries", postgresql_where=sa.text("state IN ('PENDING', 'SENDING')")
    )
    op.drop_index("ix_deliveries_notification", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index("ix_attachments_announcement", table_name="attachments")
    op.drop_table("attachments")
    op.drop_table("whatsapp_sessions")
    op.drop_index(
        "ix_whatsapp_messages_waiting", table_name="whatsapp_messages", postgresql_where=sa.text("processed_at IS NULL")
    )
    op.drop_index("ix_whatsapp_messages_received", table_name="whatsapp_messages")
    op.drop_table("whatsapp_messages")
    op.drop_table("staff_ref")
    op.drop_index("ix_shift_refs_time", table_name="shift_refs")
    op.drop_table("shift_refs")
    op.drop_table("restaurant_ref")
    op.drop_table("provider_paces")
    op.drop_table("preferences")
    op.drop_table("outbox")
    op.drop_index(
        "ix_notifications_unread",
        table_name="notifications",
        postgresql_where=sa.text("deleted_at IS NULL AND read_at IS NULL"),
    )
    op.drop_index("ix_notifications_list", table_name="notifications", postgresql_where=sa.text("deleted_at IS NULL"))
    op.drop_index("ix_notifications_created", table_name="notifications")
    op.drop_index("ix_notifications_announcement", table_name="notifications")
    op.drop_table("notifications")
    op.drop_index(op.f("ix_inbox_handled_at"), table_name="inbox")
    op.drop_table("inbox")
    op.drop_index(op.f("ix_idempotency_key_created_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index("ix_device_tokens_person", table_name="device_tokens")
    op.drop_table("device_tokens")
    op.drop_index(op.f("ix_dead_letter_failed_at"), table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_index("ix_announcements_list", table_name="announcements")
    op.drop_index(
        "ix_announcements_due",
        table_name="announcements",
        postgresql_where=sa.text("status IN ('SCHEDULED', 'SENDING')"),
    )
    op.drop_table("announcements")
    op.execute("DROP SCHEMA procrastinate CASCADE")


def enforce_tenancy() -> None:
    """Row-level security on every table that belongs to restaurants."""
    for table, column in TENANT_COLUMNS.items():
        for statement in tenant_policies([table], column):
            op.execute(statement)


TENANT_COLUMNS = {
    "announcements": "restaurant_id",
    "attachments": "restaurant_id",
    "deliveries": "restaurant_id",
    "delivery_issues": "restaurant_id",
    "device_tokens": "restaurant_id",
    "notifications": "restaurant_id",
    "preferences": "restaurant_id",
    "shift_refs": "restaurant_id",
    "whatsapp_sessions": "restaurant_id",
    "restaurant_ref": "id",
    "staff_ref": "restaurant_id",
}
