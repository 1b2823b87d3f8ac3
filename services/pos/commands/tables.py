"""Tables of the dining room."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, Invalid, NotFound
from services.pos.commands import holding
from services.pos.commands import orders as order_commands
from services.pos.domain import orders
from services.pos.models import DiningTable, Order
from services.pos.queries.tables import NO_TABLE

NUMBER_TAKEN = "A table with this number already exists."


async def create(
    session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any], *, field: str = "table_number"
) -> UUID:
    """A new table; returns its id. Raises Invalid for a number that another table has."""
    table = DiningTable(**{"id": uuid4(), **values, "restaurant_id": restaurant_id})
    session.add(table)
    await _flush(session, field)
    return table.id


async def change(session: AsyncSession, restaurant_id: UUID, table_id: UUID, changes: Mapping[str, Any]) -> None:
    """Changes a table. Raises NotFound, and Invalid for a number that another table has."""
    table = await hold(session, restaurant_id, table_id)
    for name, value in changes.items():
        setattr(table, name, value)
    await _flush(session, "table_number")


async def delete(session: AsyncSession, restaurant_id: UUID, table_id: UUID) -> None:
    """Removes a table. Raises NotFound, and Conflict while an open order is at it."""
    table = await hold(session, restaurant_id, table_id)
    if await session.scalar(_open_orders(table)) is not None:
        raise Conflict("An open order is at this table.", code="table_occupied")
    await session.delete(table)
    await session.flush()


async def seat(session: AsyncSession, restaurant_id: UUID, table_id: UUID, order_id: UUID) -> Order:
    """Seats an open order at a table, which is then occupied; the table that it leaves is freed. Returns the order.

    Raises NotFound, and Conflict when another open order is there, the table is out of use, or the order is closed.
    """
    held = await holding.hold_open(session, restaurant_id, order_id)
    table = await hold(session, restaurant_id, table_id)
    if table.status in ("MAINTENANCE", "NEEDS_CLEANING") or not table.is_active:
        raise Conflict("This table cannot be used now.", code="table_unusable")
    if await session.scalar(_open_orders(table).where(Order.id != order_id)) is not None:
        raise Conflict("Another open order is at this table.", code="table_occupied")
    if held.order.table_id != table_id:
        await order_commands.free_table(session, held.order)
    held.order.table_id, held.table_number = table_id, table.table_number
    table.status = "OCCUPIED"
    order_commands.changed(session, held)
    return held.order


async def clear(session: AsyncSession, restaurant_id: UUID, table_id: UUID) -> None:
    """Takes the open orders off a table, which then needs cleaning. Raises NotFound."""
    found = await session.scalars(
        sa.select(Order.id).where(
            Order.restaurant_id == restaurant_id, Order.table_id == table_id, Order.status.not_in(orders.FINAL)
        )
    )
    for order_id in sorted(found):
        held = await holding.hold(session, restaurant_id, order_id)
        if held.order.table_id == table_id and held.order.status not in orders.FINAL:
            held.order.table_id = held.table_number = None
            order_commands.changed(session, held)
    table = await hold(session, restaurant_id, table_id)
    table.status = "NEEDS_CLEANING"
    await session.flush()


async def mark_clean(session: AsyncSession, restaurant_id: UUID, table_id: UUID) -> None:
    """Makes a table that needed cleaning available. Raises NotFound, and Invalid when it did not need it."""
    table = await hold(session, restaurant_id, table_id)
    if table.status != "NEEDS_CLEANING":
        raise Invalid("This table does not need cleaning.", code="not_dirty")
    table.status = "AVAILABLE"
    await session.flush()


async def hold(session: AsyncSession, restaurant_id: UUID, table_id: UUID) -> DiningTable:
    """A table, held against others until the transaction ends. Raises NotFound."""
    table = await session.scalar(
        sa.select(DiningTable)
        .where(DiningTable.id == table_id, DiningTable.restaurant_id == restaurant_id)
        .with_for_update()
    )
    if table is None:
        raise NotFound(NO_TABLE)
    return table


def _open_orders(table: DiningTable) -> sa.Select[UUID]:
    return (
        sa.select(Order.id)
        .where(
            Order.restaurant_id == table.restaurant_id,
            Order.table_id == table.id,
            Order.status.not_in(orders.FINAL),
        )
        .limit(1)
    )


async def _flush(session: AsyncSession, field: str) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        raise Invalid.field(field, NUMBER_TAKEN, code="number_taken") from error
