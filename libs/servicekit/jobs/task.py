"""What a task is, and what its handler learns about one run of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.backoff import Backoff
from servicekit.tables import inbox

_MARK = insert(inbox).on_conflict_do_nothing().returning(inbox.c.message_id)


@dataclass(frozen=True)
class Task:
    """A kind of background work.

    `cron` makes it periodic (five fields, or six with seconds last; UTC): it is deferred once per tick, however many
    replicas there are. A handler runs at least once, so what it does must bear repetition; see `Job.claim`.
    """

    name: str
    cron: str = ""
    max_attempts: int = 10
    timeout: float = 300.0
    backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, cap=900.0))


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a task."""

    id: int
    task: str
    attempt: int
    last_attempt: bool
    scheduled_for: datetime | None = None
    """The tick of a periodic task."""

    async def claim(self, session: AsyncSession) -> bool:
        """Marks the job as done in the handler's own transaction; False when an earlier run committed that mark.

        A worker may die after the handler's commit and before it could say so; the repetition then finds the mark.
        """
        mark = await session.execute(_MARK, {"consumer": f"job {self.task}", "message_id": UUID(int=self.id)})
        return mark.first() is not None


Handler = Callable[..., Awaitable[None]]
"""`async def handler(job, **arguments)`."""

Arguments = dict[str, Any]
