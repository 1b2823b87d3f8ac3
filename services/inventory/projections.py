"""What inventory keeps of other services' events, and what it does when something is sold."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.pos.events.v1 import events_pb2 as pos
from servicekit.clock import Clock
from servicekit.events import Envelope
from servicekit.inbox import Subscription
from services.inventory.commands import sales
from services.inventory.models import MenuItemRef


def subscriptions(clock: Clock) -> list[Subscription]:
    """The consumers of this service."""
    sold = Sales(clock)
    return [
        refdata.subscription("inventory"),
        Subscription(
            name="inventory-menu",
            handlers={pos.MenuItemChanged: keep_dish, pos.MenuItemDeleted: drop_dish},
        ),
        Subscription(
            name="inventory-sales",
            handlers={
                pos.OrderCompleted: sold.completed,
                pos.OrderVoided: sold.voided,
                pos.OrderRefunded: sold.refunded,
            },
        ),
    ]


async def keep_dish(session: AsyncSession, event: pos.MenuItemChanged, _envelope: Envelope) -> None:
    """Keeps a dish as the event shows it, unless a newer state is known."""
    await _keep(session, event.item, is_active=event.item.is_active)


async def drop_dish(session: AsyncSession, event: pos.MenuItemDeleted, _envelope: Envelope) -> None:
    """Keeps the name of a dish that is no more, for the recipe that it had."""
    await _keep(session, event.item, is_active=False)


class Sales:
    """What a sale does to the stock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def completed(self, session: AsyncSession, event: pos.OrderCompleted, envelope: Envelope) -> None:
        """Takes out of the stock what was sold."""
        order = event.order
        lines = [(UUID(line.menu_item_id), line.quantity) for line in order.lines if line.menu_item_id]
        await sales.deplete(
            session, UUID(order.restaurant_id), UUID(order.id), lines, envelope.occurred_at, self._clock.now()
        )

    async def voided(self, session: AsyncSession, event: pos.OrderVoided, envelope: Envelope) -> None:
        """Puts back what the order had taken, if it had."""
        await self._undo(session, event.order, envelope)

    async def refunded(self, session: AsyncSession, event: pos.OrderRefunded, envelope: Envelope) -> None:
        """Puts back what the order had taken once all of its money went back; a part of it says nothing of the food."""
        if Decimal(event.order.refund_amount or event.amount) >= Decimal(event.order.total_amount):
            await self._undo(session, event.order, envelope)

    async def _undo(self, session: AsyncSession, order: pos.OrderFacts, envelope: Envelope) -> None:
        await sales.undo(session, UUID(order.restaurant_id), UUID(order.id), envelope.occurred_at, self._clock.now())


async def _keep(session: AsyncSession, facts: pos.MenuItemFacts, *, is_active: bool) -> None:
    statement = insert(MenuItemRef)
    columns = ("name", "price", "is_active", "version")
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["id", "restaurant_id"],
            set_={name: statement.excluded[name] for name in columns},
            where=statement.excluded.version > MenuItemRef.version,
        ),
        {
            "id": UUID(facts.id),
            "restaurant_id": UUID(facts.restaurant_id),
            "name": facts.name,
            "price": Decimal(facts.price or "0"),
            "is_active": is_active,
            "version": facts.version,
        },
    )
