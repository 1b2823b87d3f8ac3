"""Changing orders that are held."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from servicekit.identity import Principal
from servicekit.postponed import BulkInsert, postpone
from services.pos import events
from services.pos.commands import kitchen, sums
from services.pos.commands.holding import Held
from services.pos.commands.pricing import PricedLine, Terms, Wanted, check_amount, price_lines
from services.pos.domain import discounts, money, orders
from services.pos.domain.totals import TaxedLine, Totals, total_of
from services.pos.models import DiningTable, Discount, Order, OrderLine
from services.pos.queries.tables import NO_TABLE

MAX_LINES = 200
MAX_MODIFIERS = 50
LINES = BulkInsert(OrderLine.__table__)  # type: ignore[arg-type] # a table


def priced_totals(lines: Sequence[PricedLine], terms: Terms) -> Totals:
    """What an order of these lines alone would cost."""
    taxed = [TaxedLine(line.total_price, line.item.tax_rate, line.item.tax_inclusive) for line in lines]
    return total_of(taxed, money.ZERO, terms.service_rate, terms.unit)


async def update(session: AsyncSession, held: Held, changes: Mapping[str, Any]) -> None:
    """Changes what an order says about its guests, and where they sit. Raises NotFound for a foreign table."""
    order = held.order
    if "table" in changes:
        await _move(session, held, changes["table"])
    if "order_type" in changes:
        order.order_type = orders.order_type(changes["order_type"])
    for name in ("guest_count", "is_priority"):
        if name in changes:
            setattr(order, name, changes[name])
    for name, value in details_of(changes).items():
        setattr(order, name, value)
    changed(session, held)


async def add_line(session: AsyncSession, held: Held, wanted: Wanted, now: datetime) -> OrderLine:
    """Adds a line at the menu's present price. Raises what `price_lines` raises, and Invalid for too many lines."""
    order = held.order
    if len(held.lines) >= MAX_LINES:
        raise Invalid(f"An order holds at most {MAX_LINES} lines.", code="too_many_lines")
    (priced,) = await price_lines(SessionReader(session), order.restaurant_id, [wanted])
    ticket = await kitchen.ticket_for_more(session, held, now)
    position = max((line.position for line in held.lines), default=0) + 1
    values = line_values(order, ticket.id, position, priced, now)
    postpone(session, LINES, values)
    line = OrderLine(**values)
    held.lines.append(line)
    order.status = orders.status_of_lines(order.status, [line.status for line in held.lines])
    await recompute(session, held, now)
    kitchen.announce(session, held, ticket)
    return line


async def change_line(
    session: AsyncSession, principal: Principal, held: Held, line: OrderLine, changes: Mapping[str, Any], now: datetime
) -> None:
    """Changes a line's quantity or notes. Raises Forbidden once the kitchen has begun it, without the right to void."""
    _check_touchable(principal, line)
    if "quantity" in changes:
        line.quantity = changes["quantity"]
        line.total_price = line.unit_price * line.quantity
    if "notes" in changes:
        line.special_instructions = changes["notes"]
    await recompute(session, held, now)
    await kitchen.announce_lines(session, held, [line])
    await session.flush()


async def set_line_status(session: AsyncSession, held: Held, line: OrderLine, wanted: str, now: datetime) -> None:
    """Says how far one line is; its order follows. Raises Conflict for a step that its state forbids."""
    if line.status == wanted:
        return
    if not orders.line_may_become(line.status, wanted):
        raise Conflict(f"A line that is {line.status} cannot become {wanted}.", code="invalid_transition")
    line.status = wanted
    kitchen.follow_lines(held.order, held.lines, now)
    changed(session, held)
    await kitchen.announce_lines(session, held, [line])
    await session.flush()


async def add_modifier(
    session: AsyncSession, principal: Principal, held: Held, line: OrderLine, name: str, price: Decimal, now: datetime
) -> UUID:
    """Adds to each of a line what the menu does not offer with it, and says under which id.

    Raises Invalid for a price that the currency does not have and for too many, and Forbidden as `change_line`.
    """
    _check_touchable(principal, line)
    check_amount("modifier_price", price, held.unit)
    if len(line.modifiers) >= MAX_MODIFIERS:
        raise Invalid(f"A line has at most {MAX_MODIFIERS} modifiers.", code="too_many_modifiers")
    added = uuid4()
    line.modifiers = [*line.modifiers, {"id": str(added), "name": name, "price": str(price)}]
    line.unit_price += price
    line.total_price = line.unit_price * line.quantity
    await recompute(session, held, now)
    await kitchen.announce_lines(session, held, [line])
    await session.flush()
    return added


async def remove_line(session: AsyncSession, principal: Principal, held: Held, line: OrderLine, now: datetime) -> None:
    """Takes a line off the bill; one that the kitchen has begun stays in the books as cancelled.

    Raises Forbidden for such a line without the right to void, and Conflict when more is paid than would be left.
    """
    _check_touchable(principal, line)
    if line.status == "PENDING":
        held.lines.remove(line)
        await session.delete(line)
    else:
        line.status = "CANCELLED"
    held.order.status = orders.status_of_lines(held.order.status, [line.status for line in held.lines])
    await recompute(session, held, now)
    await kitchen.announce_lines(session, held, [line])


