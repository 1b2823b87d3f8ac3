"""What inventory publishes, and how each fact is made from its rows."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.inventory.events.v1 import events_pb2 as facts
from servicekit import events
from services.inventory.domain.holding import Holding
from services.inventory.domain.ledger import LOW, OUT
from services.inventory.models import PurchaseOrder, Supplier


def supplier_created(session: AsyncSession, supplier: Supplier) -> None:
    """The restaurant buys from somebody new."""
    about = facts.SupplierFacts(
        id=str(supplier.id),
        restaurant_id=str(supplier.restaurant_id),
        name=supplier.name,
        version=supplier.version,
    )
    events.emit(
        session,
        facts.SupplierCreated(supplier=about),
        restaurant_id=supplier.restaurant_id,
        aggregate_id=supplier.id,
        version=supplier.version,
    )


def stock_moved(session: AsyncSession, restaurant_id: UUID, holding: Holding, kind: str, quantity: Decimal) -> None:
    """There is more or less of an item."""
    about = _stock_facts(restaurant_id, holding)
    events.emit(
        session,
        facts.StockMoved(stock=about, kind=kind, quantity=str(quantity)),
        restaurant_id=restaurant_id,
        aggregate_id=holding.item_id,
        version=about.version,
    )


async def states_changed(session: AsyncSession, restaurant_id: UUID, changes: Sequence[tuple[Holding, str]]) -> None:
    """Items ran low or out, or are there again; each comes with the state that it was in."""
    for holding, before in changes:
        about = _stock_facts(restaurant_id, holding)
        messages: list[facts.StockLow | facts.StockOut | facts.StockRestored] = []
        if holding.state == OUT:
            messages.append(facts.StockOut(stock=about))
        elif before == OUT:
            messages.append(facts.StockRestored(stock=about))
        if holding.state == LOW:
            messages.append(facts.StockLow(stock=about))
        for message in messages:
            events.emit(
                session, message, restaurant_id=restaurant_id, aggregate_id=holding.item_id, version=about.version
            )


def purchase_order_changed(session: AsyncSession, order: PurchaseOrder, verb: str) -> None:
    """An order was created, ordered, received or cancelled."""
    about = facts.PurchaseOrderFacts(
        id=str(order.id),
        restaurant_id=str(order.restaurant_id),
        supplier_id=str(order.supplier_id),
        status=order.status,
        order_date=order.order_date.isoformat(),
        expected_delivery_date=order.expected_delivery_date.isoformat() if order.expected_delivery_date else None,
        version=order.version,
    )
    events.emit(
        session,
        _ORDER_EVENTS[verb](purchase_order=about),
        restaurant_id=order.restaurant_id,
        aggregate_id=order.id,
        version=order.version,
    )


_ORDER_EVENTS = {
    "created": facts.PurchaseOrderCreated,
    "ordered": facts.PurchaseOrderOrdered,
    "received": facts.PurchaseOrderReceived,
    "cancelled": facts.PurchaseOrderCancelled,
}


def _stock_facts(restaurant_id: UUID, holding: Holding) -> facts.StockFacts:
    return facts.StockFacts(
        item_id=str(holding.item_id),
        restaurant_id=str(restaurant_id),
        name=holding.name,
        unit=holding.unit,
        quantity=str(holding.balance.quantity),
        value=str(holding.balance.value),
        reorder_level=None if holding.reorder_level is None else str(holding.reorder_level),
        version=holding.balance.entries,
    )
