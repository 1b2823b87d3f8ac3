"""Card payments and what has to go back."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from services.pos.models import CardPayment, CardRefund, Order
from services.pos.queries.filters import LIMIT, mine
from services.pos.queries.orders import NO_ORDER

NO_CARD_PAYMENT = "No CardPayment matches the given query."

_ROW = sa.select(CardPayment.__table__)
_ONE = Query(_ROW.where(mine(CardPayment.restaurant_id), CardPayment.id == bindparam("id", type_=sa.Uuid)))
_OF_ORDER = Query(
    _ROW.where(mine(CardPayment.restaurant_id), CardPayment.order_id == bindparam("order_id", type_=sa.Uuid))
    .order_by(CardPayment.created_at.desc(), CardPayment.id)
    .limit(100)
)
_OF_INTENT = Query(_ROW.where(CardPayment.intent_id == bindparam("intent_id", type_=sa.Text)))
_TO_LOOK_AT = Query(
    sa.select(CardPayment.id, CardPayment.restaurant_id, CardPayment.status, CardPayment.intent_id)
    .where(
        sa.or_(CardPayment.status == "WAITING", CardPayment.status == "RETURNING"),
        CardPayment.look_at <= bindparam("now", type_=sa.DateTime(timezone=True)),
    )
    .order_by(CardPayment.look_at)
    .limit(LIMIT)
)
_REFUND = Query(sa.select(CardRefund.__table__).where(CardRefund.refund_id == bindparam("id", type_=sa.Uuid)))
_REFUNDS_DUE = Query(
    sa.select(CardRefund.refund_id, CardRefund.restaurant_id)
    .where(
        CardRefund.status == "PENDING", CardRefund.created_at <= bindparam("before", type_=sa.DateTime(timezone=True))
    )
    .order_by(CardRefund.created_at)
    .limit(LIMIT)
)
_REFUNDS_MADE = Query(
    sa.select(CardRefund.refund_id, CardRefund.restaurant_id, CardRefund.provider_refund_id).where(
        CardRefund.intent_id == bindparam("intent_id", type_=sa.Text), CardRefund.status == "SUCCEEDED"
    )
)
_BILL = Query(
    sa.select(
        Order.status,
        Order.currency,
        (Order.total_amount - Order.amount_paid).label("due"),
        sa.select(sa.func.coalesce(sa.func.sum(CardPayment.amount), 0))
        .where(CardPayment.restaurant_id == Order.restaurant_id, CardPayment.order_id == Order.id)
        .where(CardPayment.status == "WAITING")
        .scalar_subquery()
        .label("under_way"),
    ).where(mine(Order.restaurant_id), Order.id == bindparam("id", type_=sa.Uuid))
)


async def card_payment(reading: Reading, restaurant_id: UUID, card_id: UUID) -> Any:
    """One card payment. Raises NotFound."""
    row = await reading.first(_ONE, restaurant_id=restaurant_id, id=card_id)
    if row is None:
        raise NotFound(NO_CARD_PAYMENT)
    return row


async def of_order(reading: Reading, restaurant_id: UUID, order_id: UUID) -> list[Any]:
    """The card payments of an order, the newest first. Raises NotFound for no order."""
    bills, rows = await reading.batch(
        (_BILL, {"restaurant_id": restaurant_id, "id": order_id}),
        (_OF_ORDER, {"restaurant_id": restaurant_id, "order_id": order_id}),
    )
    if not bills:
        raise NotFound(NO_ORDER)
    return list(rows)


async def of_intent(reading: Reading, intent_id: str) -> Any | None:
    """The card payment of an intent; `reading` sees every restaurant."""
    return await reading.first(_OF_INTENT, intent_id=intent_id)


async def to_look_at(reading: Reading, now: datetime, limit: int) -> list[Any]:
    """Card payments of which nothing was heard for long enough; `reading` sees every restaurant."""
    return list(await reading.all(_TO_LOOK_AT, now=now, limit=limit))


async def refund(reading: Reading, refund_id: UUID) -> Any | None:
    """What the provider has to give back for a refund."""
    return await reading.first(_REFUND, id=refund_id)


async def refunds_due(reading: Reading, before: datetime, limit: int) -> list[Any]:
    """Refunds that wait since before an instant; `reading` sees every restaurant."""
    return list(await reading.all(_REFUNDS_DUE, before=before, limit=limit))


async def refunds_made(reading: Reading, intent_id: str) -> list[Any]:
    """What the provider has given back of an intent; `reading` sees every restaurant."""
    return list(await reading.all(_REFUNDS_MADE, intent_id=intent_id))


async def bill(reading: Reading, restaurant_id: UUID, order_id: UUID) -> Any:
    """What is due for an order, and what other card payments are under way for. Raises NotFound."""
    row = await reading.first(_BILL, restaurant_id=restaurant_id, id=order_id)
    if row is None:
        raise NotFound(NO_ORDER)
    return row
