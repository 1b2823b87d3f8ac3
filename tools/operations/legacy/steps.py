"""One table after the other: what is known already, what a row becomes, and what came of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import stamina
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from refdata.tables import restaurant_ref
from servicekit.db import SYSTEM, Database
from servicekit.errors import Invalid, NotFound, Refusal
from tools.operations.legacy.source import Owner, Part, Row, Source

ATTEMPTS = 5
NOBODY = UUID(int=0)
"""Who did what no person did."""


class Waiting(Exception):
    """The row belongs to something that has not arrived in its service yet; the next run takes it."""


class Again(Exception):
    """Somebody changed the same thing at this moment, so that the batch is taken once more."""


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
    owner: Owner | None = None
    parts: tuple[Part, ...] = ()
    order: tuple[str, ...] = ("id",)
    # What follows from the rows that a batch brought, in the same transaction. Raises Again.
    settle: Callable[[AsyncSession, Sequence[Row]], Awaitable[None]] | None = None


@dataclass
class Outcome:
    """What became of a table's rows."""

    table: str
    taken: int = 0
    known: int = 0
    waiting: int = 0
    refused: list[tuple[Any, str]] = field(default_factory=list)

    def refuse(self, row: Row, error: Exception) -> None:
        """Keeps of a row that cannot be taken over its id and why."""
        self.refused.append((row["id"], _reason(error)))

    def include(self, batch: "Outcome") -> None:
        """Adds what became of some more of the rows."""
        self.taken += batch.taken
        self.known += batch.known
        self.waiting += batch.waiting
        self.refused += batch.refused

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.taken} taken over, {self.known} known before, "
            f"{self.waiting} waiting, {len(self.refused)} refused"
        )


def _reason(error: Exception) -> str:
    """Why, in one line: the complaint about each field, or what the database said first."""
    if isinstance(error, Refusal) and error.fields:
        return "; ".join(f"{name}: {' '.join(complaints)}" for name, complaints in error.fields.items())
    return str(error).splitlines()[0]


async def run_step(step: Step, table: str, source: Source, database: Database) -> Outcome:
    """Takes a table over. Raises sqlalchemy's errors when the service's database fails, and Again after many tries."""
    outcome = Outcome(table)
    for rows in source.batches(table, step.order, step.owner, step.parts):
        async for attempt in stamina.retry_context(on=Again, attempts=ATTEMPTS):
            with attempt:
                batch = await _run_batch(step, table, rows, database)
        outcome.include(batch)
    return outcome


async def _run_batch(step: Step, table: str, rows: list[Row], database: Database) -> Outcome:
    """Takes some rows over, in one transaction."""
    outcome = Outcome(table)
    taken: list[Row] = []
    async with database.write(SYSTEM) as session:
        keys = [row[step.key] for row in rows]
        known = set((await session.scalars(sa.select(step.known).where(step.known.in_(keys)))).all())
        arrived = await _arrived(session, step, rows)
        for row in rows:
            try:
                async with session.begin_nested():
                    if arrived is not None and _restaurant_of(row) not in arrived:
                        raise Waiting
                    if await _take(session, step, row, is_known=row[step.key] in known):
                        taken.append(row)
                    else:
                        outcome.known += 1
            except (Waiting, NotFound):
                outcome.waiting += 1
            except (Refusal, IntegrityError) as error:
                outcome.refuse(row, error)
        if step.settle is not None and taken:
            await step.settle(session, taken)
    outcome.taken = len(taken)
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


def _restaurant_of(row: Row) -> UUID:
    """The restaurant of a row. Raises Invalid where the earlier backend knows none."""
    restaurant: UUID | None = row.get("restaurant_id")
    if restaurant is None:
        raise Invalid.field("restaurant", "It belongs to no restaurant.")
    return restaurant


async def _arrived(session: AsyncSession, step: Step, rows: list[Row]) -> set[UUID] | None:
    """Which of the rows' restaurants the service knows; None for identity, which is where they are from."""
    if step.service == "identity":
        return None
    wanted = {row.get("restaurant_id") for row in rows} - {None}
    found = await session.scalars(sa.select(restaurant_ref.c.id).where(restaurant_ref.c.id.in_(wanted)))
    return set(found.all())
