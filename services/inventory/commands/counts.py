"""Taking counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Invalid, NotFound
from services.inventory.commands import ledger
from services.inventory.commands.adjustments import in_own_unit
from services.inventory.commands.ledger import Cause, Movement
from services.inventory.models import StockCount, StockCountLine
from services.inventory.queries.items import NO_ITEM

TWICE = "An item stands here twice."


@dataclass(frozen=True, slots=True)
class Counted:
    """What was found of an item, in `unit` or in the item's own."""

    item_id: UUID
    quantity: Decimal
    unit: str | None = None


async def take_count(
    session: AsyncSession,
    restaurant_id: UUID,
    author_id: UUID,
    lines: Sequence[Counted],
    notes: str | None,
    now: datetime,
) -> UUID:
    """Takes what was counted as what is there. Raises NotFound for an unknown item, Invalid for a repeated one."""
    wanted = {line.item_id: line for line in lines}
    if len(wanted) != len(lines):
        raise Invalid.field("lines", TWICE)
    held = await ledger.hold(session, restaurant_id, wanted)
    if len(held) != len(wanted) or not all(holding.is_active for holding in held.values()):
        raise NotFound(NO_ITEM)
    count = StockCount(id=uuid4(), restaurant_id=restaurant_id, notes=notes, counted_by=author_id, created_at=now)
    rows = {}
    movements = []
    for item_id, holding in held.items():
        counted = in_own_unit(holding, wanted[item_id].quantity, wanted[item_id].unit)
        rows[item_id] = {
            "count_id": count.id,
            "item_id": item_id,
            "restaurant_id": restaurant_id,
            "system_quantity": holding.balance.quantity,
            "counted_quantity": counted,
            "variance_value": Decimal(0),
        }
        if counted != holding.balance.quantity:
            movements.append(Movement(item_id, "COUNT", counted - holding.balance.quantity, reason=notes))
    moved = await ledger.move(session, restaurant_id, held, movements, Cause("count", count.id, author_id, now), now)
    for movement, outcome in zip(movements, moved, strict=True):
        rows[movement.item_id]["variance_value"] = outcome.value
    count.total_variance = sum((outcome.value for outcome in moved), Decimal(0))
    session.add(count)
    await session.flush()
    await session.execute(insert(StockCountLine), list(rows.values()))
    return count.id
