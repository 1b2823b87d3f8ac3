"""What people say about the sessions they worked, and who likes it."""

from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Instant, Updated, Version
from services.timeclock.models.base import Base


class ShiftReview(Base):
    """One person's word on one session; nothing forbids a second one."""

    __tablename__ = "shift_reviews"
    __table_args__ = (
        sa.Index("shift_reviews_completed_idx", "restaurant_id", "completed_at", "id"),
        sa.Index("shift_reviews_staff_idx", "restaurant_id", "staff_id", "completed_at", "id"),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    session_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    rating: Mapped[int] = mapped_column(sa.SmallInteger)
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    comments: Mapped[str | None] = mapped_column(sa.Text)
    completed_at: Mapped[Instant]
    hours: Mapped[Decimal | None] = mapped_column(sa.Numeric(6, 2))
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class ShiftReviewLike(Base):
    """Somebody likes a review."""

    __tablename__ = "shift_review_likes"

    review_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shift_reviews.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID]
    created_at: Mapped[Created]
