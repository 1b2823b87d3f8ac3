"""The kitchen's tickets: opened by orders, worked by cooks. Whoever changes one holds its order."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from servicekit.db import Query, SessionReader
from servicekit.errors import Conflict
from services.pos import events
from services.pos.commands.holding import Held
from services.pos.domain import orders
from services.pos.models import KitchenTicket, Order, OrderLine
from services.pos.queries.filters import mine

# One statement for all lines; a unit of work has one for each.
_SET_STATUS = Query(
    sa.update(OrderLine)
    .where(mine(OrderLine.restaurant_id), OrderLine.id == any_(bindparam("ids", type_=ARRAY(sa.Uuid))))
    .values(status=bindparam("wanted", type_=sa.Text), updated_at=sa.func.now())
)


async def ticket_for_more(session: AsyncSession, held: Held, now: datetime) -> KitchenTicket:
    """The order's ticket that nobody has begun, or a new one."""
    order = held.order
    waiting = await session.scalar(
        sa.select(KitchenTicket)
        .where(KitchenTicket.order_id == order.id, KitchenTicket.status == "NEW")
        .order_by(KitchenTicket.created_at.desc())
        .limit(1)
    )
    if waiting is not None:
        return waiting
    ticket = KitchenTicket(
        id=uuid4(), restaurant_id=order.restaurant_id, order_id=order.id, status="NEW", version=1, created_at=now
    )
    session.add(ticket)
    # Nothing else tells the unit of work that its lines come after it.
    await session.flush()
    return ticket


def announce_new(session: AsyncSession, ticket: Mapping[str, Any], order: Any, lines: Sequence[Any]) -> None:
    """Says that the kitchen has something new to make; `ticket` is its row, `order` one of queries.orders."""
    events.ticket_opened(session, _as_read(SimpleNamespace(**ticket), order, order.table_number), lines)


def announce(session: AsyncSession, held: Held, ticket: KitchenTicket) -> tuple[Any, list[OrderLine]]:
    """Counts a change of a ticket or its lines, says how it stands now, and returns it as queries.kitchen would."""
    ticket.version += 1
    row, lines = _as_read(ticket, held.order, held.table_number), held.on_ticket(ticket.id)
    events.ticket_changed(session, row, lines)
    return row, lines


async def announce_lines(session: AsyncSession, held: Held, lines: Iterable[OrderLine]) -> None:
    """As `announce`, for the tickets of some lines; one that has nothing left to make is cancelled."""
    for ticket in await _tickets(session, held, lines):
        if all(line.status == "CANCELLED" for line in held.on_ticket(ticket.id)):
            ticket.status = "CANCELLED"
        announce(session, held, ticket)


async def cancel(session: AsyncSession, held: Held) -> None:
    """Cancels everything that an order has the kitchen make."""
    await _set_status(session, held.lines, "CANCELLED")
    for ticket in await _tickets(session, held, held.lines):
        if ticket.status != "CANCELLED":
            ticket.status = "CANCELLED"
            announce(session, held, ticket)


async def follow(session: AsyncSession, held: Held, status: str) -> None:
    """Brings lines and tickets along when somebody moves the whole order on to READY, SERVED or PREPARING."""
    if status not in ("PREPARING", "READY", "SERVED"):
        return
    moved = [line for line in held.lines if orders.line_may_become(line.status, status)]
    await _set_status(session, moved, status)
    ticket_status = "PREPARING" if status == "PREPARING" else "READY"
    for ticket in await _tickets(session, held, moved):
        if orders.ticket_may_become(ticket.status, ticket_status):
            ticket.status = ticket_status
            announce(session, held, ticket)


async def move_ticket(
    session: AsyncSession, held: Held, ticket_id: UUID, wanted: str, now: datetime, *, recall: bool
) -> tuple[Any, list[OrderLine]]:
    """Starts, bumps or recalls a ticket and its lines; the order's status follows. Returns the ticket as `announce`.

    Raises Conflict for a step that the ticket's state forbids, and for a recall once the order is served or closed.
    """
    order = held.order
    ticket = await session.get_one(KitchenTicket, ticket_id)
    if (ticket.status == "READY") != recall or not orders.ticket_may_become(ticket.status, wanted):
        raise Conflict(f"A ticket that is {ticket.status} cannot become {wanted}.", code="invalid_transition")
    if recall and (order.status in orders.FINAL or order.status == "SERVED"):
        raise Conflict("The order was served or closed meanwhile.", code="order_closed")
    moved = [line for line in held.on_ticket(ticket_id) if orders.line_may_become(line.status, wanted)]
    await _set_status(session, moved, wanted)
    ticket.status = wanted
    ticket.bumped_at = now if wanted == "READY" else None
    follow_lines(order, held.lines, now)
    return announce(session, held, ticket)


def follow_lines(order: Order, lines: Sequence[OrderLine], now: datetime) -> None:
    """Gives an order the status that follows from those of its lines."""
    status = orders.status_of_lines(order.status, [line.status for line in lines])
    if status == "READY" and order.status != "READY":
        order.ready_time = now
    order.status = status


async def _tickets(session: AsyncSession, held: Held, lines: Iterable[OrderLine]) -> Sequence[KitchenTicket]:
    """The tickets that lines of an order are on."""
    ids = {line.ticket_id for line in lines if line.ticket_id is not None}
    if not ids:
        return []
    found = await session.scalars(
        sa.select(KitchenTicket).where(KitchenTicket.order_id == held.order.id).order_by(KitchenTicket.id)
    )
    return [ticket for ticket in found if ticket.id in ids]


async def _set_status(session: AsyncSession, lines: Sequence[OrderLine], status: str) -> None:
    if not lines:
        return
    ids = [line.id for line in lines]
    await SessionReader(session).all(_SET_STATUS, restaurant_id=lines[0].restaurant_id, ids=ids, wanted=status)
    for line in lines:
        set_committed_value(line, "status", status)


def _as_read(ticket: Any, order: Any, table_number: int | None) -> SimpleNamespace:
    """A ticket with what queries.kitchen reads of its order."""
    return SimpleNamespace(
        id=ticket.id,
        restaurant_id=ticket.restaurant_id,
        order_id=ticket.order_id,
        status=ticket.status,
        bumped_at=ticket.bumped_at,
        version=ticket.version,
        created_at=ticket.created_at,
        order_number=order.order_number,
        order_type=order.order_type,
        is_priority=order.is_priority,
        notes=order.notes,
        table_number=table_number,
    )
