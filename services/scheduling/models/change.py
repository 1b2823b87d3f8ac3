"""What was done to the plan, kept also of what is no longer in it."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, JsonObject
from servicekit.tables import one_of
from services.scheduling.models.base import Base


class ScheduleChange(Base):
    """One act on a shift or on a week: who, when, what was before and after.

    `schedule_id` follows nothing: the history of a shift outlives it.
    """

    __tablename__ = "schedule_changes"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "changed_at", "seq"),
        sa.Index(None, "restaurant_id", "schedule_id", "changed_at"),
        one_of("subject", "SHIFT", "WEEK"),
        one_of("change_type", "CREATE", "UPDATE", "DELETE"),
    )

    id: Mapped[Id]
    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True))
    restaurant_id: Mapped[UUID]
    schedule_id: Mapped[UUID]
    subject: Mapped[str] = mapped_column(sa.String(10))
    change_type: Mapped[str] = mapped_column(sa.String(10))
    changed_by: Mapped[UUID | None]
    people: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid))
    before: Mapped[JsonObject]
    after: Mapped[JsonObject]
    changed_at: Mapped[Created]
