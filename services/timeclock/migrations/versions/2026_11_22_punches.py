"""Keeps punches, sessions, shifts, wages and timesheets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit.db import tenant_policies

revision = "timeclock_0002"
down_revision = "timeclock_0001"
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "punches",
    "punch_photos",
    "early_allowances",
    "work_sessions",
    "attendance_marks",
    "clock_settings",
    "holidays",
    "wages",
    "shift_refs",
    "timesheets",
    "timesheet_lines",
    "timesheet_entries",
)
REFUSE_CHANGES = """
    CREATE FUNCTION refuse_change_of_punch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the log of punches is only added to' USING ERRCODE = 'restrict_violation';
    END $$
"""


def upgrade() -> None:
    op.create_table(
        "attendance_marks",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('LATE', 'ABSENT', 'LEFT_EARLY', 'FORGOTTEN')", name=op.f("ck_attendance_marks_kind")
        ),
        sa.PrimaryKeyConstraint("subject_id", "staff_id", "kind", name=op.f("pk_attendance_marks")),
    )
    op.create_index("attendance_marks_at_idx", "attendance_marks", ["restaurant_id", "at"], unique=False)
    op.create_table(
        "clock_settings",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("day_starts_at", sa.Time(), server_default="00:00", nullable=False),
        sa.Column("week_starts_on", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("early_clock_in_minutes", sa.Integer(), nullable=True),
        sa.Column("late_grace_minutes", sa.Integer(), server_default="5", nullable=False),
        sa.Column("absent_after_minutes", sa.Integer(), server_default="30", nullable=False),
        sa.Column("early_leave_grace_minutes", sa.Integer(), server_default="5", nullable=False),
        sa.Column("auto_clock_out_minutes", sa.Integer(), server_default="60", nullable=False),
        sa.Column("deduct_missed_breaks", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("break_after_minutes", sa.Integer(), server_default="360", nullable=False),
        sa.Column("photo_retention_days", sa.Integer(), server_default="90", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_clock_settings")),
    )
    op.create_table(
        "early_allowances",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("allowed_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_early_allowances")),
    )
    op.create_index(
        "early_allowances_staff_idx", "early_allowances", ["restaurant_id", "staff_id", "valid_until"], unique=False
    )
    op.create_table(
        "holidays",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("multiplier", sa.Numeric(precision=4, scale=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holidays")),
        sa.UniqueConstraint("restaurant_id", "day", name=op.f("uq_holidays_restaurant_id_day")),
    )
    op.create_table(
        "punch_photos",
        sa.Column("punch_id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("file_key", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("punch_id", name=op.f("pk_punch_photos")),
    )
    op.create_index("punch_photos_expiry_idx", "punch_photos", ["expires_at"], unique=False)
    op.create_table(
        "punches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("punch_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("voided", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("paid_break", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=True),
        sa.Column("confirms_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Text(), server_default="", nullable=False),
        sa.Column("client_key", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("accuracy", sa.Double(), nullable=True),
        sa.Column("distance", sa.Double(), nullable=True),
        sa.Column("location_verified", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("(kind = 'CONFIRM') = (confirms_id IS NOT NULL)", name=op.f("ck_punches_confirms")),
        sa.CheckConstraint(
            "kind IN ('IN', 'OUT', 'BREAK_START', 'BREAK_END', 'CONFIRM')", name=op.f("ck_punches_kind")
        ),
        sa.CheckConstraint(
            "source IN ('WEB', 'KIOSK', 'AGENT', 'WHATSAPP', 'MANAGER', 'SYSTEM')", name=op.f("ck_punches_source")
        ),
        sa.CheckConstraint("revision = 0 OR author_id IS NOT NULL", name=op.f("ck_punches_author")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_punches")),
        sa.UniqueConstraint("punch_id", "revision", name=op.f("uq_punches_punch_id_revision")),
    )
    op.create_index(
        "punches_client_key_idx",
        "punches",
        ["restaurant_id", "staff_id", "client_key"],
        unique=True,
        postgresql_where=sa.text("client_key IS NOT NULL"),
    )
    op.create_index("punches_day_idx", "punches", ["restaurant_id", "business_date", "at"], unique=False)
    op.create_index("punches_staff_idx", "punches", ["restaurant_id", "staff_id", "at"], unique=False)
    op.create_table(
        "shift_refs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("shift_date", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("break_minutes", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("staff_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("workspace_location", sa.Text(), nullable=False),
        sa.Column("is_published", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_refs")),
    )
    op.create_index("shift_refs_time_idx", "shift_refs", ["restaurant_id", "starts_at"], unique=False)
    op.create_table(
        "timesheets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="DRAFT", nullable=False),
        sa.Column("hourly_rate", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("shown_rate", sa.Numeric(precision=10, scale=2), server_default="0", nullable=False),
        sa.Column("total_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("regular_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("overtime_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("adjustment_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("scheduled_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total_earnings", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("needs_review", sa.Integer(), server_default="0", nullable=False),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'SUBMITTED', 'APPROVED', 'PAID', 'REJECTED')", name=op.f("ck_timesheets_status")
        ),
        sa.CheckConstraint("end_date > start_date", name=op.f("ck_timesheets_period")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timesheets")),
        sa.UniqueConstraint(
            "restaurant_id",
            "staff_id",
            "start_date",
            "end_date",
            name=op.f("uq_timesheets_restaurant_id_staff_id_start_date_end_date"),
        ),
    )
    op.create_index("timesheets_period_idx", "timesheets", ["restaurant_id", "end_date", "id"], unique=False)
    op.create_table(
        "wages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("hourly_rate", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("hourly_rate > 0", name=op.f("ck_wages_hourly_rate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wages")),
        sa.UniqueConstraint(
            "restaurant_id", "staff_id", "effective_from", name=op.f("uq_wages_restaurant_id_staff_id_effective_from")
        ),
    )
    op.create_table(
        "work_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("out_punch_id", sa.Uuid(), nullable=True),
        sa.Column("breaks", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("worked_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("break_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=True),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("needs_review", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("in_latitude", sa.Double(), nullable=True),
        sa.Column("in_longitude", sa.Double(), nullable=True),
        sa.Column("out_latitude", sa.Double(), nullable=True),
        sa.Column("out_longitude", sa.Double(), nullable=True),
        sa.Column("location_verified", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'CLOSED') = (ended_at IS NOT NULL)", name=op.f("ck_work_sessions_ended")),
        sa.CheckConstraint("status IN ('OPEN', 'CLOSED', 'INCOMPLETE')", name=op.f("ck_work_sessions_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_sessions")),
    )
    op.create_index("work_sessions_day_idx", "work_sessions", ["restaurant_id", "business_date"], unique=False)
    op.create_index(
        "work_sessions_open_idx",
        "work_sessions",
        ["restaurant_id", "staff_id"],
        unique=True,
        postgresql_where=sa.text("status = 'OPEN'"),
    )
    op.create_index(
        "work_sessions_review_idx",
        "work_sessions",
        ["restaurant_id", "started_at"],
        unique=False,
        postgresql_where=sa.text("needs_review"),
    )
    op.create_index(
        "work_sessions_staff_idx", "work_sessions", ["restaurant_id", "staff_id", "started_at"], unique=False
    )
    op.create_table(
        "timesheet_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("timesheet_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("hours_worked", sa.Numeric(precision=6, scale=2), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("is_manual", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("hours_worked > 0", name=op.f("ck_timesheet_entries_hours_worked")),
        sa.ForeignKeyConstraint(
            ["timesheet_id"], ["timesheets.id"], name=op.f("fk_timesheet_entries_timesheet_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timesheet_entries")),
        sa.UniqueConstraint("timesheet_id", "shift_id", name=op.f("uq_timesheet_entries_timesheet_id_shift_id")),
    )
    op.create_table(
        "timesheet_lines",
        sa.Column("timesheet_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("multiplier", sa.Numeric(precision=4, scale=2), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("out_punch_id", sa.Uuid(), nullable=True),
        sa.Column("shift_id", sa.Uuid(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("adjusts_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('REGULAR', 'DAILY_OVERTIME', 'WEEKLY_OVERTIME', 'HOLIDAY', 'MANUAL', 'ADJUSTMENT')",
            name=op.f("ck_timesheet_lines_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["timesheet_id"], ["timesheets.id"], name=op.f("fk_timesheet_lines_timesheet_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("timesheet_id", "number", name=op.f("pk_timesheet_lines")),
    )
    op.create_index(
        "timesheet_lines_adjusts_idx",
        "timesheet_lines",
        ["adjusts_id"],
        unique=False,
        postgresql_where=sa.text("adjusts_id IS NOT NULL"),
    )
    for statement in tenant_policies(TENANT_TABLES):
        op.execute(statement)
    op.execute(REFUSE_CHANGES)
    op.execute(
        "CREATE TRIGGER punches_are_only_added BEFORE UPDATE OR DELETE ON punches"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change_of_punch()"
    )


def downgrade() -> None:
    op.drop_index(
        "timesheet_lines_adjusts_idx", table_name="timesheet_lines", postgresql_where=sa.text("adjusts_id IS NOT NULL")
    )
    op.drop_table("timesheet_lines")
    op.drop_table("timesheet_entries")
    op.drop_index("work_sessions_staff_idx", table_name="work_sessions")
    op.drop_index("work_sessions_review_idx", table_name="work_sessions", postgresql_where=sa.text("needs_review"))
    op.drop_index("work_sessions_open_idx", table_name="work_sessions", postgresql_where=sa.text("status = 'OPEN'"))
    op.drop_index("work_sessions_day_idx", table_name="work_sessions")
    op.drop_table("work_sessions")
    op.drop_table("wages")
    op.drop_index("timesheets_period_idx", table_name="timesheets")
    op.drop_table("timesheets")
    op.drop_index("shift_refs_time_idx", table_name="shift_refs")
    op.drop_table("shift_refs")
    op.drop_index("punches_staff_idx", table_name="punches")
    op.drop_index("punches_day_idx", table_name="punches")
    op.drop_index("punches_client_key_idx", table_name="punches", postgresql_where=sa.text("client_key IS NOT NULL"))
    op.drop_table("punches")
    op.drop_index("punch_photos_expiry_idx", table_name="punch_photos")
    op.drop_table("punch_photos")
    op.drop_table("holidays")
    op.drop_index("early_allowances_staff_idx", table_name="early_allowances")
    op.drop_table("early_allowances")
    op.drop_table("clock_settings")
    op.drop_index("attendance_marks_at_idx", table_name="attendance_marks")
    op.drop_table("attendance_marks")
    op.execute("DROP FUNCTION refuse_change_of_punch()")
