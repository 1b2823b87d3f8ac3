"""Weeks, and what of them was published when."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, JsonObject, Version
from services.scheduling.models.base import Base


class WeeklySchedule(Base):
    """One week of a restaurant, Monday to Sunday."""

    __tablename__ = "weekly_schedules"
    __table_args__ = (
        sa.UniqueConstraint("restaurant_id", "week_start"),
        # The day of the week of a date, 1 being Monday.
        sa.CheckConstraint("EXTRACT(ISODOW FROM week_start) = 1", name="week_start"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    week_start: Mapped[date]
    is_published: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[Version]
    created_at: Mapped[Created]


class Publication(Base):
    """What a week held when it was published, so that the next time people are told what changed for them."""

    __tablename__ = "schedule_publications"
    __table_args__ = (sa.Index(None, "restaurant_id", "schedule_id", "number", unique=True),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    schedule_id: Mapped[UUID] = mapped_column(sa.ForeignKey("weekly_schedules.id", ondelete="CASCADE"))
    number: Mapped[int]
    shifts: Mapped[JsonObject]
    published_by: Mapped[UUID | None]
    published_at: Mapped[Instant]
