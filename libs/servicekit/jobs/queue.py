"""Deferring and cancelling jobs in the caller's transaction."""

from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import context, telemetry
from servicekit.jobs.task import Task

QUEUE = "default"
REQUEST_ID = "_request_id"
TRACE_PARENT = "_trace_parent"
ATTEMPTS_TO_JOIN = 5

_DEFER = sa.text(
    "SELECT (procrastinate.procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, :priority, :lock, :once,"
    " CAST(:arguments AS jsonb), :at)]::procrastinate.procrastinate_job_to_defer_v1[]))[1]"
).bindparams(sa.bindparam("at", type_=sa.DateTime(timezone=True)))
# Locked, so that no worker begins it before this transaction's changes are there to be seen.
_WAITING = sa.text(
    "SELECT id FROM procrastinate.procrastinate_jobs WHERE queueing_lock = :once AND status = 'todo' FOR NO KEY UPDATE"
)
_CANCEL = sa.text("SELECT procrastinate.procrastinate_cancel_job_v1(:id, true, false)")


async def defer(
    session: AsyncSession,
    task: Task,
    *,
    at: datetime | None = None,
    lock: str | None = None,
    once: str | None = None,
    priority: int = 0,
    **arguments: Any,
) -> int:
    """Has a task run after the session's transaction commits, not before `at`; returns the job's id.

    Of jobs with the same `lock`, one runs at a time, in the order of deferral. With `once`, a job of the same word that
    waits already serves for this one too. Arguments are what JSON can hold. Raises TypeError for other arguments.
    """
    request = context.current.get()
    carried = {REQUEST_ID: request.request_id, TRACE_PARENT: telemetry.trace_parent()}
    parameters = {
        "queue": QUEUE,
        "task": task.name,
        "priority": priority,
        "lock": lock,
        "once": once,
        "arguments": orjson.dumps({**arguments, **{name: value for name, value in carried.items() if value}}).decode(),
        "at": at,
    }
    if once is None:
        return int((await session.execute(_DEFER, parameters)).scalar_one())
    return await _defer_once(session, once, parameters)


async def _defer_once(session: AsyncSession, once: str, parameters: dict[str, Any]) -> int:
    for _ in range(ATTEMPTS_TO_JOIN):
        # Looking first spares a refusal and its savepoint where many changes ask for one job.
        waiting = (await session.execute(_WAITING, {"once": once})).scalar()
        if waiting is not None:
            return int(waiting)
        try:
            async with session.begin_nested():
                return int((await session.execute(_DEFER, parameters)).scalar_one())
        except IntegrityError as error:
            if not isinstance(error.orig, UniqueViolation):
                raise
    raise RuntimeError(f"jobs for {once!r} begin faster than another can be deferred")


async def cancel(session: AsyncSession, job_id: int) -> bool:
    """Cancels a job that waits, and asks one that runs to end; False when it is over already."""
    return (await session.execute(_CANCEL, {"id": job_id})).scalar() is not None
