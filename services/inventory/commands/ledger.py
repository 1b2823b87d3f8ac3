"""Moving stock: the only way in which entries get into the ledger.

Whoever moves items locks their balances first, always in the same order, so that movements of one item follow one
another and two that move the same items never wait for each other in a circle.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.inventory import events
from services.inventory.commands import alerts
from services.inventory.commands.sums import Sums
from services.inventory.domain import ledger
from services.inventory.domain.holding import Holding, conversions_of
from services.inventory.domain.ledger import Balance, Posting
from services.inventory.models import Item, StockBalance, StockEntry


@dataclass(frozen=True, slots=True)
class Movement:
    """What is to happen to one item: a quantity that comes, with its cost, or goes, or a new cost."""

    item_id: UUID
    kind: str
    quantity: Decimal = ledger.ZERO
    unit_cost: Decimal | None = None
    reason: str | None = None
    entered_quantity: Decimal | None = None
    entered_unit: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why stock moves: what the entries refer to, who says so, and when it took place."""

    source_type: str
    source_id: UUID
    author_id: UUID | None
    occurred_at: datetime


@dataclass(slots=True)
class Moved:
    """What a movement added to the ledger: its own entry, and its value together with what had to be revalued."""

    entry_id: UUID
    value: Decimal = field(default=ledger.ZERO)


