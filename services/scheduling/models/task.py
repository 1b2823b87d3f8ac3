"""Work to be done: what shifts carry, what stands alone, and the templates both come from."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonList, JsonObject, Updated, Version
from servicekit.tables import one_of
from services.scheduling.models.base import Base

PRIORITIES = ("LOW", "MEDIUM", "HIGH", "URGENT")
STATUSES = ("TODO", "IN_PROGRESS", "COMPLETED", "CANCELLED")
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "QUARTERLY", "ANNUALLY", "CUSTOM")


class TaskTemplate(Base):
    """Tasks that belong together and come back; `details` holds what people describe and nothing decides by."""

    __tablename__ = "task_templates"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "name"),
        one_of("frequency", *FREQUENCIES),
        one_of("priority_level", *PRIORITIES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str] = mapped_column(sa.Text, server_default="")
    template_type: Mapped[str] = mapped_column(sa.String(20))
    frequency: Mapped[str] = mapped_column(sa.String(20), server_default="DAILY")
    priority_level: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    is_active: Mapped[bool] = mapped_column(server_default="true")
    is_critical: Mapped[bool] = mapped_column(server_default="false")
    ai_generated: Mapped[bool] = mapped_column(server_default="false")
    recurrence: Mapped[str | None] = mapped_column(sa.String(500))
    recurs_from: Mapped[date | None]
    tasks: Mapped[JsonList]
    i18n: Mapped[JsonObject]
    details: Mapped[JsonObject]
    usage_count: Mapped[int] = mapped_column(server_default="0")
    last_used: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    created_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class TemplateRun(Base):
    """A template of tasks or of shifts was carried out for a day; so it is once, however often it is tried."""

    __tablename__ = "template_runs"
    __table_args__ = (sa.PrimaryKeyConstraint("template_id", "day"), sa.Index(None, "restaurant_id", "day"))

    restaurant_id: Mapped[UUID]
    template_id: Mapped[UUID]
    day: Mapped[date]
    made: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[Created]


class ShiftTask(Base):
    """A task of a shift, or of nobody's yet."""

    __tablename__ = "shift_tasks"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "shift_id"),
        sa.Index(None, "restaurant_id", "assigned_to"),
        sa.Index(None, "restaurant_id", "created_at"),
        one_of("priority", *PRIORITIES),
        one_of("status", *STATUSES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    shift_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("shifts.id", ondelete="CASCADE"))
    category_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task_categories.id", ondelete="SET NULL"))
    template_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task_templates.id", ondelete="SET NULL"))
    parent_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("shift_tasks.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    priority: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    status: Mapped[str] = mapped_column(sa.String(20), server_default="TODO")
    progress: Mapped[int | None] = mapped_column(sa.SmallInteger)
    assigned_to: Mapped[UUID | None]
    estimated_minutes: Mapped[int | None]
    due_date: Mapped[date | None]
    notes: Mapped[str | None] = mapped_column(sa.Text)
    started_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completed_by: Mapped[UUID | None]
    due_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    overdue_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    kind: Mapped[str | None] = mapped_column(sa.String(20))
    procedure_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("procedures.id", ondelete="SET NULL"))
    safety_checklist_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("safety_checklists.id", ondelete="SET NULL"))
    created_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class Task(Base):
    """A task that stands alone, for one or several people."""

    __tablename__ = "tasks"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "due_date"),
        sa.Index(None, "assigned_to", postgresql_using="gin"),
        one_of("priority", *PRIORITIES),
        one_of("status", *STATUSES),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    category_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task_categories.id", ondelete="SET NULL"))
    template_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task_templates.id", ondelete="SET NULL"))
    parent_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("tasks.id", ondelete="CASCADE"))
    shift_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("shifts.id", ondelete="SET NULL"))
    assigned_to: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid), server_default="{}")
    priority: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    status: Mapped[str] = mapped_column(sa.String(20), server_default="TODO")
    progress: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    due_date: Mapped[date | None]
    due_time: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    estimated_minutes: Mapped[int | None]
    started_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    started_by: Mapped[UUID | None]
    completed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completed_by: Mapped[UUID | None]
    completion_notes: Mapped[str | None] = mapped_column(sa.Text)
    is_recurring: Mapped[bool] = mapped_column(server_default="false")
    recurrence_pattern: Mapped[str | None] = mapped_column(sa.String(50))
    overdue_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    created_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
