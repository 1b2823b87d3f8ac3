"""Taking orders: priced in one round trip, written in one statement per table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import Query, Reading, SessionReader
from servicekit.errors import NotFound
from servicekit.identity import Principal
from servicekit.postponed import BulkInsert, postpone
from services.pos import events
from services.pos.commands import kitchen
from services.pos.commands.orders import details_of, new_line, priced_totals, set_totals
from services.pos.commands.pricing import Wanted, price_with_terms
from services.pos.domain import money, orders
from services.pos.models import KitchenTicket, Order, OrderCounter, OrderLine
from services.pos.queries.tables import NO_TABLE

_NEXT_NUMBER = Query(
    insert(OrderCounter)
    .values(
        restaurant_id=bindparam("restaurant_id", type_=sa.Uuid),
        business_date=bindparam("business_date", type_=sa.Date),
        taken=1,
    )
    .on_conflict_do_update(
        index_elements=[OrderCounter.restaurant_id, OrderCounter.business_date],
        set_={"taken": OrderCounter.taken + 1},
    )
    .returning(OrderCounter.taken)
)
# A unit of work would write the same and take four times as long for it.
_ORDERS, _TICKETS, _LINES = (BulkInsert(model.__table__) for model in (Order, KitchenTicket, OrderLine))  # type: ignore[arg-type] # tables


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

    Raises NotFound for a table or an item of nobody's or another restaurant's menu, and what `price_lines` raises. The
    order and its lines are written with the commit, which is refused when the menu or the tables change at this moment.
    """
    restaurant_id, table_id = principal.tenant, values.get("table")
    terms, found = await price_with_terms(reading, restaurant_id, wanted, principal.user_id, table_id)
    if table_id is not None and terms.table_number is None:
        raise NotFound(NO_TABLE)
    day = terms.bill.day_of(now)
    # The row stays locked until the commit, so that a number whose order is undone is given to the next one.
    sequence = await SessionReader(session).scalar(_NEXT_NUMBER, restaurant_id=restaurant_id, business_date=day)
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
    postpone(session, _ORDERS, _row(order, _ORDERS))
    if found:
        ticket = KitchenTicket(
            id=uuid4(), restaurant_id=restaurant_id, order_id=order.id, status="NEW", version=1, created_at=now
        )
        taken.lines.extend(new_line(order, ticket.id, number, line, now) for number, line in enumerate(found, 1))
        postpone(session, _TICKETS, _row(ticket, _TICKETS))
        for line in taken.lines:
            postpone(session, _LINES, _row(line, _LINES))
        kitchen.announce_new(session, ticket, order, terms.table_number, taken.lines)
    events.order_opened(session, order, taken.lines)
    return taken


def _row(made: Order | KitchenTicket | OrderLine, into: BulkInsert) -> dict[str, Any]:
    return {name: getattr(made, name) for name in into.columns}
