"""Discount codes, and the orders of the past with their lines and payments, as pos keeps them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import SessionReader
from servicekit.errors import Invalid
from services.pos.commands import sums
from services.pos.commands.pricing import terms_of
from services.pos.domain import money
from services.pos.domain.orders import FINAL
from services.pos.domain.payments import refunded_status, tax_share
from services.pos.models import DiningTable, Discount, MenuItem, Order, OrderCounter, OrderLine, Payment, Refund
from tools.operations.legacy.source import Part, Row
from tools.operations.legacy.steps import Step

# What it took in these states is in nobody's till.
NOT_PAID = ("PENDING", "FAILED")
CODE = (
    "id",
    "restaurant_id",
    "discount_code",
    "description",
    "discount_type",
    "discount_value",
    "is_active",
    "min_order_amount",
    "max_discount_amount",
    "max_usage",
    "usage_count",
    "valid_from",
    "valid_until",
)
ORDER = (
    "id",
    "restaurant_id",
    "order_number",
    "order_type",
    "status",
    "server_id",
    "subtotal",
    "discount_amount",
    "discount_reason",
    "tax_amount",
    "total_amount",
    "customer_name",
    "customer_phone",
    "customer_email",
    "delivery_address",
    "delivery_instructions",
    "guest_count",
    "notes",
    "is_priority",
    "order_time",
    "ready_time",
    "completion_time",
    "created_at",
    "updated_at",
)
PARTS = (
    Part("lines", ("pos_order_line_items",), "order_id"),
    Part("modifiers", ("pos_order_modifiers",), "line_item_id", of="lines"),
    Part("payments", ("pos_payments",), "order_id"),
)


async def take_discount(session: AsyncSession, row: Row) -> None:
    """A discount code, as often used as it was."""
    values = {name: row[name] for name in CODE if row.get(name) is not None}
    session.add(Discount(**{"valid_from": datetime.now(UTC), **values}))


async def take_order(session: AsyncSession, row: Row) -> None:
    """An order that is over, with the amounts that were on its bill.

    Nobody is told of it: its food has left the stock already, and no kitchen makes it again. Raises Invalid for an
    order that is not over, and for a line of something that the menu does not have.
    """
    if row["status"] not in FINAL:
        raise Invalid.field("status", f"It is {row['status']}: only orders that are over are taken over.")
    restaurant_id = row["restaurant_id"]
    terms = await terms_of(SessionReader(session), restaurant_id)
    day = terms.day_of(row["order_time"])
    table = await session.get(DiningTable, row["table_id"]) if row.get("table_id") else None
    order = Order(
        business_date=day,
        sequence=await _next_number(session, restaurant_id, day),
        table_id=table.id if table is not None and table.restaurant_id == restaurant_id else None,
        currency=terms.currency,
        service_charge=money.ZERO,
        tax_included=money.ZERO,
        amount_paid=money.ZERO,
        tip_amount=money.ZERO,
        refund_amount=money.ZERO,
        version=1,
        **{name: row[name] for name in ORDER if row.get(name) is not None},
    )
    session.add(order)
    await session.flush()
    session.add_all(await _lines(session, order, row["lines"]))
    for paid in row["payments"]:
        if paid["status"] not in NOT_PAID:
            await _take_payment(session, order, paid, terms.unit)
    await session.flush()
    if order.status == "COMPLETED":
        sums.touch(session, order)


async def _next_number(session: AsyncSession, restaurant_id: UUID, day: date) -> int:
    """The next free number of a business day, on which orders may have been taken here too."""
    numbered = await session.scalars(
        insert(OrderCounter)
        .values(restaurant_id=restaurant_id, business_date=day, taken=1)
        .on_conflict_do_update(
            index_elements=[OrderCounter.restaurant_id, OrderCounter.business_date],
            set_={"taken": OrderCounter.taken + 1},
        )
        .returning(OrderCounter.taken)
    )
    return numbered.one()


async def _lines(session: AsyncSession, order: Order, rows: list[Row]) -> list[OrderLine]:
    """The lines of an order. The earlier backend kept the tax by order alone, so that lines have no rate."""
    ids = {row["menu_item_id"] for row in rows}
    found = await session.scalars(
        sa.select(MenuItem).where(MenuItem.id.in_(ids), MenuItem.restaurant_id == order.restaurant_id)
    )
    items = {item.id: item for item in found}
    if missing := ids - items.keys():
        raise Invalid.field("lines", f"The menu does not have {', '.join(sorted(map(str, missing)))}.")
    return [
        OrderLine(
            id=row["id"],
            restaurant_id=order.restaurant_id,
            order_id=order.id,
            position=position,
            menu_item_id=row["menu_item_id"],
            category_id=items[row["menu_item_id"]].category_id,
            name=items[row["menu_item_id"]].name,
            quantity=row["quantity"],
            base_price=row["unit_price"],
            unit_price=row["unit_price"],
            total_price=row["total_price"],
            modifiers=[_modifier(modifier) for modifier in row["modifiers"]],
            special_instructions=row.get("special_instructions") or None,
            status="CANCELLED" if "CANCELLED" in (order.status, row["status"]) else "SERVED",
            **_times(row),
        )
        for position, row in enumerate(rows, 1)
    ]


def _modifier(row: Row) -> dict[str, str]:
    return {"id": str(row["id"]), "name": row["modifier_name"], "price": str(row["modifier_price"])}


async def _take_payment(session: AsyncSession, order: Order, row: Row, unit: Decimal) -> None:
    """A payment and what was given back of it; the earlier backend counted the change into what was paid."""
    handed_over: Decimal = row.get("amount_paid") or row["amount"]
    amount = min(handed_over - (row.get("change_given") or money.ZERO), order.total_amount)
    given_back = min(row.get("refund_amount") or money.ZERO, amount)
    if row["status"] == "REFUNDED":
        given_back = amount
    tax = tax_share(order.total_amount, money.ZERO, order.tax_amount, given_back, unit)
    payment = Payment(
        id=row["id"],
        restaurant_id=order.restaurant_id,
        order_id=order.id,
        payment_method=row["payment_method"],
        status=refunded_status(amount, given_back) if given_back else "COMPLETED",
        currency=order.currency,
        amount=amount,
        amount_paid=handed_over,
        change_given=handed_over - amount,
        tip_amount=row.get("tip_amount") or money.ZERO,
        refund_amount=given_back,
        tax_refund_amount=tax,
        refund_reason=row.get("refund_reason") or None,
        transaction_id=row.get("transaction_id") or None,
        processed_by=row.get("processed_by_id"),
        notes=(row.get("notes") or "")[:500] or None,
        payment_time=row["payment_time"],
        **_times(row),
    )
    session.add(payment)
    await session.flush()
    order.tip_amount += payment.tip_amount
    order.amount_paid += amount
    if not given_back:
        return
    session.add(
        Refund(
            id=uuid4(),
            restaurant_id=order.restaurant_id,
            payment_id=payment.id,
            amount=given_back,
            tax_amount=tax,
            reason=payment.refund_reason,
            refunded_at=row.get("updated_at") or row["payment_time"],
        )
    )
    if order.status == "COMPLETED":
        order.refund_amount += given_back
        order.refund_reason = payment.refund_reason
    else:
        # As with us: what goes back of an order that was not completed was never earned.
        order.amount_paid -= given_back


def _times(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("created_at", "updated_at") if row.get(name) is not None}


STEPS = (
    Step("pos", ("pos_discounts",), Discount.id, take_discount),
    Step("pos", ("pos_orders",), Order.id, take_order, parts=PARTS),
)
