"""What a restaurant's clock goes by."""

from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, Updated
from services.timeclock.models.base import Base


class ClockSettings(Base):
    """The rules of the clock; a restaurant without a row goes by the defaults."""

    __tablename__ = "clock_settings"

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    day_starts_at: Mapped[time] = mapped_column(server_default="00:00")
    week_starts_on: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    early_clock_in_minutes: Mapped[int | None]
    late_grace_minutes: Mapped[int] = mapped_column(server_default="5")
    absent_after_minutes: Mapped[int] = mapped_column(server_default="30")
    early_leave_grace_minutes: Mapped[int] = mapped_column(server_default="5")
    auto_clock_out_minutes: Mapped[int] = mapped_column(server_default="60")
    deduct_missed_breaks: Mapped[bool] = mapped_column(server_default="false")
    break_after_minutes: Mapped[int] = mapped_column(server_default="360")
    photo_retention_days: Mapped[int] = mapped_column(server_default="90")
    updated_at: Mapped[Updated]


class Holiday(Base):
    """A day on which work is paid more."""

    __tablename__ = "holidays"
    __table_args__ = (sa.UniqueConstraint("restaurant_id", "day"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    day: Mapped[date]
    name: Mapped[str] = mapped_column(sa.Text)
    multiplier: Mapped[Decimal] = mapped_column(sa.Numeric(4, 2))


class Wage(Base):
    """What somebody earns an hour from a day on, until the next one."""

    __tablename__ = "wages"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "staff_id", "effective_from"),
        sa.CheckConstraint("hourly_rate > 0", name="hourly_rate"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    effective_from: Mapped[date]
    hourly_rate: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    set_by: Mapped[UUID | None]
    """Who said so; null for what was taken over from the person's profile."""
    created_at: Mapped[Created]


class ShiftRef(Base):
    """A shift as scheduling's events show it; one that was taken out of the plan stays, for the hours worked on it."""

    __tablename__ = "shift_refs"
    __table_args__ = (sa.Index("shift_refs_time_idx", "restaurant_id", "starts_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID]
    schedule_id: Mapped[UUID]
    shift_date: Mapped[date]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    break_minutes: Mapped[int]
    role: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.Text)
    staff_ids: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid))
    title: Mapped[str] = mapped_column(sa.Text)
    department: Mapped[str] = mapped_column(sa.Text)
    workspace_location: Mapped[str] = mapped_column(sa.Text)
    is_published: Mapped[bool]
    deleted_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    version: Mapped[int] = mapped_column(sa.BigInteger)
