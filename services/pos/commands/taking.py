"""Taking orders: priced and numbered in one round trip, written in one statement per table with the commit."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import Query, SessionReader
from servicekit.errors import NotFound
from servicekit.identity import Principal
from servicekit.postponed import BulkInsert, postpone
from services.pos import events
from services.pos.commands import kitchen
from services.pos.commands.orders import LINES, amounts_of, details_of, line_values, priced_totals
from services.pos.commands.pricing import Terms, Wanted, price_with_terms
from services.pos.domain import money, orders
from services.pos.models import KitchenTicket, Order, OrderCounter
from services.pos.queries.filters import mine
from services.pos.queries.orders import WholeOrder
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
_GIVE_BACK = Query(
    sa.update(OrderCounter)
    .where(mine(OrderCounter.restaurant_id), OrderCounter.business_date == bindparam("day", type_=sa.Date))
    .values(taken=OrderCounter.taken - 1)
)
# A unit of work would write the same and take four times as long for it.
_ORDERS, _TICKETS = (BulkInsert(model.__table__) for model in (Order, KitchenTicket))  # type: ignore[arg-type] # tables
_NOTHING = money.ZERO.quantize(money.STORED)


class Days:
    """Which business day it is, by what restaurants' days went by last: a guess, so that nobody waits to know."""

    MOST = 10_000

    def __init__(self) -> None:
        self._terms: dict[UUID, Terms] = {}

    def guess(self, restaurant_id: UUID, now: datetime) -> date:
        """The business day that it probably is."""
        terms = self._terms.get(restaurant_id)
        return terms.day_of(now) if terms is not None else now.date()

    def learn(self, restaurant_id: UUID, terms: Terms) -> None:
        """Remembers what a restaurant's days go by."""
        if len(self._terms) >= self.MOST:
            self._terms.clear()
        self._terms[restaurant_id] = terms


async def take(
    session: AsyncSession,
    days: Days,
    principal: Principal,
    values: Mapping[str, Any],
    wanted: Sequence[Wanted],
    now: datetime,
) -> WholeOrder:
    """Takes an order, numbers it within its business day, sends its lines to the kitchen, and says how it will read.

    Raises NotFound for a table or an item of nobody's or another restaurant's menu, and what `price_lines` raises. The
    order and its lines are written with the commit, which is refused when the menu or the tables change at this moment.
    """
    restaurant_id, table_id = principal.tenant, values.get("table")
    reading, guess = SessionReader(session), days.guess(restaurant_id, now)
    # The row stays locked until the commit, so that a number whose order is undone is given to the next one.
    number = (_NEXT_NUMBER, {"restaurant_id": restaurant_id, "business_date": guess})
    terms, found, numbers = await price_with_terms(
        reading, restaurant_id, wanted, principal.user_id, table_id, beside=number
    )
    if table_id is not None and terms.table_number is None:
        raise NotFound(NO_TABLE)
    day = terms.bill.day_of(now)
    if day != guess:
        days.learn(restaurant_id, terms.bill)
        _, numbers = await reading.batch(
            (_GIVE_BACK, {"restaurant_id": restaurant_id, "day": guess}),
            (_NEXT_NUMBER, {"restaurant_id": restaurant_id, "business_date": day}),
        )
    sequence = numbers[0].taken
    row = dict.fromkeys(_ORDERS.columns) | {
        "id": uuid4(),
        "restaurant_id": restaurant_id,
        "business_date": day,
        "sequence": sequence,
        "order_number": orders.order_number(day, sequence),
        "order_type": orders.order_type(values.get("order_type", "DINE_IN")),
        "status": "PENDING",
        "table_id": table_id,
        "server_id": principal.user_id,
        "currency": terms.bill.currency,
        "service_charge_rate": terms.bill.service_rate,
        "amount_paid": _NOTHING,
        "tip_amount": _NOTHING,
        "refund_amount": _NOTHING,
        "guest_count": values.get("guest_count", 1),
        "is_priority": values.get("is_priority", False),
        "order_time": now,
        "version": 1,
        "created_at": now,
        "updated_at": now,
        **details_of(values),
        **amounts_of(priced_totals(found, terms.bill)),
    }
    postpone(session, _ORDERS, row)
    order: Any = SimpleNamespace(**row, table_number=terms.table_number, server_name=terms.server_name)
    lines: list[Any] = []
    if found:
        ticket = {
            "id": uuid4(),
            "restaurant_id": restaurant_id,
            "order_id": order.id,
            "status": "NEW",
            "bumped_at": None,
            "version": 1,
            "created_at": now,
        }
        postpone(session, _TICKETS, ticket)
        for position, priced in enumerate(found, 1):
            line = line_values(order, ticket["id"], position, priced, now)
            postpone(session, LINES, line)
            lines.append(SimpleNamespace(**line))
        kitchen.announce_new(session, ticket, order, lines)
    events.order_opened(session, order, lines)
    return WholeOrder(order, lines)
