"""Shifts and who works them."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, JsonList, JsonObject, Updated, Version
from servicekit.tables import one_of
from services.scheduling.models.base import Base

STATUSES = ("SCHEDULED", "CONFIRMED", "IN_PROGRESS", "COMPLETED", "CANCELLED", "NO_SHOW")
OCCUPYING = ("SCHEDULED", "CONFIRMED", "IN_PROGRESS", "COMPLETED")
"""The states in which a shift takes up the time of its people."""

DEFAULT_COLOR = "#6b7280"


class Shift(Base):
    """Work from one instant up to another, on the day on which it begins in the restaurant's zone."""

    __tablename__ = "shifts"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "schedule_id"),
        sa.Index(None, "restaurant_id", "shift_date"),
        sa.Index(None, "restaurant_id", "recurrence_group_id"),
        sa.Index("ix_shifts_starts_at", "starts_at", postgresql_where=sa.text("occupies")),
        sa.CheckConstraint("ends_at > starts_at", name="period"),
        sa.CheckConstraint("break_minutes >= 0", name="break_minutes"),
        # What shift_people follows.
        sa.UniqueConstraint("id", "period", "occupies"),
        one_of("status", *STATUSES),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    schedule_id: Mapped[UUID] = mapped_column(sa.ForeignKey("weekly_schedules.id", ondelete="CASCADE"))
    shift_date: Mapped[date]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    period: Mapped[Range[datetime]] = mapped_column(
        TSTZRANGE, sa.Computed("tstzrange(starts_at, ends_at, '[)')", persisted=True), nullable=False
    )
    occupies: Mapped[bool] = mapped_column(
        sa.Computed("status IN ('SCHEDULED', 'CONFIRMED', 'IN_PROGRESS', 'COMPLETED')", persisted=True), nullable=False
    )
    break_minutes: Mapped[int] = mapped_column(sa.SmallInteger, server_default="30")
    role: Mapped[str] = mapped_column(sa.String(40))
    status: Mapped[str] = mapped_column(sa.String(20), server_default="SCHEDULED")
    notes: Mapped[str | None] = mapped_column(sa.Text)
    is_confirmed: Mapped[bool] = mapped_column(server_default="false")
    color: Mapped[str] = mapped_column(sa.String(7), server_default=DEFAULT_COLOR)
    required_skills: Mapped[JsonList]
    required_certifications: Mapped[JsonList]
    equipment_needed: Mapped[JsonList]
    preparation_instructions: Mapped[str | None] = mapped_column(sa.Text)
    workspace_location: Mapped[str | None] = mapped_column(sa.String(255))
    department: Mapped[str | None] = mapped_column(sa.String(100))
    is_recurring: Mapped[bool] = mapped_column(server_default="false")
    recurrence_group_id: Mapped[UUID | None]
    bidding_deadline: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    task_templates: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid), server_default="{}")
    created_by: Mapped[UUID | None]
    last_modified_by: Mapped[UUID | None]
    shift_reminded_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    clock_in_reminded_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    checklist_reminded_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    clock_out_reminded_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    missed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    notified_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    notified_channels: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    details: Mapped[JsonObject]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class ShiftPerson(Base):
    """Somebody on a shift; the one at place 0 is its `staff`.

    `period` and `occupies` follow the shift through the foreign key, so that the exclusion holds whatever changes them:
    nobody is on two shifts at once, not even when two managers plan at the same moment.
    """

    __tablename__ = "shift_people"
    __table_args__ = (
        sa.PrimaryKeyConstraint("shift_id", "user_id"),
        sa.ForeignKeyConstraint(
            ["shift_id", "period", "occupies"],
            ["shifts.id", "shifts.period", "shifts.occupies"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        ExcludeConstraint(
            ("restaurant_id", "="),
            ("user_id", "="),
            ("period", "&&"),
            where=sa.text("occupies"),
            name="ex_shift_people_double_booking",
        ),
    )

    shift_id: Mapped[UUID]
    user_id: Mapped[UUID]
    restaurant_id: Mapped[UUID]
    place: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    occupies: Mapped[bool]


class ShiftBid(Base):
    """Somebody would work a shift that nobody is on; it holds until the shift is given away."""

    __tablename__ = "shift_bids"
    __table_args__ = (sa.UniqueConstraint("shift_id", "user_id"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    shift_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shifts.id", ondelete="CASCADE"))
    user_id: Mapped[UUID]
    created_at: Mapped[Created]


class ShiftBackup(Base):
    """A shift as it stood when somebody kept a copy of it."""

    __tablename__ = "shift_backups"
    __table_args__ = (sa.Index(None, "restaurant_id", "shift_id", "created_at"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    shift_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shifts.id", ondelete="CASCADE"))
    shift: Mapped[JsonObject]
    created_by: Mapped[UUID | None]
    created_at: Mapped[Created]


class SwapRequest(Base):
    """Somebody offers one of their shifts, to one colleague or to all."""

    __tablename__ = "swap_requests"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "created_at"),
        sa.Index(None, "restaurant_id", "shift_id"),
        sa.Index(
            "uq_swap_requests_pending",
            "shift_id",
            "requester_id",
            sa.text("COALESCE(receiver_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            unique=True,
            postgresql_where=sa.text("status = 'PENDING'"),
        ),
        one_of("status", "PENDING", "APPROVED", "REJECTED", "CANCELLED"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    shift_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shifts.id", ondelete="CASCADE"))
    requester_id: Mapped[UUID]
    receiver_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(sa.String(20), server_default="PENDING")
    request_message: Mapped[str | None] = mapped_column(sa.Text)
    decided_by: Mapped[UUID | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
