"""Checklists: templates with their steps, and what people answered."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonList, JsonObject, Updated, Version
from servicekit.tables import one_of
from services.scheduling.models.base import Base

STEP_TYPES = ("CHECK", "MEASUREMENT", "PHOTO", "SIGNATURE", "NOTE", "CONDITIONAL")
ANSWERS = ("PENDING", "COMPLETED", "SKIPPED", "FAILED")
OPEN = ("NOT_STARTED", "IN_PROGRESS")
"""The states in which a checklist is still to be worked through."""


class ChecklistTemplate(Base):
    """A list of steps that is worked through again and again; its steps stay as they were written."""

    __tablename__ = "checklist_templates"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "name"),
        # A template of the built-in library is there once.
        sa.Index("uq_checklist_templates_seed", "restaurant_id", "seed", unique=True),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    category: Mapped[str | None] = mapped_column(sa.String(100))
    task_template_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task_templates.id", ondelete="SET NULL"))
    label: Mapped[str] = mapped_column(sa.String(20), server_default="1.0")
    is_active: Mapped[bool] = mapped_column(server_default="true")
    estimated_minutes: Mapped[int | None]
    requires_supervisor_approval: Mapped[bool] = mapped_column(server_default="false")
    seed: Mapped[str | None] = mapped_column(sa.String(50))
    created_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class ChecklistStep(Base):
    """One step, and what its answer must hold."""

    __tablename__ = "checklist_steps"
    __table_args__ = (
        sa.UniqueConstraint("template_id", "place"),
        sa.Index(None, "restaurant_id", "template_id"),
        one_of("step_type", *STEP_TYPES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    template_id: Mapped[UUID] = mapped_column(sa.ForeignKey("checklist_templates.id", ondelete="CASCADE"))
    place: Mapped[int]
    title: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    step_type: Mapped[str] = mapped_column(sa.String(20), server_default="CHECK")
    is_required: Mapped[bool] = mapped_column(server_default="true")
    requires_photo: Mapped[bool] = mapped_column(server_default="false")
    requires_note: Mapped[bool] = mapped_column(server_default="false")
    requires_signature: Mapped[bool] = mapped_column(server_default="false")
    measurement_type: Mapped[str | None] = mapped_column(sa.String(20))
    measurement_unit: Mapped[str | None] = mapped_column(sa.String(50))
    min_value: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 2))
    max_value: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 2))
    target_value: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 2))
    conditional_logic: Mapped[JsonObject]
    depends_on_step: Mapped[UUID | None]
    validation_rules: Mapped[JsonList]


class ChecklistExecution(Base):
    """A checklist that somebody works through; `sync_version` counts what offline clients brought."""

    __tablename__ = "checklist_executions"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "created_at"),
        sa.Index(None, "restaurant_id", "assigned_to", "created_at"),
        sa.Index(None, "restaurant_id", "completed_at"),
        # Whoever asks twice at once for the checklist of a shift or of a task gets the same one.
        sa.Index(
            "uq_checklist_executions_shift",
            "template_id",
            "shift_id",
            "assigned_to",
            unique=True,
            postgresql_where=sa.text("shift_id IS NOT NULL"),
        ),
        sa.Index(
            "uq_checklist_executions_task", "task_id", unique=True, postgresql_where=sa.text("task_id IS NOT NULL")
        ),
        one_of("status", *OPEN, "COMPLETED", "CANCELLED", "FAILED"),
        one_of("review_status", "APPROVED", "REJECTED"),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    template_id: Mapped[UUID] = mapped_column(sa.ForeignKey("checklist_templates.id"))
    assigned_to: Mapped[UUID]
    shift_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("shifts.id", ondelete="SET NULL"))
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("shift_tasks.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(sa.String(20), server_default="NOT_STARTED")
    started_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    due_date: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    current_step: Mapped[UUID | None]
    progress: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    completion_notes: Mapped[str | None] = mapped_column(sa.Text)
    review_status: Mapped[str | None] = mapped_column(sa.String(20))
    reviewed_by: Mapped[UUID | None]
    reviewed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    analysis_results: Mapped[JsonObject]
    last_synced_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    sync_version: Mapped[int] = mapped_column(server_default="1")
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class StepResponse(Base):
    """The answer to one step, there once however often it is sent."""

    __tablename__ = "checklist_responses"
    __table_args__ = (
        sa.UniqueConstraint("execution_id", "step_id"),
        sa.Index(None, "restaurant_id", "execution_id"),
        one_of("status", *ANSWERS),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    execution_id: Mapped[UUID] = mapped_column(sa.ForeignKey("checklist_executions.id", ondelete="CASCADE"))
    step_id: Mapped[UUID] = mapped_column(sa.ForeignKey("checklist_steps.id", ondelete="CASCADE"))
    is_completed: Mapped[bool] = mapped_column(server_default="false")
    status: Mapped[str] = mapped_column(sa.String(20), server_default="PENDING")
    text_response: Mapped[str | None] = mapped_column(sa.Text)
    measurement_value: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 2))
    measurements: Mapped[JsonList]
    boolean_response: Mapped[bool | None]
    notes: Mapped[str | None] = mapped_column(sa.Text)
    signature_data: Mapped[str | None] = mapped_column(sa.Text)
    answered_by: Mapped[UUID | None]
    responded_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class Evidence(Base):
    """A picture or another file that goes with an answer: one of ours, or one that stands elsewhere."""

    __tablename__ = "checklist_evidence"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "execution_id"),
        # What an offline client sends again is there once.
        sa.UniqueConstraint("response_id", "digest"),
        one_of("evidence_type", "PHOTO", "VIDEO", "DOCUMENT", "AUDIO"),
        one_of("visibility", "PRIVATE", "TEAM", "ORGANIZATION"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    execution_id: Mapped[UUID] = mapped_column(sa.ForeignKey("checklist_executions.id", ondelete="CASCADE"))
    response_id: Mapped[UUID] = mapped_column(sa.ForeignKey("checklist_responses.id", ondelete="CASCADE"))
    evidence_type: Mapped[str] = mapped_column(sa.String(20), server_default="PHOTO")
    filename: Mapped[str] = mapped_column(sa.String(255))
    file_size: Mapped[int]
    mime_type: Mapped[str] = mapped_column(sa.String(100))
    file_key: Mapped[str | None] = mapped_column(sa.String(200))
    url: Mapped[str | None] = mapped_column(sa.String(2000))
    visibility: Mapped[str] = mapped_column(sa.String(20), server_default="TEAM")
    details: Mapped[JsonObject]
    digest: Mapped[str] = mapped_column(sa.String(64))
    captured_at: Mapped[Created]
    uploaded_at: Mapped[Created]
    uploaded_by: Mapped[UUID | None]


class ChecklistAction(Base):
    """Something to follow up after a checklist."""

    __tablename__ = "checklist_actions"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "execution_id"),
        sa.Index(None, "restaurant_id", "assigned_to"),
        one_of("priority", "LOW", "MEDIUM", "HIGH", "URGENT"),
        one_of("status", "OPEN", "IN_PROGRESS", "RESOLVED", "CANCELLED"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    execution_id: Mapped[UUID] = mapped_column(sa.ForeignKey("checklist_executions.id", ondelete="CASCADE"))
    response_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("checklist_responses.id", ondelete="SET NULL"))
    title: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str] = mapped_column(sa.Text)
    priority: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    status: Mapped[str] = mapped_column(sa.String(20), server_default="OPEN")
    assigned_to: Mapped[UUID | None]
    due_date: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    resolved_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    resolved_by: Mapped[UUID | None]
    resolution_notes: Mapped[str | None] = mapped_column(sa.Text)
    created_by: Mapped[UUID | None]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class Submission(Base):
    """An attempt of a client to hand in a checklist, as the client saw it."""

    __tablename__ = "checklist_submissions"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "execution_id", "created_at"),
        one_of("status", "STARTED", "COMPLETED", "FAILED"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    execution_id: Mapped[UUID] = mapped_column(sa.ForeignKey("checklist_executions.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(sa.String(20))
    message: Mapped[str] = mapped_column(sa.Text, server_default="")
    submitted_by: Mapped[UUID]
    created_at: Mapped[Created]
