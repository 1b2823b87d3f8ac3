"""Procedures, safety checklists, incidents and recognitions."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonList, Updated, Version
from servicekit.tables import one_of
from services.scheduling.models.base import Base

SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
INCIDENT_STATUSES = ("REPORTED", "UNDER_REVIEW", "ADDRESSED", "RESOLVED", "DISMISSED")


class Procedure(Base):
    """A standard operating procedure."""

    __tablename__ = "procedures"
    __table_args__ = (sa.Index(None, "restaurant_id", "title"), one_of("safety_level", *SEVERITIES))

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str] = mapped_column(sa.Text)
    category: Mapped[str] = mapped_column(sa.String(100))
    steps: Mapped[JsonList]
    safety_level: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    required_ppe: Mapped[JsonList]
    priority: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    created_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class SafetyChecklist(Base):
    """What is to be looked at for safety, and how often."""

    __tablename__ = "safety_checklists"
    __table_args__ = (sa.Index(None, "restaurant_id", "title"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    items: Mapped[JsonList]
    category: Mapped[str] = mapped_column(sa.String(100))
    frequency: Mapped[str] = mapped_column(sa.String(50))
    is_completed: Mapped[bool] = mapped_column(server_default="false")
    completed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completed_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class Incident(Base):
    """A report of something that happened or might; an anonymous one does not hold who reported it."""

    __tablename__ = "incidents"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "created_at"),
        one_of("severity", *SEVERITIES),
        one_of("status", *INCIDENT_STATUSES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    incident_type: Mapped[str] = mapped_column(sa.String(100), server_default="General")
    title: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str] = mapped_column(sa.Text)
    location: Mapped[str | None] = mapped_column(sa.String(255))
    severity: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    occurred_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    shift_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("shifts.id", ondelete="SET NULL"))
    is_anonymous: Mapped[bool] = mapped_column(server_default="false")
    reporter_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(sa.String(20), server_default="REPORTED")
    audio_evidence: Mapped[JsonList]
    photo_evidence: Mapped[JsonList]
    assigned_to: Mapped[UUID | None]
    resolved_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    resolved_by: Mapped[UUID | None]
    resolution_notes: Mapped[str | None] = mapped_column(sa.Text)
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class Recognition(Base):
    """Points for somebody who worked safely."""

    __tablename__ = "recognitions"
    __table_args__ = (sa.Index(None, "restaurant_id", "staff_id"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str] = mapped_column(sa.Text)
    recognition_type: Mapped[str] = mapped_column(sa.String(50))
    points: Mapped[int] = mapped_column(server_default="0")
    awarded_by: Mapped[UUID | None]
    version: Mapped[Version]
    awarded_at: Mapped[Created]
