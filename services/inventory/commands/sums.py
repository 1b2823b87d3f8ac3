"""Keeping what entries add up to by day and by month, in the transaction that writes them.

Whoever writes entries of an item holds its balance, so nobody else adds to its sums meanwhile.
"""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.inventory.domain.ledger import ZERO, Posting
from services.inventory.models import StockSum

_INSERT = insert(StockSum)
_ADD = _INSERT.on_conflict_do_update(
    index_elements=["restaurant_id", "grain", "starts_on", "item_id", "cause"],
    set_={
        "quantity": StockSum.quantity + _INSERT.excluded.quantity,
        "value": StockSum.value + _INSERT.excluded.value,
    },
)


class Sums:
    """What the entries of one transaction add to the sums."""

    def __init__(self, restaurant_id: UUID) -> None:
        self._restaurant_id = restaurant_id
        self._added: defaultdict[tuple[str, date, UUID, str], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])

    def add(self, item_id: UUID, cause: str, occurred_at: datetime, posting: Posting) -> None:
        """Counts an entry of an item under its cause, in the day and the month in which it took place."""
        day = occurred_at.astimezone(UTC).date()
        for grain, starts_on in (("DAY", day), ("MONTH", day.replace(day=1))):
            added = self._added[grain, starts_on, item_id, cause]
            added[0] += posting.quantity
            added[1] += posting.value

    async def write(self, session: AsyncSession) -> None:
        """Adds what was counted."""
        connection = await session.connection()
        await connection.execute(
            _ADD,
            [
                {
                    "restaurant_id": self._restaurant_id,
                    "grain": grain,
                    "starts_on": starts_on,
                    "item_id": item_id,
                    "cause": cause,
                    "quantity": quantity,
                    "value": value,
                }
                for (grain, starts_on, item_id, cause), (quantity, value) in self._added.items()
            ],
        )
