"""Taking orders: priced in one round trip, written in one statement per table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from servicekit.db import Reading
from servicekit.errors import Conflict, NotFound
from servicekit.identity import Principal
from services.pos import events
from services.pos.commands import kitchen
from services.pos.commands.orders import details_of, new_line, priced_totals, set_totals
from services.pos.commands.pricing import Wanted, price_with_terms
from services.pos.domain import money, orders
from services.pos.models import KitchenTicket, Order, OrderCounter, OrderLine
from services.pos.queries.tables import NO_TABLE

CHANGED = "The menu or the tables have changed. Please try again."

_NEXT_NUMBER = (
    insert(OrderCounter)
    .values(taken=1)
    .on_conflict_do_update(
        index_elements=[OrderCounter.restaurant_id, OrderCounter.business_date],
        set_={"taken": OrderCounter.taken + 1},
    )
    .returning(OrderCounter.taken)
)
# A unit of work would write the same and take four times as long for it.
_ORDERS, _TICKETS, _LINES = (sa.insert(model.__table__) for model in (Order, KitchenTicket, OrderLine))  # type: ignore[arg-type] # tables
_COLUMNS = {model: tuple(model.__table__.columns.keys()) for model in (Order, KitchenTicket, OrderLine)}


@dataclass(frozen=True, slots=True)
class Taken:
    """An order that was just taken, with what is shown beside it."""

    order: Order
    lines: list[OrderLine]
    table_number: int | None
    server_name: str


async def take(
    session: AsyncSession,
    reading: Reading,
    principal: Principal,
    values: Mapping[str, Any],
    wanted: Sequence[Wanted],
    now: datetime,
) -> Taken:
    """Takes an order, numbers it within its business day, and sends its lines to the kitchen.

    Raises NotFound for a table or an item of nobody's or another restaurant's menu, what `price_lines` raises, and
    Conflict when the menu or the tables change at this moment.
    """
    restaurant_id, table_id = principal.tenant, values.get("table")
    terms, found = await price_with_terms(reading, restaurant_id, wanted, principal.user_id, table_id)
    if table_id is not None and terms.table_number is None:
        raise NotFound(NO_TABLE)
    day = terms.bill.day_of(now)
    connection = await session.connection()
    sequence = await _next_number(connection, restaurant_id, day)
    order = Order(
        id=uuid4(),
        restaurant_id=restaurant_id,
        business_date=day,
        sequence=sequence,
        order_number=orders.order_number(day, sequence),
        order_type=orders.order_type(values.get("order_type", "DINE_IN")),
        status="PENDING",
        table_id=table_id,
        server_id=principal.user_id,
        currency=terms.bill.currency,
        service_charge_rate=terms.bill.service_rate,
        amount_paid=money.ZERO,
        tip_amount=money.ZERO,
        refund_amount=money.ZERO,
        guest_count=values.get("guest_count", 1),
        is_priority=values.get("is_priority", False),
        order_time=now,
        version=1,
        created_at=now,
        updated_at=now,
        **details_of(values),
    )
    set_totals(order, priced_totals(found, terms.bill))
    taken = Taken(order, [], terms.table_number, terms.server_name)
    try:
        await connection.execute(_ORDERS, _row(order))
        if found:
            ticket = KitchenTicket(
                id=uuid4(), restaurant_id=restaurant_id, order_id=order.id, status="NEW", version=1, created_at=now
            )
            taken.lines.extend(new_line(order, ticket.id, number, line, now) for number, line in enumerate(found, 1))
            await connection.execute(_TICKETS, _row(ticket))
            await connection.execute(_LINES, [_row(line) for line in taken.lines])
            kitchen.announce_new(session, ticket, order, terms.table_number, taken.lines)
    except IntegrityError as error:
        raise Conflict(CHANGED, code="changed_meanwhile") from error
    events.order_opened(session, order, taken.lines)
    return taken


async def _next_number(connection: AsyncConnection, restaurant_id: UUID, day: date) -> int:
    # The row stays locked until the commit, so that a number whose order is undone is given to the next one.
    given = await connection.execute(_NEXT_NUMBER, {"restaurant_id": restaurant_id, "business_date": day})
    return int(given.scalar_one())


def _row(made: Order | KitchenTicket | OrderLine) -> dict[str, Any]:
    return {name: getattr(made, name) for name in _COLUMNS[type(made)]}
