"""Copy of what the time clock reckons."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from services.identity.models.base import Base


class WorkedSession(Base):
    """How long somebody worked at a stretch, as the time clock last told of it; 0 minutes when it took that back."""

    __tablename__ = "worked_sessions"
    __table_args__ = (sa.Index("worked_sessions_person_idx", "restaurant_id", "user_id", "business_date"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    restaurant_id: Mapped[UUID]
    user_id: Mapped[UUID]
    business_date: Mapped[date]
    minutes: Mapped[int]
    version: Mapped[int] = mapped_column(sa.BigInteger)
