"""What pos says was sold, summed by the quarter of an hour, for planning people by it."""

from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.pos.events.v1 import events_pb2 as pos
from servicekit.db import SessionReader
from servicekit.events import Envelope
from servicekit.inbox import Subscription
from services.scheduling.models import SalesQuarter

_INSERT = insert(SalesQuarter)
_ADD: Final = _INSERT.on_conflict_do_update(
    index_elements=["restaurant_id", "day", "quarter"],
    set_={name: SalesQuarter.__table__.c[name] + _INSERT.excluded[name] for name in ("orders", "guests", "amount")},
)


def subscription() -> Subscription:
    """The consumer that keeps the sums."""
    return Subscription(
        name="scheduling-sales",
        handlers={pos.OrderCompleted: add_sale},
        # Sums for plans of another week; many at once also do not wait for each other's rows.
        size=100,
        linger=0.25,
        concurrency=1,
    )


async def add_sale(session: AsyncSession, event: pos.OrderCompleted, envelope: Envelope) -> None:
    """Adds an order to the quarter of an hour in which it was paid, in the restaurant's zone."""
    order = event.order
    restaurant_id = UUID(order.restaurant_id)
    paid = envelope.occurred_at.astimezone(await refdata.time_zone(SessionReader(session), restaurant_id))
    await session.execute(
        _ADD,
        {
            "restaurant_id": restaurant_id,
            "day": paid.date(),
            "quarter": (paid.hour * 60 + paid.minute) // 15,
            "orders": 1,
            "guests": max(1, order.guest_count),
            "amount": Decimal(order.subtotal or "0") - Decimal(order.discount_amount or "0"),
        },
    )