_LOCK = (
    sa.select(
        Item.id,
        Item.name,
        Item.unit,
        Item.conversions,
        Item.reorder_level,
        Item.is_active,
        StockBalance.quantity,
        StockBalance.value,
        StockBalance.unit_cost,
        StockBalance.entries,
        StockBalance.state,
        StockBalance.moved_at,
        StockBalance.state_version,
    )
    .join(StockBalance, StockBalance.item_id == Item.id)
    .where(
        Item.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        Item.id == sa.any_(bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
    )
    .order_by(Item.id)
    .with_for_update(of=StockBalance)
)
_SETTLE = (
    sa.update(StockBalance)
    .where(StockBalance.item_id == bindparam("at"))
    .values(
        quantity=bindparam("quantity"),
        value=bindparam("value"),
        unit_cost=bindparam("unit_cost"),
        entries=bindparam("entries"),
        state=bindparam("state"),
        moved_at=bindparam("moved_at"),
        state_version=bindparam("state_version"),
    )
)


async def hold(session: AsyncSession, restaurant_id: UUID, item_ids: Collection[UUID]) -> dict[UUID, Holding]:
    """The restaurant's items of these ids, each locked until the transaction ends; ids of others are left out."""
    rows = await session.execute(_LOCK, {"restaurant_id": restaurant_id, "ids": sorted(set(item_ids))})
    return {
        row.id: Holding(
            row.id,
            row.name,
            row.unit,
            conversions_of(row.conversions),
            row.reorder_level,
            row.is_active,
            Balance(row.quantity, row.value, row.unit_cost, row.entries),
            row.state,
            row.moved_at,
            row.state_version,
        )
        for row in rows
    }


async def move(
    session: AsyncSession,
    restaurant_id: UUID,
    held: Mapping[UUID, Holding],
    movements: Sequence[Movement],
    cause: Cause,
    now: datetime,
    *,
    is_told: bool = True,
) -> list[Moved]:
    """Enters movements of items that are held, one after the other, and says what each came to.

    Others hear of each of them, unless they are long past and together leave the stock as it is.
    """
    batch = _Batch(restaurant_id, cause, now, is_told=is_told)
    for movement in movements:
        holding = held[movement.item_id]
        if movement.kind == "REVALUATION":
            cost = holding.balance.unit_cost if movement.unit_cost is None else movement.unit_cost
            postings = ledger.revalue(holding.balance, cost)
            if not postings:
                # Nothing is there to be valued: only the next to come or go without a price of its own.
                batch.touch(holding, holding.state)
                holding.balance = replace(holding.balance, unit_cost=cost)
        else:
            postings = ledger.post(holding.balance, movement.quantity, movement.unit_cost)
        batch.add(holding, postings, movement.kind, movement)
    await batch.write(session)
    return batch.moved


async def take_back(
    session: AsyncSession,
    restaurant_id: UUID,
    held: Mapping[UUID, Holding],
    entries: Sequence[StockEntry],
    cause: Cause,
    now: datetime,
    reason: str | None = None,
) -> list[Moved]:
    """Reverses entries of items that are held. IntegrityError when one of them was reversed before."""
    batch = _Batch(restaurant_id, cause, now)
    for entry in entries:
        holding = held[entry.item_id]
        postings = ledger.reverse(holding.balance, entry.quantity, entry.unit_cost, entry.value)
        batch.add(holding, postings, "REVERSAL", Movement(entry.item_id, "REVERSAL", reason=reason), reverses=entry)
    await batch.write(session)
    return batch.moved


async def settle_level(
    session: AsyncSession, restaurant_id: UUID, holding: Holding, reorder_level: Decimal | None
) -> None:
    """Brings the state of an item that is held in line with another reorder level."""
    holding.reorder_level = reorder_level
    batch = _Batch(restaurant_id, None, holding.moved_at)
    batch.touch(holding, holding.state)
    await batch.write(session)


class _Batch:
    """Entries of one cause, written together with the balances that they lead to."""

    def __init__(self, restaurant_id: UUID, cause: Cause | None, now: datetime | None, *, is_told: bool = True) -> None:
        self._restaurant_id = restaurant_id
        self._cause = cause
        self._now = now
        self._is_told = is_told
        self._entries: list[dict[str, Any]] = []
        self._sums = Sums(restaurant_id)
        self._before: dict[UUID, tuple[Holding, str]] = {}
        self._facts: list[tuple[Holding, str, Decimal]] = []
        self.moved: list[Moved] = []

    def touch(self, holding: Holding, before: str) -> None:
        self._before.setdefault(holding.item_id, (holding, before))

    def add(
        self,
        holding: Holding,
        postings: Sequence[Posting],
        kind: str,
        movement: Movement,
        reverses: StockEntry | None = None,
    ) -> None:
        if self._cause is None:
            raise ValueError("entries need a cause")
        self.touch(holding, holding.state)
        moved = Moved(uuid4())
        for posting in postings:
            is_first = posting is postings[0]
            kind_of_it = "REVALUATION" if posting.revalues else kind
            counts_as = reverses.kind if reverses is not None and is_first else kind_of_it
            self._sums.add(holding.item_id, counts_as, self._cause.occurred_at, posting)
            self._entries.append(
                {
                    "id": moved.entry_id if is_first else uuid4(),
                    "restaurant_id": self._restaurant_id,
                    "item_id": holding.item_id,
                    "number": posting.number,
                    "kind": kind_of_it,
                    "quantity": posting.quantity,
                    "unit_cost": posting.unit_cost,
                    "value": posting.value,
                    "balance_quantity": posting.after.quantity,
                    "balance_value": posting.after.value,
                    "entered_quantity": movement.entered_quantity if is_first else None,
                    "entered_unit": movement.entered_unit if is_first else None,
                    "reason": movement.reason,
                    "author_id": self._cause.author_id,
                    "source_type": self._cause.source_type,
                    "source_id": self._cause.source_id,
                    "reverses_id": reverses.id if reverses is not None and is_first else None,
                    "occurred_at": self._cause.occurred_at,
                    "created_at": self._now,
                }
            )
            moved.value += posting.value
            holding.balance = posting.after
            holding.moved_at = self._now
            if posting.quantity and self._is_told:
                self._facts.append((holding, kind, posting.quantity))
        self.moved.append(moved)

    async def write(self, session: AsyncSession) -> None:
        if self._entries:
            await session.execute(insert(StockEntry), self._entries)
            await self._sums.write(session)
        rows = []
        changes = []
        for holding, before in self._before.values():
            balance = holding.balance
            holding.state = ledger.state_of(balance.quantity, holding.reorder_level)
            if holding.state != before:
                holding.state_version += 1
                changes.append((holding, before))
            rows.append(
                {
                    "at": holding.item_id,
                    "quantity": balance.quantity,
                    "value": balance.value,
                    "unit_cost": balance.unit_cost,
                    "entries": balance.entries,
                    "state": holding.state,
                    "moved_at": holding.moved_at,
                    "state_version": holding.state_version,
                }
            )
        if rows:
            connection = await session.connection()
            await connection.execute(_SETTLE, rows)
        for holding, kind, quantity in self._facts:
            events.stock_moved(session, self._restaurant_id, holding, kind, quantity)
        await alerts.tell(session, self._restaurant_id, changes)
