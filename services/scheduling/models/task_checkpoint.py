"""What was noted while a task was worked on, and what shows that it is done."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.columns import Created, Id
from servicekit.tables import one_of
from services.scheduling.models.base import Base

CHECKPOINT, COMPLETION = "CHECKPOINT", "COMPLETION"


class TaskCheckpoint(Base):
    """A note on one task, perhaps with a picture; the last one of completion is the task's evidence.

    It outlives its task until housekeeping removes it together with its picture.
    """

    __tablename__ = "task_checkpoints"
    __table_args__ = (
        sa.Index(None, "restaurant_id", "task_id"),
        sa.Index(None, "restaurant_id", "shift_task_id"),
        sa.Index(None, "restaurant_id", "file_key"),
        one_of("kind", CHECKPOINT, COMPLETION),
        sa.CheckConstraint("num_nonnulls(task_id, shift_task_id) <= 1", name="one_task"),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
    )

    id: Mapped[Id]
    restaurant_id: Mapped[UUID]
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("tasks.id", ondelete="SET NULL"))
    shift_task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("shift_tasks.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(sa.String(20))
    description: Mapped[str | None] = mapped_column(sa.Text)
    location: Mapped[str | None] = mapped_column(sa.String(255))
    progress: Mapped[int | None] = mapped_column(sa.SmallInteger)
    file_key: Mapped[str | None] = mapped_column(sa.String(255))
    mime_type: Mapped[str | None] = mapped_column(sa.String(100))
    filename: Mapped[str | None] = mapped_column(sa.String(255))
    noted_by: Mapped[UUID | None]
    created_at: Mapped[Created]
