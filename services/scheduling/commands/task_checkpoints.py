"""What is noted while tasks are worked on, and what shows that they are done."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict
from servicekit.identity import Principal
from services.scheduling.domain.progress import OVER
from services.scheduling.filing import discard
from services.scheduling.models import ShiftTask, Task, TaskCheckpoint
from services.scheduling.models.task_checkpoint import CHECKPOINT, COMPLETION


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture that is stored."""

    key: str
    mime_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody notes about a task."""

    description: str | None = None
    location: str | None = None
    progress: int | None = None
    photo: Photo | None = None


def ensure_open(task: Task | ShiftTask) -> None:
    """Raises Conflict for a task that is over."""
    if task.status in OVER:
        raise Conflict(f"The task is {task.status.lower()}.", code="task_over")


def add_checkpoint(
    session: AsyncSession, principal: Principal, task: Task | ShiftTask, note: Note, now: datetime
) -> None:
    """Keeps what was noted. Raises Conflict for a task that is over."""
    ensure_open(task)
    _add(session, principal, task, CHECKPOINT, note, now)


def add_evidence(
    session: AsyncSession, principal: Principal, task: Task | ShiftTask, note: Note, now: datetime
) -> bool:
    """Keeps what shows that a task is done, when anything does; whether it was kept."""
    if note.photo is None and not note.location:
        return False
    _add(session, principal, task, COMPLETION, note, now)
    return True


async def replace_evidence(
    session: AsyncSession, principal: Principal, task: Task | ShiftTask, photo: Photo | None, now: datetime
) -> None:
    """Makes a picture, or none, what shows that a task is done; earlier ones go."""
    of_task = TaskCheckpoint.task_id if isinstance(task, Task) else TaskCheckpoint.shift_task_id
    gone = await session.scalars(
        sa.delete(TaskCheckpoint)
        .where(
            TaskCheckpoint.restaurant_id == task.restaurant_id,
            of_task == task.id,
            TaskCheckpoint.kind == COMPLETION,
        )
        .returning(TaskCheckpoint.file_key)
    )
    for key in gone:
        await discard(session, task.restaurant_id, key)
    add_evidence(session, principal, task, Note(photo=photo), now)
    task.version += 1


def _add(
    session: AsyncSession, principal: Principal, task: Task | ShiftTask, kind: str, note: Note, now: datetime
) -> None:
    stands_alone = isinstance(task, Task)
    session.add(
        TaskCheckpoint(
            restaurant_id=task.restaurant_id,
            task_id=task.id if stands_alone else None,
            shift_task_id=None if stands_alone else task.id,
            kind=kind,
            description=note.description or None,
            location=note.location or None,
            progress=note.progress,
            file_key=note.photo.key if note.photo else None,
            mime_type=note.photo.mime_type if note.photo else None,
            filename=note.photo.filename if note.photo else None,
            noted_by=principal.user_id,
            created_at=now,
        )
    )
    task.version += 1
