"""The pictures of tasks: stored as they arrive, and shown as links that expire."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from mizan.options.v1 import files_pb2
from mizan.scheduling.v1 import shift_task_pb2, task_checkpoint_pb2, task_pb2
from servicekit.clock import timestamp_of
from servicekit.db import Reading
from servicekit.errors import Refusal
from servicekit.files import IMAGES
from servicekit.links import FileLinks
from services.scheduling.commands.task_checkpoints import Photo
from services.scheduling.filing import Filing, decoded
from services.scheduling.models.task_checkpoint import CHECKPOINT, COMPLETION
from services.scheduling.queries import task_checkpoints as queries
from services.scheduling.service.convert import text_of

FOLDER = "tasks"
LONGEST_NAME = 255


class TaskPictures:
    """Stores pictures, and puts what was noted about tasks into their messages."""

    def __init__(self, filing: Filing, links: FileLinks) -> None:
        self._filing = filing
        self._links = links

    async def stored(self, restaurant_id: UUID, upload: files_pb2.Upload, field: str) -> Photo:
        """A picture out of a form. Raises Invalid for what is none, FileTooLarge beyond the limit."""
        kept = await self._filing.store(restaurant_id, FOLDER, upload.content, IMAGES, field=field)
        name = upload.filename or f"photo.{kept.key.rpartition('.')[2]}"
        return Photo(kept.key, kept.content_type, name[-LONGEST_NAME:])

    async def sent(self, restaurant_id: UUID, request: Any, field: str) -> Photo | None:
        """The picture in a field of a request, out of a form or as a data URL; None without one.

        Raises Invalid for what is none, FileTooLarge beyond the limit.
        """
        if not request.HasField(field):
            return None
        value = getattr(request, field)
        if isinstance(value, str):
            try:
                value = files_pb2.Upload(content=decoded(value))
            except Refusal as refusal:
                refusal.fields = {field: [refusal.message]}
                raise
        return await self.stored(restaurant_id, value, field)

    def link(self, row: Any) -> str | None:
        """Where the picture of a note can be fetched."""
        return self._links.link(photo_path(row.id), row.file_key) if row.file_key else None

    def evidence_link(self, rows: Sequence[Any]) -> str | None:
        """Where the last picture that shows that a task is done can be fetched, from the notes on the task."""
        found = next((row for row in reversed(rows) if row.kind == COMPLETION and row.file_key), None)
        return None if found is None else self.link(found)

    def checked(self, row: Any | None, checkpoint_id: UUID, expires: int, signature: str) -> None:
        """Raises Forbidden unless a link is ours and has not expired."""
        self._links.check(photo_path(checkpoint_id), row.file_key if row is not None else None, expires, signature)

    async def body(self, row: Any) -> Any:
        """The picture of a note. Raises NotFound."""
        return await self._filing.body(row.file_key, row.mime_type, row.filename)

    async def show_on_tasks(self, reading: Reading, restaurant_id: UUID, messages: Sequence[task_pb2.Task]) -> None:
        """Puts into tasks that stand alone what was noted about them."""
        if not messages:
            return
        noted = await queries.of_tasks(reading, restaurant_id, [UUID(message.id) for message in messages])
        for message in messages:
            rows = noted.get(UUID(message.id), ())
            message.checkpoints.extend(self._checkpoints(rows))
            link, place = self.evidence_link(rows), _place_of(rows)
            if link is not None:
                message.completion_evidence = message.completion_photo = link
            if place is not None:
                message.completion_location = place

    async def show_on_shift_tasks(
        self, reading: Reading, restaurant_id: UUID, messages: Sequence[shift_task_pb2.ShiftTask]
    ) -> None:
        """Puts into tasks of shifts, and those under them, what was noted about them."""
        everyone = [task for message in messages for task in (message, *message.subtasks)]
        if not everyone:
            return
        noted = await queries.of_shift_tasks(reading, restaurant_id, [UUID(task.id) for task in everyone])
        for task in everyone:
            rows = noted.get(UUID(task.id), ())
            task.checkpoints.extend(self._checkpoints(rows))
            link, place = self.evidence_link(rows), _place_of(rows)
            if link is not None:
                task.completion_photo = link
            if place is not None:
                task.completion_location = place

    def _checkpoints(self, rows: Sequence[Any]) -> Iterable[task_checkpoint_pb2.TaskCheckpoint]:
        return (
            task_checkpoint_pb2.TaskCheckpoint(
                id=str(row.id),
                timestamp=timestamp_of(row.created_at),
                user=text_of(row.noted_by),
                user_name=row.noted_by_name or None,
                description=row.description,
                location=row.location,
                progress_percentage=row.progress,
                photo=self.link(row),
            )
            for row in rows
            if row.kind == CHECKPOINT
        )


def _place_of(rows: Sequence[Any]) -> str | None:
    """Where a task was done, as it was last said."""
    return next((row.location for row in reversed(rows) if row.kind == COMPLETION and row.location), None)


def photo_path(checkpoint_id: UUID) -> str:
    """Where the picture of a note is served."""
    return f"/api/scheduling/task-checkpoints/{checkpoint_id}/photo/"
