"""What tasks are sorted by."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id, Version
from services.scheduling.models.base import Base


class TaskCategory(Base):
    """A name, unique in the restaurant, and the colour in which the schedule shows it."""

    __tablename__ = "task_categories"
    __table_args__ = (sa.UniqueConstraint("restaurant_id", "name"),)

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(100))
    description: Mapped[str | None] = mapped_column(sa.String(500))
    color: Mapped[str] = mapped_column(sa.String(7))
    version: Mapped[Version]
    created_at: Mapped[Created]