async def discount(session: AsyncSession, held: Held, amount: Decimal, reason: str | None, now: datetime) -> None:
    """Sets the discount to an amount. Raises Invalid unless it is between nothing and the subtotal."""
    order = held.order
    if not money.is_whole(amount, held.unit):
        raise Invalid("Invalid discount amount", code="invalid_discount", fields={"discount_amount": "Too precise."})
    if not 0 <= amount <= order.subtotal:
        raise Invalid("Discount must be between 0 and subtotal", code="invalid_discount")
    await _release_code(session, order)
    order.discount_amount, order.discount_reason = amount, reason
    await recompute(session, held, now)


async def discount_by_code(session: AsyncSession, held: Held, text: str, now: datetime) -> None:
    """Discounts an order by a code, instead of what it was discounted by before. Raises Invalid, saying why not."""
    order = held.order
    if not text:
        raise Invalid("Discount code is required", code="required", fields={"discount_code": "This field is required."})
    wanted = text.strip().upper()
    # The former code is held too, both in one order for everybody, so that two orders can swap codes at once.
    held_codes = await session.scalars(
        sa.select(Discount)
        .where(
            Discount.restaurant_id == order.restaurant_id,
            sa.or_(Discount.discount_code == wanted, Discount.id == order.discount_id),
        )
        .order_by(Discount.id)
        .with_for_update()
    )
    code = next((one for one in held_codes.all() if one.discount_code == wanted), None)
    if code is None:
        raise Invalid("This discount code does not exist.", code="unknown_discount_code")
    again = order.discount_id == code.id
    if problem := _code_problem(code, order.subtotal, now, usage_count=code.usage_count - again):
        raise Invalid(problem, code="discount_code_refused")
    if not again:
        await _release_code(session, order)
        code.usage_count += 1
    order.discount_id, order.discount_reason = code.id, f"Code {code.discount_code}"
    order.discount_amount = discounts.amount_of(
        code.discount_type, code.discount_value, code.max_discount_amount, order.subtotal, held.unit
    )
    await recompute(session, held, now)


async def set_status(session: AsyncSession, principal: Principal, held: Held, wanted: str, now: datetime) -> None:
    """Moves an order on; PAID is COMPLETED.

    Raises Conflict for a step that its state forbids, or for completing what is not paid, and Forbidden for cancelling
    without the right to void.
    """
    order = held.order
    wanted = "COMPLETED" if wanted == "PAID" else wanted
    if wanted == order.status:
        return
    if not orders.may_become(order.status, wanted):
        raise Conflict(f"An order that is {order.status} cannot become {wanted}.", code="invalid_transition")
    if wanted == "CANCELLED":
        if not principal.may("order.cancel"):
            raise Forbidden
        await void(session, held, "Cancelled")
    elif wanted == "COMPLETED":
        if held.due:
            raise Conflict("The order is not paid.", code="not_paid")
        await complete(session, held, now)
    else:
        order.status = wanted
        if wanted == "READY":
            order.ready_time = now
        await kitchen.follow(session, held, wanted)
        changed(session, held)


async def void(session: AsyncSession, held: Held, reason: str) -> None:
    """Cancels an order and everything on it. Raises Conflict once something is paid or it was served."""
    order = held.order
    if not orders.may_become(order.status, "CANCELLED"):
        raise Conflict(f"An order that is {order.status} cannot be cancelled.", code="invalid_transition")
    if order.amount_paid:
        raise Conflict("Something is paid of the order: refund it first.", code="order_paid")
    order.status, order.void_reason = "CANCELLED", reason
    await _release_code(session, order)
    order.version += 1
    await kitchen.cancel(session, held)
    await free_table(session, order)
    events.order_voided(session, order, held.lines)


async def complete(session: AsyncSession, held: Held, now: datetime) -> None:
    """Closes an order that nothing is due for, and frees its table."""
    order = held.order
    order.status, order.completion_time = "COMPLETED", now
    order.version += 1
    await free_table(session, order)
    sums.touch(session, order)
    events.order_completed(session, order, held.lines)


async def recompute(session: AsyncSession, held: Held, now: datetime) -> None:
    """Works the order's amounts out again, and completes it when what is paid now covers it.

    Raises Conflict when more is paid than it would cost.
    """
    order = held.order
    taxed = [
        TaxedLine(line.total_price, line.tax_rate, line.tax_inclusive)
        for line in held.lines
        if line.status != "CANCELLED"
    ]
    if order.discount_id is not None:
        await _discount_again(session, held, sum((line.amount for line in taxed), money.ZERO))
    totals = total_of(taxed, order.discount_amount, order.service_charge_rate, held.unit)
    for name, amount in amounts_of(totals).items():
        setattr(order, name, amount)
    if order.total_amount < order.amount_paid:
        raise Conflict("More is paid than the order would cost: refund first.", code="overpaid")
    changed(session, held)
    if order.amount_paid and not held.due:
        await complete(session, held, now)


