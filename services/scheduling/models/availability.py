"""When people can work, when they are away, and when the restaurant is closed."""

from datetime import date, datetime, time
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Updated, Version
from servicekit.tables import one_of
from services.scheduling.models.base import Base

TYPES = ("REGULAR", "TIME_OFF", "PREFERRED", "UNAVAILABLE", "EMERGENCY")
PATTERNS = ("DAILY", "WEEKLY", "BIWEEKLY", "MONTHLY")


class Availability(Base):
    """What somebody said about a day of every week, or about certain days; time off counts once it is approved."""

    __tablename__ = "availability"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "staff_id"),
        sa.CheckConstraint("day_of_week BETWEEN 0 AND 6", name="day_of_week"),
        sa.CheckConstraint("day_of_week IS NOT NULL OR first_day IS NOT NULL", name="days"),
        sa.CheckConstraint("last_day >= first_day", name="order"),
        one_of("availability_type", *TYPES),
        one_of("status", "PENDING", "APPROVED", "DENIED", "CANCELLED"),
        one_of("priority", "LOW", "MEDIUM", "HIGH", "URGENT"),
        one_of("recurrence_pattern", *PATTERNS),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    availability_type: Mapped[str] = mapped_column(sa.String(20), server_default="REGULAR")
    status: Mapped[str] = mapped_column(sa.String(20), server_default="APPROVED")
    priority: Mapped[str] = mapped_column(sa.String(20), server_default="MEDIUM")
    day_of_week: Mapped[int | None] = mapped_column(sa.SmallInteger)
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    start_time: Mapped[time | None] = mapped_column(sa.Time)
    end_time: Mapped[time | None] = mapped_column(sa.Time)
    # Without a break from the start on the first day to the end on the last, instead of these hours of each day.
    is_continuous: Mapped[bool] = mapped_column(server_default="false")
    is_recurring: Mapped[bool] = mapped_column(server_default="false")
    recurrence_pattern: Mapped[str | None] = mapped_column(sa.String(20))
    recurrence_end_date: Mapped[date | None]
    is_available: Mapped[bool] = mapped_column(server_default="true")
    preferred_hours_per_week: Mapped[int | None]
    max_consecutive_days: Mapped[int | None]
    min_hours_between_shifts: Mapped[int] = mapped_column(server_default="8")
    reason: Mapped[str | None] = mapped_column(sa.Text)
    notes: Mapped[str | None] = mapped_column(sa.Text)
    reviewed_by: Mapped[UUID | None]
    reviewed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    approval_notes: Mapped[str | None] = mapped_column(sa.Text)
    version: Mapped[Version]
    requested_at: Mapped[Created]
    updated_at: Mapped[Updated]


class Holiday(Base):
    """A day on which the restaurant keeps other hours or none."""

    __tablename__ = "holidays"
    __table_args__ = (sa.UniqueConstraint("restaurant_id", "date"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(100))
    date: Mapped[date]
    is_closed: Mapped[bool] = mapped_column(server_default="true")
    notes: Mapped[str | None] = mapped_column(sa.Text)
