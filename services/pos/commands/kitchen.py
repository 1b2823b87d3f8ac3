"""The kitchen's tickets: opened by orders, worked by cooks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import Conflict, NotFound
from services.pos import events
from services.pos.domain import orders
from services.pos.models import KitchenTicket, Order, OrderLine
from services.pos.queries import kitchen as queries


async def open_ticket(session: AsyncSession, order: Order, now: datetime) -> KitchenTicket:
    """A new ticket of an order."""
    ticket = KitchenTicket(
        id=uuid4(), restaurant_id=order.restaurant_id, order_id=order.id, status="NEW", version=1, created_at=now
    )
    session.add(ticket)
    await session.flush()
    return ticket


async def ticket_for_more(session: AsyncSession, order: Order, now: datetime) -> KitchenTicket:
    """The order's ticket that nobody has begun, or a new one."""
    waiting = await session.scalar(
        sa.select(KitchenTicket)
        .where(KitchenTicket.order_id == order.id, KitchenTicket.status == "NEW")
        .order_by(KitchenTicket.created_at.desc())
        .limit(1)
        .with_for_update()
    )
    return waiting if waiting is not None else await open_ticket(session, order, now)


def announce_new(session: AsyncSession, ticket: Mapping[str, Any], order: Any, lines: Sequence[Any]) -> None:
    """Says that the kitchen has something new to make; `ticket` is its row, `order` one of queries.orders."""
    about = SimpleNamespace(
        **ticket,
        order_number=order.order_number,
        order_type=order.order_type,
        table_number=order.table_number,
        is_priority=order.is_priority,
        notes=order.notes,
    )
    events.ticket_opened(session, about, lines)


async def announce(session: AsyncSession, ticket: KitchenTicket) -> None:
    """Counts a change of a ticket or its lines, and says how it stands now."""
    ticket.version += 1
    row, lines = await queries.ticket(SessionReader(session), ticket.restaurant_id, ticket.id)
    events.ticket_changed(session, row, lines)


async def announce_lines(session: AsyncSession, lines: Sequence[OrderLine]) -> None:
    """As `announce`, for the tickets of some lines; one that has nothing left to make is cancelled."""
    for ticket_id in sorted({line.ticket_id for line in lines if line.ticket_id is not None}):
        ticket = await session.get(KitchenTicket, ticket_id, with_for_update=True)
        if ticket is None:
            continue
        await session.flush()
        left = await session.scalar(
            sa.select(sa.func.count())
            .select_from(OrderLine)
            .where(OrderLine.ticket_id == ticket_id, OrderLine.status != "CANCELLED")
        )
        if not left:
            ticket.status = "CANCELLED"
        await announce(session, ticket)


async def cancel(session: AsyncSession, order: Order) -> None:
    """Cancels every ticket of an order."""
    tickets = await session.scalars(
        sa.select(KitchenTicket)
        .where(KitchenTicket.order_id == order.id, KitchenTicket.status != "CANCELLED")
        .with_for_update()
    )
    for ticket in tickets.all():
        ticket.status = "CANCELLED"
        await announce(session, ticket)


async def follow(session: AsyncSession, lines: Sequence[OrderLine], status: str) -> None:
    """Brings lines and tickets along when somebody moves the whole order on to READY, SERVED or PREPARING."""
    if status not in ("PREPARING", "READY", "SERVED"):
        return
    moved = [line for line in lines if orders.line_may_become(line.status, status)]
    for line in moved:
        line.status = status
    ticket_status = "PREPARING" if status == "PREPARING" else "READY"
    for ticket_id in sorted({line.ticket_id for line in moved if line.ticket_id is not None}):
        ticket = await session.get(KitchenTicket, ticket_id, with_for_update=True)
        if ticket is not None and orders.ticket_may_become(ticket.status, ticket_status):
            ticket.status = ticket_status
            await announce(session, ticket)


async def order_of_ticket(session: AsyncSession, restaurant_id: UUID, ticket_id: UUID) -> UUID:
    """The order that a ticket is of, to be held before the ticket. Raises NotFound."""
    order_id: UUID | None = await session.scalar(
        sa.select(KitchenTicket.order_id).where(
            KitchenTicket.id == ticket_id, KitchenTicket.restaurant_id == restaurant_id
        )
    )
    if order_id is None:
        raise NotFound(queries.NO_TICKET)
    return order_id


async def order_of_line(session: AsyncSession, restaurant_id: UUID, line_id: UUID) -> UUID:
    """The order that a line is of, to be held before the line. Raises NotFound."""
    order_id: UUID | None = await session.scalar(
        sa.select(OrderLine.order_id).where(OrderLine.id == line_id, OrderLine.restaurant_id == restaurant_id)
    )
    if order_id is None:
        raise NotFound("No OrderLineItem matches the given query.")
    return order_id


async def move_ticket(
    session: AsyncSession,
    order: Order,
    lines: Sequence[OrderLine],
    ticket_id: UUID,
    wanted: str,
    now: datetime,
    *,
    recall: bool,
) -> None:
    """Starts, bumps or recalls a ticket and its lines; the order's status follows. The caller holds the order.

    Raises Conflict for a step that the ticket's state forbids, and for a recall once the order is served or closed.
    """
    ticket = await session.get_one(KitchenTicket, ticket_id, with_for_update=True)
    if (ticket.status == "READY") != recall or not orders.ticket_may_become(ticket.status, wanted):
        raise Conflict(f"A ticket that is {ticket.status} cannot become {wanted}.", code="invalid_transition")
    if recall and (order.status in orders.FINAL or order.status == "SERVED"):
        raise Conflict("The order was served or closed meanwhile.", code="order_closed")
    ticket.status = wanted
    ticket.bumped_at = now if wanted == "READY" else None
    for line in lines:
        if line.ticket_id == ticket_id and orders.line_may_become(line.status, wanted):
            line.status = wanted
    follow_lines(order, lines, now)
    await session.flush()
    await announce(session, ticket)


def follow_lines(order: Order, lines: Sequence[OrderLine], now: datetime) -> None:
    """Gives an order the status that follows from those of its lines."""
    status = orders.status_of_lines(order.status, [line.status for line in lines])
    if status == "READY" and order.status != "READY":
        order.ready_time = now
    order.status = status
