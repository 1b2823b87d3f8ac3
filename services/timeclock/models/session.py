"""What is derived from the log: sessions, and marks against shifts."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Instant, Updated, Version
from servicekit.tables import one_of
from services.timeclock.models.base import Base


class WorkSession(Base):
    """Time between clocking in and out. Its id is that of the punch that opened it."""

    __tablename__ = "work_sessions"
    __table_args__ = (
        # Whatever arrives at once, nobody is clocked in twice.
        sa.Index(
            "work_sessions_open_idx",
            "restaurant_id",
            "staff_id",
            unique=True,
            postgresql_where=sa.text("status = 'OPEN'"),
        ),
        sa.Index("work_sessions_staff_idx", "restaurant_id", "staff_id", "started_at"),
        sa.Index("work_sessions_day_idx", "restaurant_id", "business_date"),
        sa.Index(
            "work_sessions_review_idx",
            "restaurant_id",
            "started_at",
            postgresql_where=sa.text("needs_review"),
        ),
        one_of("status", "OPEN", "CLOSED", "INCOMPLETE"),
        sa.CheckConstraint("(status = 'CLOSED') = (ended_at IS NOT NULL)", name="ended"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(sa.Text)
    started_at: Mapped[Instant]
    ended_at: Mapped[Instant | None] = mapped_column(sa.DateTime(timezone=True))
    business_date: Mapped[date]
    out_punch_id: Mapped[UUID | None]
    breaks: Mapped[list[object]] = mapped_column(JSONB, server_default="[]")
    """[{start, end, paid, start_punch_id, end_punch_id}], the oldest first; instants in ISO 8601."""
    worked_seconds: Mapped[int] = mapped_column(server_default="0")
    """Without unpaid breaks; 0 until the session is closed."""
    break_seconds: Mapped[int] = mapped_column(server_default="0")
    shift_id: Mapped[UUID | None]
    flags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    needs_review: Mapped[bool] = mapped_column(server_default="false")
    in_latitude: Mapped[float | None] = mapped_column(sa.Double)
    in_longitude: Mapped[float | None] = mapped_column(sa.Double)
    out_latitude: Mapped[float | None] = mapped_column(sa.Double)
    out_longitude: Mapped[float | None] = mapped_column(sa.Double)
    location_verified: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class AttendanceMark(Base):
    """That somebody was late for a shift, absent from it or gone early was said; it is said once."""

    __tablename__ = "attendance_marks"
    __table_args__ = (
        sa.Index("attendance_marks_at_idx", "restaurant_id", "at"),
        one_of("kind", "LATE", "ABSENT", "LEFT_EARLY", "FORGOTTEN"),
    )

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The shift; for a forgotten punch the session."""
    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    restaurant_id: Mapped[UUID]
    minutes: Mapped[int] = mapped_column(server_default="0")
    at: Mapped[Instant]
