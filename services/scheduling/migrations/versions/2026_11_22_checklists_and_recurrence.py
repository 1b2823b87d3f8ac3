"""Adds checklists, recurrence, copies of shifts, and what reminds of tasks and shifts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit.db import tenant_policies

revision = "scheduling_0002"
down_revision = "scheduling_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "template_runs",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("template_id", "day", name=op.f("pk_template_runs")),
    )
    op.create_index(op.f("ix_template_runs_restaurant_id_day"), "template_runs", ["restaurant_id", "day"], unique=False)
    op.create_table(
        "checklist_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("category", sa.String(length=100), nullable=True),
        sa.Column("task_template_id", sa.Uuid(), nullable=True),
        sa.Column("label", sa.String(length=20), server_default="1.0", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("estimated_minutes", sa.Integer(), nullable=True),
        sa.Column("requires_supervisor_approval", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("seed", sa.String(length=50), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_template_id"],
            ["task_templates.id"],
            name=op.f("fk_checklist_templates_task_template_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_templates")),
    )
    op.create_index(
        op.f("ix_checklist_templates_restaurant_id_name"),
        "checklist_templates",
        ["restaurant_id", "name"],
        unique=False,
    )
    op.create_index("uq_checklist_templates_seed", "checklist_templates", ["restaurant_id", "seed"], unique=True)
    op.create_table(
        "checklist_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("step_type", sa.String(length=20), server_default="CHECK", nullable=False),
        sa.Column("is_required", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("requires_photo", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("requires_note", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("requires_signature", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("measurement_type", sa.String(length=20), nullable=True),
        sa.Column("measurement_unit", sa.String(length=50), nullable=True),
        sa.Column("min_value", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("max_value", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("target_value", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("conditional_logic", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("depends_on_step", sa.Uuid(), nullable=True),
        sa.Column("validation_rules", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.CheckConstraint(
            "step_type IN ('CHECK', 'MEASUREMENT', 'PHOTO', 'SIGNATURE', 'NOTE', 'CONDITIONAL')",
            name=op.f("ck_checklist_steps_step_type"),
        ),
        sa.ForeignKeyConstraint(
            ["template_id"], ["checklist_templates.id"], name=op.f("fk_checklist_steps_template_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_steps")),
        sa.UniqueConstraint("template_id", "place", name=op.f("uq_checklist_steps_template_id_place")),
    )
    op.create_index(
        op.f("ix_checklist_steps_restaurant_id_template_id"),
        "checklist_steps",
        ["restaurant_id", "template_id"],
        unique=False,
    )
    op.create_table(
        "shift_backups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("shift", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["shift_id"], ["shifts.id"], name=op.f("fk_shift_backups_shift_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_backups")),
    )
    op.create_index(
        op.f("ix_shift_backups_restaurant_id_shift_id_created_at"),
        "shift_backups",
        ["restaurant_id", "shift_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "checklist_executions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("assigned_to", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=True),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(length=20), server_default="NOT_STARTED", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_step", sa.Uuid(), nullable=True),
        sa.Column("progress", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("completion_notes", sa.Text(), nullable=True),
        sa.Column("review_status", sa.String(length=20), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("analysis_results", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("last_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sync_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "review_status IN ('APPROVED', 'REJECTED')", name=op.f("ck_checklist_executions_review_status")
        ),
        sa.CheckConstraint(
            "status IN ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'FAILED')",
            name=op.f("ck_checklist_executions_status"),
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_checklist_executions_progress")),
        sa.ForeignKeyConstraint(
            ["shift_id"], ["shifts.id"], name=op.f("fk_checklist_executions_shift_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["shift_tasks.id"], name=op.f("fk_checklist_executions_task_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["template_id"], ["checklist_templates.id"], name=op.f("fk_checklist_executions_template_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_executions")),
    )
    op.create_index(
        op.f("ix_checklist_executions_restaurant_id_assigned_to_created_at"),
        "checklist_executions",
        ["restaurant_id", "assigned_to", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_checklist_executions_restaurant_id_completed_at"),
        "checklist_executions",
        ["restaurant_id", "completed_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_checklist_executions_restaurant_id_created_at"),
        "checklist_executions",
        ["restaurant_id", "created_at"],
        unique=False,
    )
    op.create_index(
        "uq_checklist_executions_shift",
        "checklist_executions",
        ["template_id", "shift_id", "assigned_to"],
        unique=True,
        postgresql_where=sa.text("shift_id IS NOT NULL"),
    )
    op.create_index(
        "uq_checklist_executions_task",
        "checklist_executions",
        ["task_id"],
        unique=True,
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )
    op.create_table(
        "checklist_responses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column("step_id", sa.Uuid(), nullable=False),
        sa.Column("is_completed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="PENDING", nullable=False),
        sa.Column("text_response", sa.Text(), nullable=True),
        sa.Column("measurement_value", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("measurements", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("boolean_response", sa.Boolean(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("signature_data", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('PENDING', 'COMPLETED', 'SKIPPED', 'FAILED')", name=op.f("ck_checklist_responses_status")
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["checklist_executions.id"],
            name=op.f("fk_checklist_responses_execution_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["step_id"], ["checklist_steps.id"], name=op.f("fk_checklist_responses_step_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_responses")),
        sa.UniqueConstraint("execution_id", "step_id", name=op.f("uq_checklist_responses_execution_id_step_id")),
    )
    op.create_index(
        op.f("ix_checklist_responses_restaurant_id_execution_id"),
        "checklist_responses",
        ["restaurant_id", "execution_id"],
        unique=False,
    )
    op.create_table(
        "checklist_submissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('STARTED', 'COMPLETED', 'FAILED')", name=op.f("ck_checklist_submissions_status")
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["checklist_executions.id"],
            name=op.f("fk_checklist_submissions_execution_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_submissions")),
    )
    op.create_index(
        op.f("ix_checklist_submissions_restaurant_id_execution_id_created_at"),
        "checklist_submissions",
        ["restaurant_id", "execution_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "checklist_actions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column("response_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("priority", sa.String(length=20), server_default="MEDIUM", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="OPEN", nullable=False),
        sa.Column("assigned_to", sa.Uuid(), nullable=True),
        sa.Column("due_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("resolution_notes", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')", name=op.f("ck_checklist_actions_priority")
        ),
        sa.CheckConstraint(
            "status IN ('OPEN', 'IN_PROGRESS', 'RESOLVED', 'CANCELLED')", name=op.f("ck_checklist_actions_status")
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["checklist_executions.id"],
            name=op.f("fk_checklist_actions_execution_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["response_id"],
            ["checklist_responses.id"],
            name=op.f("fk_checklist_actions_response_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_actions")),
    )
    op.create_index(
        op.f("ix_checklist_actions_restaurant_id_assigned_to"),
        "checklist_actions",
        ["restaurant_id", "assigned_to"],
        unique=False,
    )
    op.create_index(
        op.f("ix_checklist_actions_restaurant_id_execution_id"),
        "checklist_actions",
        ["restaurant_id", "execution_id"],
        unique=False,
    )
    op.create_table(
        "checklist_evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column("response_id", sa.Uuid(), nullable=False),
        sa.Column("evidence_type", sa.String(length=20), server_default="PHOTO", nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("file_size", sa.Integer(), nullable=False),
        sa.Column("mime_type", sa.String(length=100), nullable=False),
        sa.Column("file_key", sa.String(length=200), nullable=True),
        sa.Column("url", sa.String(length=2000), nullable=True),
        sa.Column("visibility", sa.String(length=20), server_default="TEAM", nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "evidence_type IN ('PHOTO', 'VIDEO', 'DOCUMENT', 'AUDIO')", name=op.f("ck_checklist_evidence_evidence_type")
        ),
        sa.CheckConstraint(
            "visibility IN ('PRIVATE', 'TEAM', 'ORGANIZATION')", name=op.f("ck_checklist_evidence_visibility")
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["checklist_executions.id"],
            name=op.f("fk_checklist_evidence_execution_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["response_id"],
            ["checklist_responses.id"],
            name=op.f("fk_checklist_evidence_response_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_evidence")),
        sa.UniqueConstraint("response_id", "digest", name=op.f("uq_checklist_evidence_response_id_digest")),
    )
    op.create_index(
        op.f("ix_checklist_evidence_restaurant_id_execution_id"),
        "checklist_evidence",
        ["restaurant_id", "execution_id"],
        unique=False,
    )
    op.add_column(
        "incidents",
        sa.Column("photo_evidence", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.add_column("incidents", sa.Column("assigned_to", sa.Uuid(), nullable=True))
    op.add_column("schedule_templates", sa.Column("recurrence", sa.String(length=500), nullable=True))
    op.add_column("schedule_templates", sa.Column("recurs_from", sa.Date(), nullable=True))
    op.add_column("schedule_templates", sa.Column("weeks_ahead", sa.SmallInteger(), server_default="2", nullable=False))
    op.add_column("shift_tasks", sa.Column("completed_by", sa.Uuid(), nullable=True))
    op.add_column("shift_tasks", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shift_tasks", sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shift_tasks", sa.Column("kind", sa.String(length=20), nullable=True))
    op.add_column("shift_tasks", sa.Column("procedure_id", sa.Uuid(), nullable=True))
    op.add_column("shift_tasks", sa.Column("safety_checklist_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_shift_tasks_safety_checklist_id"),
        "shift_tasks",
        "safety_checklists",
        ["safety_checklist_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_foreign_key(
        op.f("fk_shift_tasks_procedure_id"), "shift_tasks", "procedures", ["procedure_id"], ["id"], ondelete="SET NULL"
    )
    op.add_column("shifts", sa.Column("checklist_reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shifts", sa.Column("clock_out_reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shifts", sa.Column("missed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "shifts", sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("task_templates", sa.Column("recurrence", sa.String(length=500), nullable=True))
    op.add_column("task_templates", sa.Column("recurs_from", sa.Date(), nullable=True))
    op.add_column("tasks", sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True))
    for table in NEW_TABLES:
        for statement in tenant_policies([table]):
            op.execute(statement)


def downgrade() -> None:
    op.drop_column("tasks", "overdue_at")
    op.drop_column("task_templates", "recurs_from")
    op.drop_column("task_templates", "recurrence")
    op.drop_column("shifts", "details")
    op.drop_column("shifts", "missed_at")
    op.drop_column("shifts", "clock_out_reminded_at")
    op.drop_column("shifts", "checklist_reminded_at")
    op.drop_constraint(op.f("fk_shift_tasks_procedure_id"), "shift_tasks", type_="foreignkey")
    op.drop_constraint(op.f("fk_shift_tasks_safety_checklist_id"), "shift_tasks", type_="foreignkey")
    op.drop_column("shift_tasks", "safety_checklist_id")
    op.drop_column("shift_tasks", "procedure_id")
    op.drop_column("shift_tasks", "kind")
    op.drop_column("shift_tasks", "overdue_at")
    op.drop_column("shift_tasks", "due_at")
    op.drop_column("shift_tasks", "completed_by")
    op.drop_column("schedule_templates", "weeks_ahead")
    op.drop_column("schedule_templates", "recurs_from")
    op.drop_column("schedule_templates", "recurrence")
    op.drop_column("incidents", "assigned_to")
    op.drop_column("incidents", "photo_evidence")
    op.drop_index(op.f("ix_checklist_evidence_restaurant_id_execution_id"), table_name="checklist_evidence")
    op.drop_table("checklist_evidence")
    op.drop_index(op.f("ix_checklist_actions_restaurant_id_execution_id"), table_name="checklist_actions")
    op.drop_index(op.f("ix_checklist_actions_restaurant_id_assigned_to"), table_name="checklist_actions")
    op.drop_table("checklist_actions")
    op.drop_index(
        op.f("ix_checklist_submissions_restaurant_id_execution_id_created_at"), table_name="checklist_submissions"
    )
    op.drop_table("checklist_submissions")
    op.drop_index(op.f("ix_checklist_responses_restaurant_id_execution_id"), table_name="checklist_responses")
    op.drop_table("checklist_responses")
    op.drop_index(
        "uq_checklist_executions_task",
        table_name="checklist_executions",
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )
    op.drop_index(
        "uq_checklist_executions_shift",
        table_name="checklist_executions",
        postgresql_where=sa.text("shift_id IS NOT NULL"),
    )
    op.drop_index(op.f("ix_checklist_executions_restaurant_id_created_at"), table_name="checklist_executions")
    op.drop_index(op.f("ix_checklist_executions_restaurant_id_completed_at"), table_name="checklist_executions")
    op.drop_index(
        op.f("ix_checklist_executions_restaurant_id_assigned_to_created_at"), table_name="checklist_executions"
    )
    op.drop_table("checklist_executions")
    op.drop_index(op.f("ix_shift_backups_restaurant_id_shift_id_created_at"), table_name="shift_backups")
    op.drop_table("shift_backups")
    op.drop_index(op.f("ix_checklist_steps_restaurant_id_template_id"), table_name="checklist_steps")
    op.drop_table("checklist_steps")
    op.drop_index("uq_checklist_templates_seed", table_name="checklist_templates")
    op.drop_index(op.f("ix_checklist_templates_restaurant_id_name"), table_name="checklist_templates")
    op.drop_table("checklist_templates")
    op.drop_index(op.f("ix_template_runs_restaurant_id_day"), table_name="template_runs")
    op.drop_table("template_runs")


NEW_TABLES = (
    "template_runs",
    "checklist_templates",
    "checklist_steps",
    "shift_backups",
    "checklist_executions",
    "checklist_responses",
    "checklist_submissions",
    "checklist_actions",
    "checklist_evidence",
)
