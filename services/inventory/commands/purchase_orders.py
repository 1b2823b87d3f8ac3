"""Ordering from suppliers and receiving.

Whatever touches an order locks its row first, then the balances of its items, so that two who receive at once follow
one another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from servicekit.clock import local_date
from servicekit.db import SessionReader
from servicekit.errors import Conflict, Invalid, NotFound
from services.inventory import events
from services.inventory.commands import ledger
from services.inventory.commands.adjustments import in_own_unit
from services.inventory.commands.items import held_item
from services.inventory.commands.ledger import Cause, Movement
from services.inventory.commands.suppliers import supplier_of
from services.inventory.domain import purchase_order as rules
from services.inventory.domain import units
from services.inventory.domain.holding import Holding
from services.inventory.models import Item, PurchaseOrder, PurchaseOrderLine
from services.inventory.queries.items import NO_ITEM
from services.inventory.queries.purchase_orders import NO_LINE, NO_ORDER

IN_PAST = "The expected delivery date must not lie in the past."
ITEM_TAKEN = "The order has a line for this item."
NOT_A_DRAFT = "The order is placed; its lines stay as they are."
HAS_RECEIPTS = "Something of this order was received, so it stays."
IS_OVER = "The order is {status}."
TWICE = "A line stands here twice."


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a line, in its unit, and what was paid where that differs from the line."""

    line_id: UUID
    quantity: Decimal
    unit_price: Decimal | None = None


async def create_order(
    session: AsyncSession, restaurant_id: UUID, author_id: UUID, values: Mapping[str, Any], now: datetime
) -> PurchaseOrder:
    """A new order without lines. Raises NotFound for an unknown supplier, Invalid for a delivery in the past."""
    today = await _today(session, restaurant_id, now)
    _check_expected(values.get("expected_delivery_date"), today)
    supplier = await supplier_of(session, restaurant_id, values["supplier"])
    order = PurchaseOrder(
        id=uuid4(),
        restaurant_id=restaurant_id,
        supplier_id=supplier.id,
        order_date=values.get("order_date", today),
        expected_delivery_date=values.get("expected_delivery_date"),
        status=values.get("status", rules.PENDING),
        notes=values.get("notes") or None,
        created_by=author_id,
        version=1,
    )
    session.add(order)
    await session.flush()
    events.purchase_order_changed(session, order, "created")
    if order.status == rules.ORDERED:
        events.purchase_order_changed(session, order, "ordered")
    return order


async def change_order(
    session: AsyncSession,
    restaurant_id: UUID,
    author_id: UUID,
    order_id: UUID,
    changes: Mapping[str, Any],
    now: datetime,
) -> None:
    """Changes an order, or takes the next step with it. Raises NotFound, Invalid, and Conflict for a forbidden step."""
    order = await locked_order(session, restaurant_id, order_id)
    lines = await _lines(session, order)
    wanted = changes.get("status", order.status)
    if wanted != order.status and not rules.may_become(order.status, wanted, _came(lines)):
        raise Conflict(f"An order that is {order.status} cannot become {wanted}.", code="wrong_status")
    if wanted == rules.RECEIVED:
        if order.status != rules.RECEIVED:
            rest = [
                Receipt(line.id, rules.outstanding(line.quantity, line.received_quantity))
                for line in lines
                if line.received_quantity < line.quantity
            ]
            await _receive(session, order, lines, rest, author_id, now, close=True)
        return
    values = {name: value for name, value in changes.items() if name not in ("status", "supplier")}
    expected = values.get("expected_delivery_date")
    if expected != order.expected_delivery_date:
        _check_expected(expected, await _today(session, restaurant_id, now))
    if "supplier" in changes:
        values["supplier_id"] = (await supplier_of(session, restaurant_id, changes["supplier"])).id
    if "notes" in values:
        values["notes"] = values["notes"] or None
    for name, value in values.items():
        setattr(order, name, value)
    stepped = wanted != order.status
    order.status = wanted
    order.version += 1
    await session.flush()
    if stepped and wanted in (rules.ORDERED, rules.CANCELLED):
        events.purchase_order_changed(session, order, wanted.lower())


