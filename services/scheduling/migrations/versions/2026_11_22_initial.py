"""Weeks, shifts and the people on them, availability, swaps, tasks, safety, and the copies of restaurants and staff."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit import jobs
from servicekit.db import tenant_policies

revision = "scheduling_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.create_table(
        "availability",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("availability_type", sa.String(length=20), server_default="REGULAR", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="APPROVED", nullable=False),
        sa.Column("priority", sa.String(length=20), server_default="MEDIUM", nullable=False),
        sa.Column("day_of_week", sa.SmallInteger(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("start_time", sa.Time(), nullable=True),
        sa.Column("end_time", sa.Time(), nullable=True),
        sa.Column("is_available", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("preferred_hours_per_week", sa.Integer(), nullable=True),
        sa.Column("max_consecutive_days", sa.Integer(), nullable=True),
        sa.Column("min_hours_between_shifts", sa.Integer(), server_default="8", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approval_notes", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "availability_type IN ('REGULAR', 'TIME_OFF', 'PREFERRED', 'UNAVAILABLE', 'EMERGENCY')",
            name=op.f("ck_availability_availability_type"),
        ),
        sa.CheckConstraint("priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_availability_priority")),
        sa.CheckConstraint(
            "status IN ('PENDING', 'APPROVED', 'DENIED', 'CANCELLED')", name=op.f("ck_availability_status")
        ),
        sa.CheckConstraint("day_of_week BETWEEN 0 AND 6", name=op.f("ck_availability_day_of_week")),
        sa.CheckConstraint("day_of_week IS NOT NULL OR first_day IS NOT NULL", name=op.f("ck_availability_days")),
        sa.CheckConstraint("last_day >= first_day", name=op.f("ck_availability_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_availability")),
    )
    op.create_index(
        op.f("ix_availability_restaurant_id_staff_id"), "availability", ["restaurant_id", "staff_id"], unique=False
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
        "holidays",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("is_closed", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holidays")),
        sa.UniqueConstraint("restaurant_id", "date", name=op.f("uq_holidays_restaurant_id_date")),
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
        "procedures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=100), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("safety_level", sa.String(length=20), server_default="MEDIUM", nullable=False),
        sa.Column("required_ppe", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "safety_level IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')", name=op.f("ck_procedures_safety_level")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procedures")),
    )
    op.create_index(op.f("ix_procedures_restaurant_id_title"), "procedures", ["restaurant_id", "title"], unique=False)
    op.create_table(
        "processes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=20), server_default="DRAFT", nullable=False),
        sa.Column("priority", sa.String(length=20), server_default="MEDIUM", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("sop_document", sa.Text(), nullable=True),
        sa.Column("sop_steps", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("is_critical", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_processes_priority")),
        sa.CheckConstraint("status IN ('DRAFT', 'ACTIVE', 'PAUSED', 'ARCHIVED')", name=op.f("ck_processes_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_index(
        op.f("ix_processes_restaurant_id_created_at"), "processes", ["restaurant_id", "created_at"], unique=False
    )
    op.create_table(
        "recognitions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("recognition_type", sa.String(length=50), nullable=False),
        sa.Column("points", sa.Integer(), server_default="0", nullable=False),
        sa.Column("awarded_by", sa.Uuid(), nullable=True),
        sa.Column("awarded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recognitions")),
    )
    op.create_index(
        op.f("ix_recognitions_restaurant_id_staff_id"), "recognitions", ["restaurant_id", "staff_id"], unique=False
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
        "safety_checklists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("category", sa.String(length=100), nullable=False),
        sa.Column("frequency", sa.String(length=50), nullable=False),
        sa.Column("is_completed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety_checklists")),
    )
    op.create_index(
        op.f("ix_safety_checklists_restaurant_id_title"), "safety_checklists", ["restaurant_id", "title"], unique=False
    )
    op.create_table(
        "schedule_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_templates")),
    )
    op.create_index(
        op.f("ix_schedule_templates_restaurant_id_name"), "schedule_templates", ["restaurant_id", "name"], unique=False
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
        "task_categories",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=True),
        sa.Column("color", sa.String(length=7), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_categories")),
        sa.UniqueConstraint("restaurant_id", "name", name=op.f("uq_task_categories_restaurant_id_name")),
    )
    op.create_table(
        "task_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("template_type", sa.String(length=20), nullable=False),
        sa.Column("frequency", sa.String(length=20), server_default="DAILY", nullable=False),
        sa.Column("priority_level", sa.String(length=20), server_default="MEDIUM", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("is_critical", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("ai_generated", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("tasks", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("i18n", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("usage_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_used", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "frequency IN ('DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'ANNUALLY', 'CUSTOM')",
            name=op.f("ck_task_templates_frequency"),
        ),
        sa.CheckConstraint(
            "priority_level IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_task_templates_priority_level")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_templates")),
    )
    op.create_index(
        op.f("ix_task_templates_restaurant_id_name"), "task_templates", ["restaurant_id", "name"], unique=False
    )
    op.create_table(
        "weekly_schedules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("week_start", sa.Date(), nullable=False),
        sa.Column("is_published", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("EXTRACT(ISODOW FROM week_start) = 1", name=op.f("ck_weekly_schedules_week_start")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weekly_schedules")),
        sa.UniqueConstraint("restaurant_id", "week_start", name=op.f("uq_weekly_schedules_restaurant_id_week_start")),
    )
    op.create_table(
        "process_tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("process_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("priority", sa.String(length=20), server_default="MEDIUM", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="TODO", nullable=False),
        sa.Column("assigned_to", sa.Uuid(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("due_time", sa.Time(), nullable=True),
        sa.Column("estimated_minutes", sa.Integer(), nullable=True),
        sa.Column("verification_type", sa.String(length=30), server_default="NONE", nullable=False),
        sa.Column("verification_required", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("progress", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completion_notes", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_process_tasks_priority")),
        sa.CheckConstraint(
            "status IN ('TODO', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED')", name=op.f("ck_process_tasks_status")
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_process_tasks_progress")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["task_categories.id"], name=op.f("fk_process_tasks_category_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["process_id"], ["processes.id"], name=op.f("fk_process_tasks_process_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process_tasks")),
    )
    op.create_index(
        op.f("ix_process_tasks_restaurant_id_process_id"),
        "process_tasks",
        ["restaurant_id", "process_id"],
        unique=False,
    )
    op.create_table(
        "schedule_publications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("shifts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            ["weekly_schedules.id"],
            name=op.f("fk_schedule_publications_schedule_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_publications")),
    )
    op.create_index(
        op.f("ix_schedule_publications_restaurant_id_schedule_id_number"),
        "schedule_publications",
        ["restaurant_id", "schedule_id", "number"],
        unique=True,
    )
    op.create_table(
        "shifts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("shift_date", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "period",
            postgresql.TSTZRANGE(),
            sa.Computed("tstzrange(starts_at, ends_at, '[)')", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "occupies",
            sa.Boolean(),
            sa.Computed("status IN ('SCHEDULED', 'CONFIRMED', 'IN_PROGRESS', 'COMPLETED')", persisted=True),
            nullable=False,
        ),
        sa.Column("break_minutes", sa.SmallInteger(), server_default="30", nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="SCHEDULED", nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("is_confirmed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("color", sa.String(length=7), server_default="#6b7280", nullable=False),
        sa.Column("required_skills", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column(
            "required_certifications", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column("equipment_needed", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("preparation_instructions", sa.Text(), nullable=True),
        sa.Column("workspace_location", sa.String(length=255), nullable=True),
        sa.Column("department", sa.String(length=100), nullable=True),
        sa.Column("is_recurring", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("recurrence_group_id", sa.Uuid(), nullable=True),
        sa.Column("task_templates", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("last_modified_by", sa.Uuid(), nullable=True),
        sa.Column("shift_reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_in_reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('SCHEDULED', 'CONFIRMED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'NO_SHOW')",
            name=op.f("ck_shifts_status"),
        ),
        sa.CheckConstraint("break_minutes >= 0", name=op.f("ck_shifts_break_minutes")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_shifts_period")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["weekly_schedules.id"], name=op.f("fk_shifts_schedule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
        sa.UniqueConstraint("id", "period", "occupies", name=op.f("uq_shifts_id_period_occupies")),
    )
    op.create_index(
        op.f("ix_shifts_restaurant_id_recurrence_group_id"),
        "shifts",
        ["restaurant_id", "recurrence_group_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_shifts_restaurant_id_schedule_id"), "shifts", ["restaurant_id", "schedule_id"], unique=False
    )
    op.create_index(op.f("ix_shifts_restaurant_id_shift_date"), "shifts", ["restaurant_id", "shift_date"], unique=False)
    op.create_index("ix_shifts_starts_at", "shifts", ["starts_at"], unique=False, postgresql_where=sa.text("occupies"))
    op.create_table(
        "template_shifts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("day_of_week", sa.SmallInteger(), nullable=False),
        sa.Column("start_time", sa.Time(), nullable=True),
        sa.Column("end_time", sa.Time(), nullable=True),
        sa.Column("required_staff", sa.SmallInteger(), server_default="1", nullable=False),
        sa.CheckConstraint("day_of_week BETWEEN 0 AND 6", name=op.f("ck_template_shifts_day_of_week")),
        sa.CheckConstraint("required_staff > 0", name=op.f("ck_template_shifts_required_staff")),
        sa.ForeignKeyConstraint(
            ["template_id"], ["schedule_templates.id"], name=op.f("fk_template_shifts_template_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_shifts")),
    )
    op.create_index(
        op.f("ix_template_shifts_restaurant_id_template_id"),
        "template_shifts",
        ["restaurant_id", "template_id"],
        unique=False,
    )
    op.create_table(
        "template_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("shifts", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["schedule_templates.id"],
            name=op.f("fk_template_versions_template_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_versions")),
    )
    op.create_index(
        op.f("ix_template_versions_restaurant_id_template_id_number"),
        "template_versions",
        ["restaurant_id", "template_id", "number"],
        unique=True,
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("incident_type", sa.String(length=100), server_default="General", nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("location", sa.String(length=255), nullable=True),
        sa.Column("severity", sa.String(length=20), server_default="MEDIUM", nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shift_id", sa.Uuid(), nullable=True),
        sa.Column("is_anonymous", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("reporter_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(length=20), server_default="REPORTED", nullable=False),
        sa.Column("audio_evidence", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("resolution_notes", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')", name=op.f("ck_incidents_severity")),
        sa.CheckConstraint(
            "status IN ('REPORTED', 'UNDER_REVIEW', 'ADDRESSED', 'RESOLVED', 'DISMISSED')",
            name=op.f("ck_incidents_status"),
        ),
        sa.ForeignKeyConstraint(["shift_id"], ["shifts.id"], name=op.f("fk_incidents_shift_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(
        op.f("ix_incidents_restaurant_id_created_at"), "incidents", ["restaurant_id", "created_at"], unique=False
    )
    op.create_table(
        "shift_people",
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("period", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("occupies", sa.Boolean(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("restaurant_id"), "="),
            (sa.column("user_id"), "="),
            (sa.column("period"), "&&"),
            where=sa.text("occupies"),
            using="gist",
            name="ex_shift_people_double_booking",
        ),
        sa.ForeignKeyConstraint(
            ["shift_id", "period", "occupies"],
            ["shifts.id", "shifts.period", "shifts.occupies"],
            name=op.f("fk_shift_people_shift_id_period_occupies"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("shift_id", "user_id", name=op.f("pk_shift_people")),
    )
    op.create_table(
        "shift_tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=True),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("template_id", sa.Uuid(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("priority", sa.String(length=20), server_default="MEDIUM", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="TODO", nullable=False),
        sa.Column("assigned_to", sa.Uuid(), nullable=True),
        sa.Column("estimated_minutes", sa.Integer(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_shift_tasks_priority")),
        sa.CheckConstraint(
            "status IN ('TODO', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED')", name=op.f("ck_shift_tasks_status")
        ),
        sa.ForeignKeyConstraint(
            ["category_id"], ["task_categories.id"], name=op.f("fk_shift_tasks_category_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["shift_tasks.id"], name=op.f("fk_shift_tasks_parent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["shift_id"], ["shifts.id"], name=op.f("fk_shift_tasks_shift_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["template_id"], ["task_templates.id"], name=op.f("fk_shift_tasks_template_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_tasks")),
    )
    op.create_index(
        op.f("ix_shift_tasks_restaurant_id_assigned_to"), "shift_tasks", ["restaurant_id", "assigned_to"], unique=False
    )
    op.create_index(
        op.f("ix_shift_tasks_restaurant_id_created_at"), "shift_tasks", ["restaurant_id", "created_at"], unique=False
    )
    op.create_index(
        op.f("ix_shift_tasks_restaurant_id_shift_id"), "shift_tasks", ["restaurant_id", "shift_id"], unique=False
    )
    op.create_table(
        "swap_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("receiver_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(length=20), server_default="PENDING", nullable=False),
        sa.Column("request_message", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('PENDING', 'APPROVED', 'REJECTED', 'CANCELLED')", name=op.f("ck_swap_requests_status")
        ),
        sa.ForeignKeyConstraint(
            ["shift_id"], ["shifts.id"], name=op.f("fk_swap_requests_shift_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_swap_requests")),
    )
    op.create_index(
        op.f("ix_swap_requests_restaurant_id_created_at"),
        "swap_requests",
        ["restaurant_id", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_swap_requests_restaurant_id_shift_id"), "swap_requests", ["restaurant_id", "shift_id"], unique=False
    )
    op.create_index(
        "uq_swap_requests_pending",
        "swap_requests",
        [
            "shift_id",
            "requester_id",
            sa.literal_column("COALESCE(receiver_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
        ],
        unique=True,
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("template_id", sa.Uuid(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("shift_id", sa.Uuid(), nullable=True),
        sa.Column("assigned_to", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("priority", sa.String(length=20), server_default="MEDIUM", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="TODO", nullable=False),
        sa.Column("progress", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("due_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_minutes", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_by", sa.Uuid(), nullable=True),
        sa.Column("completion_notes", sa.Text(), nullable=True),
        sa.Column("is_recurring", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("recurrence_pattern", sa.String(length=50), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_tasks_priority")),
        sa.CheckConstraint("status IN ('TODO', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED')", name=op.f("ck_tasks_status")),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_tasks_progress")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["task_categories.id"], name=op.f("fk_tasks_category_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["tasks.id"], name=op.f("fk_tasks_parent_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["shift_id"], ["shifts.id"], name=op.f("fk_tasks_shift_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["template_id"], ["task_templates.id"], name=op.f("fk_tasks_template_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index(op.f("ix_tasks_assigned_to"), "tasks", ["assigned_to"], unique=False, postgresql_using="gin")
    op.create_index(op.f("ix_tasks_restaurant_id_due_date"), "tasks", ["restaurant_id", "due_date"], unique=False)
    enforce_tenancy()
    jobs.install(op.get_bind())


def downgrade() -> None:
    op.drop_index(op.f("ix_tasks_restaurant_id_due_date"), table_name="tasks")
    op.drop_index(op.f("ix_tasks_assigned_to"), table_name="tasks", postgresql_using="gin")
    op.drop_table("tasks")
    op.drop_index(
        "uq_swap_requests_pending", table_name="swap_requests", postgresql_where=sa.text("status = 'PENDING'")
    )
    op.drop_index(op.f("ix_swap_requests_restaurant_id_shift_id"), table_name="swap_requests")
    op.drop_index(op.f("ix_swap_requests_restaurant_id_created_at"), table_name="swap_requests")
    op.drop_table("swap_requests")
    op.drop_index(op.f("ix_shift_tasks_restaurant_id_shift_id"), table_name="shift_tasks")
    op.drop_index(op.f("ix_shift_tasks_restaurant_id_created_at"), table_name="shift_tasks")
    op.drop_index(op.f("ix_shift_tasks_restaurant_id_assigned_to"), table_name="shift_tasks")
    op.drop_table("shift_tasks")
    op.drop_table("shift_people")
    op.drop_index(op.f("ix_incidents_restaurant_id_created_at"), table_name="incidents")
    op.drop_table("incidents")
    op.drop_index(op.f("ix_template_versions_restaurant_id_template_id_number"), table_name="template_versions")
    op.drop_table("template_versions")
    op.drop_index(op.f("ix_template_shifts_restaurant_id_template_id"), table_name="template_shifts")
    op.drop_table("template_shifts")
    op.drop_index("ix_shifts_starts_at", table_name="shifts", postgresql_where=sa.text("occupies"))
    op.drop_index(op.f("ix_shifts_restaurant_id_shift_date"), table_name="shifts")
    op.drop_index(op.f("ix_shifts_restaurant_id_schedule_id"), table_name="shifts")
    op.drop_index(op.f("ix_shifts_restaurant_id_recurrence_group_id"), table_name="shifts")
    op.drop_table("shifts")
    op.drop_index(op.f("ix_schedule_publications_restaurant_id_schedule_id_number"), table_name="schedule_publications")
    op.drop_table("schedule_publications")
    op.drop_index(op.f("ix_process_tasks_restaurant_id_process_id"), table_name="process_tasks")
    op.drop_table("process_tasks")
    op.drop_table("weekly_schedules")
    op.drop_index(op.f("ix_task_templates_restaurant_id_name"), table_name="task_templates")
    op.drop_table("task_templates")
    op.drop_table("task_categories")
    op.drop_table("staff_ref")
    op.drop_index(op.f("ix_schedule_templates_restaurant_id_name"), table_name="schedule_templates")
    op.drop_table("schedule_templates")
    op.drop_index(op.f("ix_safety_checklists_restaurant_id_title"), table_name="safety_checklists")
    op.drop_table("safety_checklists")
    op.drop_table("restaurant_ref")
    op.drop_index(op.f("ix_recognitions_restaurant_id_staff_id"), table_name="recognitions")
    op.drop_table("recognitions")
    op.drop_index(op.f("ix_processes_restaurant_id_created_at"), table_name="processes")
    op.drop_table("processes")
    op.drop_index(op.f("ix_procedures_restaurant_id_title"), table_name="procedures")
    op.drop_table("procedures")
    op.drop_table("outbox")
    op.drop_index(op.f("ix_inbox_handled_at"), table_name="inbox")
    op.drop_table("inbox")
    op.drop_index(op.f("ix_idempotency_key_created_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_table("holidays")
    op.drop_index(op.f("ix_dead_letter_failed_at"), table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_index(op.f("ix_availability_restaurant_id_staff_id"), table_name="availability")
    op.drop_table("availability")
    op.execute("DROP SCHEMA procrastinate CASCADE")
    op.execute("DROP EXTENSION btree_gist")


def enforce_tenancy() -> None:
    """Row-level security on every table that belongs to restaurants."""
    for table, column in TENANT_COLUMNS.items():
        for statement in tenant_policies([table], column):
            op.execute(statement)


TENANT_COLUMNS = {
    "availability": "restaurant_id",
    "holidays": "restaurant_id",
    "incidents": "restaurant_id",
    "procedures": "restaurant_id",
    "processes": "restaurant_id",
    "process_tasks": "restaurant_id",
    "schedule_publications": "restaurant_id",
    "recognitions": "restaurant_id",
    "safety_checklists": "restaurant_id",
    "schedule_templates": "restaurant_id",
    "shifts": "restaurant_id",
    "shift_people": "restaurant_id",
    "shift_tasks": "restaurant_id",
    "swap_requests": "restaurant_id",
    "tasks": "restaurant_id",
    "task_categories": "restaurant_id",
    "task_templates": "restaurant_id",
    "template_shifts": "restaurant_id",
    "template_versions": "restaurant_id",
    "weekly_schedules": "restaurant_id",
    "restaurant_ref": "id",
    "staff_ref": "restaurant_id",
}
