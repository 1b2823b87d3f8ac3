"""Procedures of several tasks."""

from datetime import date, datetime, time
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonList, Updated, Version
from servicekit.tables import one_of
from services.scheduling.models.base import Base
from services.scheduling.models.task import PRIORITIES, STATUSES


class Process(Base):
    """A procedure of several tasks, such as opening a second dining room."""

    __tablename__ = "processes"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "created_at"),
        one_of("status", "DRAFT", "ACTIVE", "PAUSED", "ARCHIVED"),
        one_of("priority", *PRIORITIES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.String(20), server_default="DRAFT")
    priority: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    is_active: Mapped[bool] = mapped_column(server_default="true")
    sop_document: Mapped[str | None] = mapped_column(sa.Text)
    sop_steps: Mapped[JsonList]
    is_critical: Mapped[bool] = mapped_column(server_default="false")
    created_by: Mapped[UUID | None]
    updated_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class ProcessTask(Base):
    """One task of a process."""

    __tablename__ = "process_tasks"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "process_id"),
        sa.Index(None, "parent_id"),
        one_of("priority", *PRIORITIES),
        one_of("status", *STATUSES),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    process_id: Mapped[UUID] = mapped_column(sa.ForeignKey("processes.id", ondelete="CASCADE"))
    category_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task_categories.id", ondelete="SET NULL"))
    parent_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("process_tasks.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    priority: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    status: Mapped[str] = mapped_column(sa.String(20), server_default="TODO")
    assigned_to: Mapped[UUID | None]
    due_date: Mapped[date | None]
    due_time: Mapped[time | None]
    estimated_minutes: Mapped[int | None]
    verification_type: Mapped[str] = mapped_column(sa.String(30), server_default="NONE")
    verification_required: Mapped[bool] = mapped_column(server_default="false")
    progress: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    started_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completion_notes: Mapped[str | None] = mapped_column(sa.Text)
    created_by: Mapped[UUID | None]
    updated_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
