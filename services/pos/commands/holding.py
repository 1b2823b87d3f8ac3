"""Holding an order while it is changed, so that nobody's change is lost; its lines and tickets are held with it."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, NotFound
from services.pos.domain import money, orders
from services.pos.models import DiningTable, KitchenTicket, Order, OrderLine
from services.pos.queries.kitchen import NO_TICKET
from services.pos.queries.orders import NO_LINE, NO_ORDER

CLOSED = "The order is closed."
STALE = "The order has changed since you saw it."
NO_ITEM = "No OrderLineItem matches the given query."

# A subquery, and no join: it is asked anew for the row that an order has once whoever held it has let go.
_TABLE_NUMBER = sa.select(DiningTable.table_number).where(DiningTable.id == Order.table_id).scalar_subquery()


@dataclass(slots=True)
class Held:
    """An order whose row this transaction holds, with its lines in their order and the number of its table."""

    order: Order
    lines: list[OrderLine]
    table_number: int | None

    @property
    def unit(self) -> Decimal:
        """The smallest amount of the order's currency."""
        return money.unit_of(self.order.currency)

    @property
    def due(self) -> Decimal:
        """What is left to pay; nothing once the order is closed."""
        order = self.order
        return money.ZERO if order.status in orders.FINAL else order.total_amount - order.amount_paid

    def line(self, line_id: UUID) -> OrderLine:
        """One of its lines that is not cancelled. Raises NotFound."""
        for line in self.lines:
            if line.id == line_id and line.status != "CANCELLED":
                return line
        raise NotFound(NO_LINE)

    def on_ticket(self, ticket_id: UUID) -> list[OrderLine]:
        """Its lines that one ticket has the kitchen make, cancelled ones included."""
        return [line for line in self.lines if line.ticket_id == ticket_id]


async def hold(session: AsyncSession, restaurant_id: UUID, order_id: UUID, version: int | None = None) -> Held:
    """The order, held against others until the transaction ends. Raises NotFound, and Conflict for a stale version."""
    held = await _hold(session, restaurant_id, sa.literal(order_id), NO_ORDER)
    _check_version(held, version)
    return held


async def hold_open(session: AsyncSession, restaurant_id: UUID, order_id: UUID, version: int | None = None) -> Held:
    """As `hold`. Raises Conflict besides when the order is completed or cancelled."""
    held = await hold(session, restaurant_id, order_id, version)
    _check_open(held)
    return held


async def hold_open_of_line(
    session: AsyncSession, restaurant_id: UUID, line_id: UUID, version: int | None = None
) -> Held:
    """The order that a line is of, as `hold_open`."""
    held = await hold_of_line(session, restaurant_id, line_id)
    _check_version(held, version)
    _check_open(held)
    return held


async def hold_of_ticket(session: AsyncSession, restaurant_id: UUID, ticket_id: UUID) -> Held:
    """The order that a ticket is of, held. Raises NotFound."""
    of_ticket = sa.select(KitchenTicket.order_id).where(
        KitchenTicket.id == ticket_id, KitchenTicket.restaurant_id == restaurant_id
    )
    return await _hold(session, restaurant_id, of_ticket.scalar_subquery(), NO_TICKET)


async def hold_of_line(session: AsyncSession, restaurant_id: UUID, line_id: UUID) -> Held:
    """The order that a line is of, held. Raises NotFound."""
    of_line = sa.select(OrderLine.order_id).where(OrderLine.id == line_id, OrderLine.restaurant_id == restaurant_id)
    return await _hold(session, restaurant_id, of_line.scalar_subquery(), NO_ITEM)


async def _hold(session: AsyncSession, restaurant_id: UUID, order_id: sa.ColumnElement[UUID], missing: str) -> Held:
    found = (
        await session.execute(
            sa.select(Order, _TABLE_NUMBER)
            .where(Order.id == order_id, Order.restaurant_id == restaurant_id)
            .with_for_update(of=Order)
        )
    ).first()
    if found is None:
        raise NotFound(missing)
    order, table_number = found
    lines = await session.scalars(
        sa.select(OrderLine)
        .where(OrderLine.order_id == order.id, OrderLine.restaurant_id == restaurant_id)
        .order_by(OrderLine.position)
    )
    return Held(order, list(lines), table_number)


def _check_version(held: Held, version: int | None) -> None:
    if version is not None and version != held.order.version:
        raise Conflict(STALE, code="stale_version", extra={"current_version": held.order.version})


def _check_open(held: Held) -> None:
    if held.order.status in orders.FINAL:
        raise Conflict(CLOSED, code="order_closed")