async def receive_order(
    session: AsyncSession,
    restaurant_id: UUID,
    author_id: UUID,
    order_id: UUID,
    receipts: Sequence[Receipt],
    now: datetime,
    *,
    close: bool,
) -> None:
    """Takes in what came. Raises NotFound for an unknown line, Conflict for an order that is over."""
    order = await locked_order(session, restaurant_id, order_id)
    if order.status in (rules.RECEIVED, rules.CANCELLED):
        raise Conflict(IS_OVER.format(status=order.status), code="wrong_status")
    lines = await _lines(session, order)
    wanted = {receipt.line_id for receipt in receipts}
    if len(wanted) != len(receipts):
        raise Invalid.field("lines", TWICE)
    if not wanted <= {line.id for line in lines}:
        raise NotFound(NO_LINE)
    await _receive(session, order, lines, receipts, author_id, now, close=close)


async def remove_order(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> None:
    """Removes an order and its lines. Raises NotFound, and Conflict when something of it was received."""
    order = await locked_order(session, restaurant_id, order_id)
    if order.status == rules.RECEIVED or rules.receipt_state(_came(await _lines(session, order))) != rules.NONE:
        raise Conflict(HAS_RECEIPTS, code="order_received")
    if order.status != rules.CANCELLED:
        order.status = rules.CANCELLED
        order.version += 1
        events.purchase_order_changed(session, order, "cancelled")
    await session.delete(order)
    await session.flush()


async def add_line(session: AsyncSession, restaurant_id: UUID, order_id: UUID, values: Mapping[str, Any]) -> UUID:
    """A new line. Raises NotFound, Invalid for an item that has one, and Conflict once something was received."""
    order = await locked_order(session, restaurant_id, order_id)
    if order.status not in (rules.PENDING, rules.ORDERED):
        raise Conflict(IS_OVER.format(status=order.status), code="wrong_status")
    if rules.receipt_state(_came(await _lines(session, order))) != rules.NONE:
        raise Conflict(NOT_A_DRAFT, code="wrong_status")
    held = await held_item(session, restaurant_id, values["inventory_item"])
    unit = values.get("unit") or held.unit
    in_own_unit(held, values["quantity"], unit)
    statement = insert(PurchaseOrderLine).on_conflict_do_nothing().returning(PurchaseOrderLine.id)
    row = {
        "id": uuid4(),
        "restaurant_id": restaurant_id,
        "purchase_order_id": order.id,
        "item_id": held.item_id,
        "quantity": values["quantity"],
        "unit": unit,
        "unit_price": values["unit_price"],
    }
    line_id = (await session.scalars(statement, [row])).one_or_none()
    if line_id is None:
        raise Invalid.field("inventory_item", ITEM_TAKEN, code="item_taken")
    return line_id


async def change_line(
    session: AsyncSession, restaurant_id: UUID, order_id: UUID, line_id: UUID, changes: Mapping[str, Any]
) -> None:
    """Changes a line of a draft. Raises NotFound, Invalid and Conflict as `add_line` does."""
    line, lines = await _drafted(session, restaurant_id, order_id, line_id)
    values = dict(changes)
    item_id = values.pop("inventory_item", line.item_id)
    if item_id != line.item_id and any(other.item_id == item_id for other in lines):
        raise Invalid.field("inventory_item", ITEM_TAKEN, code="item_taken")
    held = await held_item(session, restaurant_id, item_id, in_use=item_id != line.item_id)
    if item_id != line.item_id and "unit" not in values:
        values["unit"] = held.unit
    in_own_unit(held, values.get("quantity", line.quantity), values.get("unit", line.unit))
    line.item_id = item_id
    for name, value in values.items():
        setattr(line, name, value)
    await session.flush()


async def remove_line(session: AsyncSession, restaurant_id: UUID, order_id: UUID, line_id: UUID) -> None:
    """Removes a line of a draft. Raises NotFound, and Conflict once the order is placed."""
    line, _ = await _drafted(session, restaurant_id, order_id, line_id)
    await session.delete(line)
    await session.flush()


async def locked_order(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> PurchaseOrder:
    """An order of the restaurant, held against others. Raises NotFound."""
    order = await session.scalar(
        sa.select(PurchaseOrder)
        .where(PurchaseOrder.restaurant_id == restaurant_id, PurchaseOrder.id == order_id)
        .with_for_update()
    )
    if order is None:
        raise NotFound(NO_ORDER)
    return order


async def _lines(session: AsyncSession, order: PurchaseOrder) -> Sequence[PurchaseOrderLine]:
    found = await session.scalars(
        sa.select(PurchaseOrderLine)
        .where(PurchaseOrderLine.restaurant_id == order.restaurant_id, PurchaseOrderLine.purchase_order_id == order.id)
        .order_by(PurchaseOrderLine.created_at, PurchaseOrderLine.id)
    )
    return found.all()


def _came(lines: Sequence[PurchaseOrderLine]) -> list[rules.Line]:
    return [(line.quantity, line.received_quantity) for line in lines]


async def _drafted(
    session: AsyncSession, restaurant_id: UUID, order_id: UUID, line_id: UUID
) -> tuple[PurchaseOrderLine, Sequence[PurchaseOrderLine]]:
    order = await locked_order(session, restaurant_id, order_id)
    lines = await _lines(session, order)
    line = next((one for one in lines if one.id == line_id), None)
    if line is None:
        raise NotFound(NO_LINE)
    if order.status != rules.PENDING:
        raise Conflict(NOT_A_DRAFT, code="wrong_status")
    return line, lines


async def _receive(
    session: AsyncSession,
    order: PurchaseOrder,
    lines: Sequence[PurchaseOrderLine],
    receipts: Sequence[Receipt],
    author_id: UUID,
    now: datetime,
    *,
    close: bool,
) -> None:
    by_id = {line.id: line for line in lines}
    held = await ledger.hold(session, order.restaurant_id, [by_id[one.line_id].item_id for one in receipts])
    movements = []
    for receipt in receipts:
        line = by_id[receipt.line_id]
        if line.item_id not in held:
            raise NotFound(NO_ITEM)
        movements.append(_arrival(held[line.item_id], line, receipt))
        line.received_quantity += receipt.quantity
    cause = Cause("purchase_order", order.id, author_id, now)
    await ledger.move(session, order.restaurant_id, held, movements, cause, now)
    today = await _today(session, order.restaurant_id, now)
    if held:
        await session.execute(
            sa.update(Item)
            .where(
                Item.restaurant_id == order.restaurant_id,
                Item.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
            )
            .values(last_restock_date=today),
            {"ids": list(held)},
        )
    order.delivery_date = today
    complete = all(line.received_quantity >= line.quantity for line in lines)
    order.status = rules.RECEIVED if close or complete else rules.ORDERED
    order.version += 1
    await session.flush()
    events.purchase_order_changed(session, order, "received")


def _arrival(held: Holding, line: PurchaseOrderLine, receipt: Receipt) -> Movement:
    """What came of a line as a movement of its item: quantity and price in the item's unit."""
    quantity = in_own_unit(held, receipt.quantity, line.unit)
    price = line.unit_price if receipt.unit_price is None else receipt.unit_price
    own = units.factor(line.unit, held.unit, held.conversions) if line.unit != held.unit else Fraction(1)
    return Movement(
        held.item_id,
        "RECEIPT",
        quantity,
        units.rounded(Fraction(price) / own),
        entered_quantity=receipt.quantity,
        entered_unit=line.unit,
    )


async def _today(session: AsyncSession, restaurant_id: UUID, now: datetime) -> date:
    zone = await refdata.time_zone(SessionReader(session), restaurant_id)
    return local_date(now, zone.key)


def _check_expected(expected: date | None, today: date) -> None:
    if expected is not None and expected < today:
        raise Invalid.field("expected_delivery_date", IN_PAST)
