"""Tickets of the kitchen with their lines."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.pos.models import DiningTable, KitchenTicket, Order, OrderLine
from services.pos.queries.filters import LIMIT, OFFSET, mine

NO_TICKET = "No KitchenTicket matches the given query."
OPEN_STATUSES = ["NEW", "PREPARING"]
_FILTERS = (
    mine(KitchenTicket.restaurant_id),
    KitchenTicket.status == any_(bindparam("statuses", type_=ARRAY(sa.Text))),
)
_COLUMNS = (
    sa.select(
        KitchenTicket.__table__,
        Order.order_number,
        Order.order_type,
        Order.is_priority,
        Order.notes,
        DiningTable.table_number,
    )
    .join(Order, Order.id == KitchenTicket.order_id)
    .outerjoin(DiningTable, DiningTable.id == Order.table_id)
)
_COUNT = Query(sa.select(sa.func.count()).select_from(KitchenTicket).where(*_FILTERS))
_ROWS = Query(
    _COLUMNS.where(*_FILTERS)
    .order_by(Order.is_priority.desc(), KitchenTicket.created_at, KitchenTicket.id)
    .limit(LIMIT)
    .offset(OFFSET)
)
_ONE = Query(_COLUMNS.where(mine(KitchenTicket.restaurant_id), KitchenTicket.id == bindparam("id", type_=sa.Uuid)))
_LINES = Query(
    sa.select(
        OrderLine.id,
        OrderLine.ticket_id,
        OrderLine.name,
        OrderLine.quantity,
        OrderLine.modifiers,
        OrderLine.special_instructions,
        OrderLine.status,
    )
    .where(mine(OrderLine.restaurant_id), OrderLine.ticket_id == any_(bindparam("ids", type_=ARRAY(sa.Uuid))))
    .order_by(OrderLine.ticket_id, OrderLine.position)
)


async def page_of_tickets(
    reader: Reader, restaurant_id: UUID, page: Page, statuses: list[str]
) -> tuple[int, list[tuple[Any, list[Any]]]]:
    """How many tickets have one of the statuses, and those of one page with their lines."""
    count, rows = await read_page(reader, _COUNT, _ROWS, page, restaurant_id=restaurant_id, statuses=statuses)
    lines = defaultdict(list)
    for line in await reader.all(_LINES, restaurant_id=restaurant_id, ids=[row.id for row in rows]):
        lines[line.ticket_id].append(line)
    return count, [(row, lines[row.id]) for row in rows]


async def ticket(reading: Reading, restaurant_id: UUID, ticket_id: UUID) -> tuple[Any, list[Any]]:
    """One ticket with its lines. Raises NotFound."""
    rows, lines = await reading.batch(
        (_ONE, {"restaurant_id": restaurant_id, "id": ticket_id}),
        (_LINES, {"restaurant_id": restaurant_id, "ids": [ticket_id]}),
    )
    if not rows:
        raise NotFound(NO_TICKET)
    return rows[0], list(lines)
