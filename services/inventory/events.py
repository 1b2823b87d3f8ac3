"""What inventory publishes, and how each fact is made from its rows."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.inventory.events.v1 import events_pb2 as facts
from servicekit import events
from services.inventory.domain.holding import Holding
from services.inventory.models import PurchaseOrder, Recipe, Supplier


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


def ran_low(session: AsyncSession, restaurant_id: UUID, holding: Holding) -> None:
    """An item fell to its reorder level."""
    _about_state(session, restaurant_id, holding, facts.StockLow(stock=_state_facts(restaurant_id, holding)))


def ran_out(
    session: AsyncSession,
    restaurant_id: UUID,
    holding: Holding,
    dishes: Iterable[UUID],
    *,
    is_repeated: bool = False,
) -> None:
    """Nothing is left of an item, and some dishes cannot be made any more; repeated when only the dishes changed."""
    message = facts.StockOut(
        stock=_state_facts(restaurant_id, holding),
        menu_item_ids=[str(dish) for dish in dishes],
        is_repeated=is_repeated,
    )
    _about_state(session, restaurant_id, holding, message)


def came_back(session: AsyncSession, restaurant_id: UUID, holding: Holding, dishes: Iterable[UUID]) -> None:
    """There is something of an item again, and some dishes can be made again."""
    message = facts.StockRestored(
        stock=_state_facts(restaurant_id, holding), menu_item_ids=[str(dish) for dish in dishes]
    )
    _about_state(session, restaurant_id, holding, message)


def _about_state(
    session: AsyncSession,
    restaurant_id: UUID,
    holding: Holding,
    message: facts.StockLow | facts.StockOut | facts.StockRestored,
) -> None:
    events.emit(
        session,
        message,
        restaurant_id=restaurant_id,
        aggregate_id=holding.item_id,
        version=holding.state_version,
    )


def recipe_changed(session: AsyncSession, recipe: Recipe, *, is_deleted: bool = False) -> None:
    """A recipe was added, changed or removed."""
    events.emit(
        session,
        facts.RecipeChanged(
            recipe_id=str(recipe.id),
            restaurant_id=str(recipe.restaurant_id),
            menu_item_id=str(recipe.menu_item_id or ""),
            is_deleted=is_deleted,
            version=recipe.version,
        ),
        restaurant_id=recipe.restaurant_id,
        aggregate_id=recipe.id,
        version=recipe.version,
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


def _state_facts(restaurant_id: UUID, holding: Holding) -> facts.StockFacts:
    about = _stock_facts(restaurant_id, holding)
    about.version = holding.state_version
    return about
