"""Weeks that repeat: who is needed on which day, by role."""

from datetime import date, datetime, time
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonList, Updated, Version
from services.scheduling.models.base import Base


class ScheduleTemplate(Base):
    """A named pattern of shifts that a week can be filled from; `version` counts its states."""

    __tablename__ = "schedule_templates"
    __table_args__ = (sa.Index(None, "restaurant_id", "name"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(100))
    is_active: Mapped[bool] = mapped_column(server_default="true")
    description: Mapped[str | None] = mapped_column(sa.Text)
    recurrence: Mapped[str | None] = mapped_column(sa.String(500))
    recurs_from: Mapped[date | None]
    weeks_ahead: Mapped[int] = mapped_column(sa.SmallInteger, server_default="2")
    category: Mapped[str | None] = mapped_column(sa.String(100))
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    is_favorite: Mapped[bool] = mapped_column(server_default="false")
    # How many weeks were filled from it.
    usage_count: Mapped[int] = mapped_column(server_default="0")
    created_by: Mapped[UUID | None]
    version: Mapped[Version]
    # Names the present state, and goes with it to the version that is kept of it.
    state_id: Mapped[UUID] = mapped_column(default=uuid4, server_default=sa.func.gen_random_uuid())
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class TemplateShift(Base):
    """How many people of a role a day of the week needs, and when; without times the role's usual hours."""

    __tablename__ = "template_shifts"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "template_id"),
        sa.CheckConstraint("day_of_week BETWEEN 0 AND 6", name="day_of_week"),
        sa.CheckConstraint("required_staff > 0", name="required_staff"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    template_id: Mapped[UUID] = mapped_column(sa.ForeignKey("schedule_templates.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(sa.String(40))
    day_of_week: Mapped[int] = mapped_column(sa.SmallInteger)
    start_time: Mapped[time | None] = mapped_column(sa.Time)
    end_time: Mapped[time | None] = mapped_column(sa.Time)
    required_staff: Mapped[int] = mapped_column(sa.SmallInteger, server_default="1")


class TemplateVersion(Base):
    """A template as it stood from one change to the next, so that it can be looked at and brought back."""

    __tablename__ = "template_versions"
    __table_args__ = (sa.Index(None, "restaurant_id", "template_id", "number", unique=True),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    template_id: Mapped[UUID] = mapped_column(sa.ForeignKey("schedule_templates.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(sa.BigInteger)
    name: Mapped[str] = mapped_column(sa.String(100))
    description: Mapped[str | None] = mapped_column(sa.Text)
    shifts: Mapped[JsonList]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
