"""One table after the other: what is known already, what a row becomes, and what came of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from refdata.tables import restaurant_ref
from servicekit.db import SYSTEM, Database
from servicekit.errors import NotFound, Refusal
from tools.operations.legacy.source import Row, Source

NAMED_AT_MOST = 5


class Waiting(Exception):
    """The row belongs to something that has not arrived in its service yet; the next run takes it."""


@dataclass(frozen=True)
class Step:
    """One table: where it may stand, the service that takes it, its ids there, and how a row is taken over."""

    service: str
    tables: tuple[str, ...]
    known: Any
    take: Callable[[AsyncSession, Row], Awaitable[None]]
    # The column that the known ids are compared with.
    key: str = "id"
    # Adds to what is known what only this row says, and tells whether there was anything.
    add: Callable[[AsyncSession, Row], Awaitable[bool]] | None = None


@dataclass
class Outcome:
    """What became of a table's rows."""

    table: str
    taken: int = 0
    known: int = 0
    waiting: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)

    def refuse(self, row: Row, error: Exception) -> None:
        """Counts a row that cannot be taken over, and keeps why, of the first few."""
        self.refused += 1
        if len(self.reasons) < NAMED_AT_MOST:
            fields = getattr(error, "fields", None)
            self.reasons.append(f"{row['id']}: {fields or str(error).splitlines()[0]}")

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.taken} taken over, {self.known} known before, "
            f"{self.waiting} waiting, {self.refused} refused"
        )


async def run_step(step: Step, table: str, source: Source, database: Database) -> Outcome:
    """Takes a table over. Raises sqlalchemy's errors when the service's database fails."""
    outcome = Outcome(table)
    for rows in source.batches(table):
        async with database.write(SYSTEM) as session:
            keys = [row[step.key] for row in rows]
            known = set((await session.scalars(sa.select(step.known).where(step.known.in_(keys)))).all())
            arrived = await _arrived(session, step, rows)
            for row in rows:
                try:
                    async with session.begin_nested():
                        if arrived is not None and row["restaurant_id"] not in arrived:
                            raise Waiting
                        if await _take(session, step, row, is_known=row[step.key] in known):
                            outcome.taken += 1
                        else:
                            outcome.known += 1
                except (Waiting, NotFound):
                    outcome.waiting += 1
                except (Refusal, IntegrityError) as error:
                    outcome.refuse(row, error)
    return outcome


async def _take(session: AsyncSession, step: Step, row: Row, *, is_known: bool) -> bool:
    """Whether the row brought anything new."""
    if is_known and step.add is None:
        return False
    is_new = True
    if not is_known:
        await step.take(session, row)
    elif step.add is not None:
        is_new = await step.add(session, row)
    await session.flush()
    return is_new


async def _arrived(session: AsyncSession, step: Step, rows: list[Row]) -> set[UUID] | None:
    """Which of the rows' restaurants the service knows; None for identity, which is where they are from."""
    if step.service == "identity":
        return None
    wanted = sa.select(restaurant_ref.c.id).where(restaurant_ref.c.id.in_({row["restaurant_id"] for row in rows}))
    return set((await session.scalars(wanted)).all())
