"""Events that a consumer gave up on: kept with their error, shown to operators, replayed through the same handler."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY, insert

from servicekit import events
from servicekit.db import SYSTEM, Database, Query
from servicekit.inbox import Delivery, Inbox
from servicekit.tables import dead_letter

MAX_TRACE_CHARACTERS = 20_000
PAGE = 200

_UPSERT = insert(dead_letter)
_BURY = _UPSERT.on_conflict_do_update(
    index_elements=["consumer", "message_id"],
    set_={
        name: _UPSERT.excluded[name]
        for name in ("reason", "attempts", "error", "trace", "failed_at", "headers", "payload")
    },
)
_LIST = Query(
    sa.select(
        dead_letter.c.id,
        dead_letter.c.consumer,
        dead_letter.c.message_id,
        dead_letter.c.reason,
        dead_letter.c.type,
        dead_letter.c.attempts,
        dead_letter.c.error,
        dead_letter.c.failed_at,
    )
    .order_by(dead_letter.c.failed_at.desc(), dead_letter.c.id)
    .limit(bindparam("most"))
)
_NEXT = Query(
    sa.select(dead_letter)
    .where(
        dead_letter.c.consumer == bindparam("consumer"),
        dead_letter.c.id > bindparam("after", type_=sa.Uuid),
        bindparam("everything", type_=sa.Boolean)
        | (dead_letter.c.id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid)))),
    )
    .order_by(dead_letter.c.id)
    .limit(PAGE)
)
_COUNT = Query(
    sa.select(sa.func.count()).select_from(dead_letter).where(dead_letter.c.consumer == bindparam("consumer"))
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that was given up."""

    id: UUID
    consumer: str
    message_id: str
    reason: str
    type: str
    attempts: int
    error: str
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a replay."""

    applied: int = 0
    already_applied: int = 0
    failed: int = 0


async def bury(
    database: Database, consumer: str, delivery: Delivery, *, message_id: str, reason: str, error: BaseException
) -> None:
    """Keeps a delivery that is given up; doing it again only updates the error."""
    trace = "".join(traceback.format_exception(error))[-MAX_TRACE_CHARACTERS:]
    async with database.write(SYSTEM) as session:
        await session.execute(
            _BURY,
            {
                "consumer": consumer,
                "message_id": message_id,
                "reason": reason,
                "subject": delivery.subject,
                "type": delivery.headers.get(events.TYPE, ""),
                "payload": delivery.payload,
                "headers": dict(delivery.headers),
                "attempts": delivery.attempt,
                "error": _text(f"{type(error).__name__}: {error}"),
                "trace": _text(trace),
            },
        )


async def listing(database: Database, most: int = 100) -> list[DeadLetter]:
    """The latest dead letters of a service, all its consumers together."""
    return [DeadLetter(*row) for row in await database.read(SYSTEM).all(_LIST, most=most)]


async def count(database: Database, consumer: str) -> int:
    """How many dead letters a consumer has."""
    return int(await database.read(SYSTEM).scalar(_COUNT, consumer=consumer))


async def discard(database: Database, ids: Sequence[UUID]) -> int:
    """Deletes dead letters that nobody needs; how many there were."""
    async with database.write(SYSTEM) as session:
        deleted = await session.execute(sa.delete(dead_letter).where(dead_letter.c.id.in_(ids)))
        return int(deleted.rowcount)  # type: ignore[attr-defined] # the result of a DELETE has it


async def replay(inbox: Inbox, ids: Sequence[UUID] | None = None) -> Replayed:
    """Handles a consumer's dead letters again, those named or all; what succeeds is deleted in the same transaction."""
    applied = already_applied = failed = 0
    after = UUID(int=0)
    while rows := await inbox.database.read(SYSTEM).all(
        _NEXT, consumer=inbox.subscription.name, after=after, everything=ids is None, ids=list(ids or ())
    ):
        for row in rows:
            try:
                outcome = await _replay_one(inbox, row)
            except Exception as error:  # noqa: BLE001 - kept with the dead letter; the others must have their turn
                failed += 1
                await _keep(inbox, row, error)
            else:
                applied += outcome is True
                already_applied += outcome is False
        after = rows[-1].id
    return Replayed(applied, already_applied, failed)


async def _replay_one(inbox: Inbox, row: Any) -> bool | None:
    """True when applied, False when that had happened before, None when somebody else replays it just now."""
    event = inbox.open(Delivery(row.subject, row.payload, row.headers, row.attempts + 1))
    async with inbox.database.write(event.scope) as session:
        deleted = await session.execute(sa.delete(dead_letter).where(dead_letter.c.id == row.id))
        if not deleted.rowcount:  # type: ignore[attr-defined] # the result of a DELETE has it
            return None
        return await inbox.apply_in(session, event)


async def _keep(inbox: Inbox, row: Any, error: BaseException) -> None:
    delivery = Delivery(row.subject, row.payload, row.headers, row.attempts + 1)
    await bury(inbox.database, row.consumer, delivery, message_id=row.message_id, reason=row.reason, error=error)


def _text(value: str) -> str:
    """PostgreSQL's text has no NUL."""
    return value.replace("\0", "\\0")
