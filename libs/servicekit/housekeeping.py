"""Deleting what the platform's tables no longer need, in steps short enough to disturb nobody."""

from datetime import timedelta

import sqlalchemy as sa

from servicekit.db import SYSTEM, Database
from servicekit.tables import idempotency_key, inbox

STEP_ROWS = 5_000
# Longer than the stream keeps an event, so that nothing can be delivered whose mark is gone.
INBOX_KEPT = timedelta(days=15)
IDEMPOTENCY_KEYS_KEPT = timedelta(days=2)
FAILED_JOBS_KEPT = timedelta(days=30)

_JOBS = sa.text(
    """
    DELETE FROM procrastinate.procrastinate_jobs WHERE id IN (
        SELECT job.id FROM procrastinate.procrastinate_jobs AS job
        WHERE job.status NOT IN ('todo', 'doing') AND NOT EXISTS (
            SELECT FROM procrastinate.procrastinate_events AS event
            WHERE event.job_id = job.id AND event.at > now() - :kept
        ) LIMIT :most
    )
    """
).bindparams(sa.bindparam("kept", type_=sa.Interval))


async def clean(database: Database) -> dict[str, int]:
    """Deletes old marks of handled events, old idempotency keys and old failed jobs; how many of each."""
    return {
        "inbox": await _in_steps(database, _older(inbox, inbox.c.handled_at), {"kept": INBOX_KEPT}),
        "idempotency_key": await _in_steps(
            database, _older(idempotency_key, idempotency_key.c.created_at), {"kept": IDEMPOTENCY_KEYS_KEPT}
        ),
        "jobs": await _in_steps(database, _JOBS, {"kept": FAILED_JOBS_KEPT}),
    }


def _older(table: sa.Table, column: sa.Column[object]) -> sa.Delete:
    place: sa.ColumnClause[object] = sa.literal_column(f"{table.name}.ctid")
    old = (
        sa.select(place)
        .select_from(table)
        .where(column < sa.func.now() - sa.bindparam("kept", type_=sa.Interval))
        .limit(sa.bindparam("most", type_=sa.Integer))
    )
    return sa.delete(table).where(place.in_(old))


async def _in_steps(database: Database, statement: sa.Executable, parameters: dict[str, object]) -> int:
    total = 0
    while True:
        async with database.write(SYSTEM) as session:
            deleted = await session.execute(statement, {**parameters, "most": STEP_ROWS})
            total += int(deleted.rowcount)  # type: ignore[attr-defined] # the result of a DELETE has it
        if deleted.rowcount < STEP_ROWS:  # type: ignore[attr-defined] # the result of a DELETE has it
            return total