def changed(session: AsyncSession, held: Held) -> None:
    """Counts the change and says that it happened."""
    held.order.version += 1
    events.order_updated(session, held.order, held.lines)


async def free_table(session: AsyncSession, order: Order) -> None:
    """Makes a closed order's table available, unless another open order is at it."""
    if order.table_id is None:
        return
    others = sa.select(Order.id).where(
        Order.restaurant_id == order.restaurant_id,
        Order.table_id == order.table_id,
        Order.id != order.id,
        Order.status.not_in(orders.FINAL),
    )
    await session.execute(
        sa.update(DiningTable)
        .where(DiningTable.id == order.table_id, DiningTable.status == "OCCUPIED", ~sa.exists(others))
        .values(status="AVAILABLE")
    )


def _check_touchable(principal: Principal, line: OrderLine) -> None:
    if line.status != "PENDING" and not principal.may("order.cancel"):
        raise Forbidden("The kitchen has begun this line.", code="line_begun")


async def _move(session: AsyncSession, held: Held, table_id: UUID | None) -> None:
    """Takes an order to another table, or to none; guests who sat at one sit at the other then. Raises NotFound."""
    order, table_number = held.order, None
    if table_id == order.table_id:
        return
    if table_id is not None:
        table_number = await session.scalar(
            sa.select(DiningTable.table_number).where(
                DiningTable.id == table_id, DiningTable.restaurant_id == order.restaurant_id
            )
        )
        if table_number is None:
            raise NotFound(NO_TABLE)
    was_seated = order.table_id is not None
    await free_table(session, order)
    order.table_id, held.table_number = table_id, table_number
    if was_seated and table_id is not None:
        await session.execute(
            sa.update(DiningTable)
            .where(DiningTable.id == table_id, DiningTable.status.in_(("AVAILABLE", "RESERVED")))
            .values(status="OCCUPIED")
        )


def details_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a request says about the guests. Raises Invalid for what is no phone number."""
    names = ("customer_name", "customer_email", "delivery_address", "delivery_instructions", "notes")
    details = {name: values[name] for name in names if name in values}
    if "customer_phone" in values:
        text = values["customer_phone"]
        details["customer_phone"] = orders.phone_of(text) if text else None
        if text and details["customer_phone"] is None:
            raise Invalid.field("customer_phone", "Enter a phone number of 10 to 15 digits.")
    return details


def line_values(order: Any, ticket_id: UUID, position: int, priced: PricedLine, now: datetime) -> dict[str, Any]:
    """A line's row at the price that was found for it; `order` is its order or a row of queries.orders."""
    return {
        "id": uuid4(),
        "restaurant_id": order.restaurant_id,
        "order_id": order.id,
        "ticket_id": ticket_id,
        "position": position,
        "menu_item_id": priced.item.id,
        "category_id": priced.item.category_id,
        "name": priced.item.name,
        "quantity": priced.wanted.quantity,
        "base_price": priced.item.price,
        "unit_price": priced.unit_price,
        "total_price": priced.total_price,
        "tax_rate": priced.item.tax_rate,
        "tax_inclusive": priced.item.tax_inclusive,
        "modifiers": priced.modifiers,
        "special_instructions": priced.wanted.instructions,
        "status": "PENDING",
        "created_at": now,
        "updated_at": now,
    }


def amounts_of(totals: Totals) -> dict[str, Decimal]:
    """An order's amounts by their columns, with the digits that these keep."""
    amounts = {
        "subtotal": totals.subtotal,
        "discount_amount": totals.discount,
        "service_charge": totals.service_charge,
        "tax_amount": totals.tax,
        "tax_included": totals.tax_included,
        "total_amount": totals.total,
    }
    return {name: amount.quantize(money.STORED) for name, amount in amounts.items()}


def _code_problem(code: Discount, subtotal: Decimal, now: datetime, *, usage_count: int) -> str | None:
    return discounts.problem(
        is_active=code.is_active,
        valid_from=code.valid_from,
        valid_until=code.valid_until,
        max_usage=code.max_usage,
        usage_count=usage_count,
        min_order_amount=code.min_order_amount,
        subtotal=subtotal,
        now=now,
    )


async def _discount_again(session: AsyncSession, held: Held, subtotal: Decimal) -> None:
    order = held.order
    code = await session.get(Discount, order.discount_id)
    if code is None or subtotal < code.min_order_amount:
        await _release_code(session, order)
        return
    order.discount_amount = discounts.amount_of(
        code.discount_type, code.discount_value, code.max_discount_amount, subtotal, held.unit
    )


async def _release_code(session: AsyncSession, order: Order) -> None:
    if order.discount_id is not None:
        await session.execute(
            sa.update(Discount).where(Discount.id == order.discount_id).values(usage_count=Discount.usage_count - 1)
        )
    order.discount_id = order.discount_reason = None
    order.discount_amount = money.ZERO
