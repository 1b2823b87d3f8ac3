"""What pos keeps of other services' events, and what it does about them."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.identity.events.v1 import events_pb2 as identity
from mizan.inventory.events.v1 import events_pb2 as inventory
from servicekit import jobs
from servicekit.events import Envelope
from servicekit.inbox import Subscription
from services.pos.commands import stock
from services.pos.tasks import RELOAD

_TILL_SETTINGS = frozenset({"pos_provider", "pos_merchant_id", "pos_api_key"})


def subscriptions() -> list[Subscription]:
    """The consumers of this service."""
    return [
        refdata.subscription("pos"),
        Subscription(
            name="pos-stock", handlers={inventory.StockOut: stock_out, inventory.StockRestored: stock_restored}
        ),
        Subscription(name="pos-settings", handlers={identity.RestaurantUpdated: settings_changed}),
    ]


async def stock_out(session: AsyncSession, event: inventory.StockOut, _envelope: Envelope) -> None:
    """Takes the dishes that need an item off sale."""
    await _follow(session, event.stock, [UUID(dish) for dish in event.menu_item_ids], is_out=True)


async def stock_restored(session: AsyncSession, event: inventory.StockRestored, _envelope: Envelope) -> None:
    """Brings back the dishes that the stock had taken off sale and that nothing else is missing for."""
    await _follow(session, event.stock, [UUID(dish) for dish in event.menu_item_ids], is_out=False)


async def settings_changed(session: AsyncSession, event: identity.RestaurantUpdated, _envelope: Envelope) -> None:
    """Has the connection with a till system looked at when the settings name another one."""
    if _TILL_SETTINGS.isdisjoint(event.changed_fields):
        return
    restaurant_id = event.restaurant.id
    await jobs.defer(session, RELOAD, once=f"reload {restaurant_id}", restaurant_id=restaurant_id)


async def _follow(session: AsyncSession, facts: inventory.StockFacts, dishes: list[UUID], *, is_out: bool) -> None:
    await stock.follow(session, UUID(facts.restaurant_id), UUID(facts.item_id), facts.version, dishes, is_out=is_out)
