"""Timesheets: what a period's hours are paid, line by line."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonObject, Updated, Version
from servicekit.tables import one_of
from services.timeclock.models.base import Base


class Timesheet(Base):
    """One person's hours of a period. Approved or paid, it is locked: neither it nor its lines change any more."""

    __tablename__ = "timesheets"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "staff_id", "start_date", "end_date"),
        sa.Index("timesheets_period_idx", "restaurant_id", "end_date", "id"),
        sa.CheckConstraint("end_date > start_date", name="period"),
        one_of("status", "DRAFT", "SUBMITTED", "APPROVED", "PAID", "REJECTED"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    start_date: Mapped[date]
    end_date: Mapped[date]
    status: Mapped[str] = mapped_column(sa.Text, server_default="DRAFT")
    hourly_rate: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 2))
    """Set for this timesheet; otherwise the wages count."""
    shown_rate: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2), server_default="0")
    total_seconds: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    regular_seconds: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    overtime_seconds: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    adjustment_seconds: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    scheduled_seconds: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    total_earnings: Mapped[Decimal] = mapped_column(sa.Numeric(12, 2), server_default="0")
    needs_review: Mapped[int] = mapped_column(server_default="0")
    policy: Mapped[JsonObject]
    """What it was reckoned by, so that it can be reckoned again the same way; empty when that was done elsewhere."""
    notes: Mapped[str | None] = mapped_column(sa.Text)
    submitted_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    approved_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    approved_by: Mapped[UUID | None]
    paid_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class TimesheetLine(Base):
    """Time that is paid alike, with the punches and the rule behind it."""

    __tablename__ = "timesheet_lines"
    __table_args__ = (
        sa.Index("timesheet_lines_adjusts_idx", "adjusts_id", postgresql_where=sa.text("adjusts_id IS NOT NULL")),
        one_of("kind", "REGULAR", "DAILY_OVERTIME", "WEEKLY_OVERTIME", "HOLIDAY", "MANUAL", "ADJUSTMENT"),
    )

    timesheet_id: Mapped[UUID] = mapped_column(sa.ForeignKey("timesheets.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID]
    business_date: Mapped[date]
    kind: Mapped[str] = mapped_column(sa.Text)
    begins_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    ends_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    seconds: Mapped[int] = mapped_column(sa.BigInteger)
    rate: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    multiplier: Mapped[Decimal] = mapped_column(sa.Numeric(4, 2))
    amount: Mapped[Decimal] = mapped_column(sa.Numeric(12, 2))
    session_id: Mapped[UUID | None]
    out_punch_id: Mapped[UUID | None]
    shift_id: Mapped[UUID | None]
    rule: Mapped[str] = mapped_column(sa.Text)
    adjusts_id: Mapped[UUID | None]


class TimesheetEntry(Base):
    """The worked time of one shift: reckoned from punches, or entered by hand, which goes before."""

    __tablename__ = "timesheet_entries"
    __table_args__ = (
        sa.UniqueConstraint("timesheet_id", "shift_id"),
        sa.CheckConstraint("hours_worked > 0", name="hours_worked"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    timesheet_id: Mapped[UUID] = mapped_column(sa.ForeignKey("timesheets.id", ondelete="CASCADE"))
    shift_id: Mapped[UUID]
    hours_worked: Mapped[Decimal] = mapped_column(sa.Numeric(6, 2))
    notes: Mapped[str | None] = mapped_column(sa.Text)
    is_manual: Mapped[bool] = mapped_column(server_default="false")
    author_id: Mapped[UUID | None]
    created_at: Mapped[Created]
